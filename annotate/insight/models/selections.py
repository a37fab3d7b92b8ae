"""Selections of faces: those that somebody marked on a map, to look at or to work on."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from annotate.faces.models import Face
from annotate.insight.models.maps import ExpressionMap


class FaceSelection(models.Model):
    """Faces, of one data set or several, in no order. An erased one drops out."""

    name = models.CharField(max_length=100)
    map = models.ForeignKey(
        ExpressionMap, on_delete=models.SET_NULL, null=True, related_name="selections", help_text="Where from"
    )
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    faces = models.ManyToManyField(Face, through="SelectedFace", related_name="selections")

    def __str__(self) -> str:
        return self.name


class SelectedFace(models.Model):
    selection = models.ForeignKey(
        FaceSelection, on_delete=models.CASCADE, related_name="selected", db_index=False
    )
    face = models.ForeignKey(Face, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["selection", "face"], name="selected_face_once")
        ]
