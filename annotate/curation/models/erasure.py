"""Erasures of persons: who asked for one, how far it is, and in numbers what went."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotate.faces.models import Dataset

SILENT_AFTER = timedelta(minutes=2)


class ErasureState(models.TextChoices):
    UNDER_WAY = "under_way", "under way"
    DONE = "done", "done"


class ErasureQuerySet(models.QuerySet["Erasure"]):
    def under_way(self) -> ErasureQuerySet:
        return self.filter(state=ErasureState.UNDER_WAY)

    def overdue(self, at: datetime) -> ErasureQuerySet:
        """Those whose worker is silent, or whose message may be lost."""
        return self.under_way().filter(heartbeat_at__lt=at - SILENT_AFTER)


class Erasure(models.Model):
    """One person's faces, gone with all that hangs on them. Once it is done nothing here says whose."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="erasures")
    state = models.CharField(max_length=9, choices=ErasureState.choices, default=ErasureState.UNDER_WAY)
    identity = models.CharField(max_length=200, blank=True, help_text="Empty once it is done")
    reason = models.TextField(help_text="Why, without the person's name")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    stage = models.CharField(max_length=20, default="waiting")
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    trouble = models.TextField(blank=True, help_text="Why it does not go on just now")
    counts = models.JSONField(default=dict, help_text="What went, in numbers")

    objects = ErasureQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state=ErasureState.UNDER_WAY, ended_at__isnull=True)
                | Q(state=ErasureState.DONE, ended_at__isnull=False, identity="", trouble=""),
                name="erasure_done_names_nobody",
            ),
            models.UniqueConstraint(
                fields=["dataset"], condition=Q(state=ErasureState.UNDER_WAY), name="erasure_one_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"erasure {self.pk}"


class ErasedFace(models.Model):
    """A face of an erasure that is under way: what must be known to find every trace of it after a crash.

    These rows go with the last step.
    """

    erasure = models.ForeignKey(Erasure, on_delete=models.CASCADE, related_name="faces")
    face = models.BigIntegerField(help_text="Its id: the face itself may be gone")
    key = models.CharField(max_length=400)
    image = models.CharField(max_length=300)
    crop = models.CharField(max_length=300)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["erasure", "face"], name="erased_face_once"),
        ]
