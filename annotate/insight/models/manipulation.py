"""Tables of faces that manipulators made: grids of sources by targets, and ways to a target's expression."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from annotate.accounts.models import User
from annotate.faces.models import Face
from annotate.insight.models.queries import QueryFace
from annotate.training.models import Manipulator
from annotate.training.models.jobs import Job, JobQuerySet

KEPT_FOR = timedelta(hours=24)
FOLDER = "_manipulations"
"""Of storage; no data set can have this name."""


def _stored_name() -> str:
    return f"{FOLDER}/{uuid.uuid4().hex}.png"


class Making(Job):
    """Made faces, and the work of making them: `sheet` holds them side by side without a gap, each `side` px.

    `picture` is to be kept elsewhere: it shows the real faces beside them and says that the others are made.
    """

    manipulator = models.ForeignKey(Manipulator, on_delete=models.CASCADE, related_name="+")
    sheet = models.CharField(max_length=300, unique=True, default=_stored_name)
    picture = models.CharField(max_length=300, unique=True, default=_stored_name)
    side = models.PositiveSmallIntegerField(null=True, help_text="Of one made face, in px")

    class Meta:
        abstract = True


class ManipulationGrid(Making):
    """Every source with every target's expression, as in Figure 9. Without `faces` its worker draws some."""

    seed = models.PositiveIntegerField(default=0, help_text="By which faces are drawn")

    def __str__(self) -> str:
        return f"grid {self.pk}"


class GridFace(models.Model):
    """A face of a grid: a row's source or a column's target."""

    grid = models.ForeignKey(ManipulationGrid, on_delete=models.CASCADE, related_name="faces")
    face = models.ForeignKey(Face, on_delete=models.CASCADE, related_name="+")
    is_target = models.BooleanField()
    place = models.PositiveSmallIntegerField()

    class Meta:
        ordering: ClassVar = ["is_target", "place"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["grid", "is_target", "place"], name="grid_face_place_once"),
        ]

    def __str__(self) -> str:
        return f"{'target' if self.is_target else 'source'} {self.place} of {self.grid}"


class InterpolationQuerySet(JobQuerySet):
    def seen_by(self, user: User) -> Self:
        """Those of faces, and those of pictures that she sent herself."""
        return self.filter(Q(query=None) | Q(query__picture__created_by=user))

    def expired(self, at: datetime) -> Self:
        return self.filter(created_at__lt=at - KEPT_FOR)


class Interpolation(Making):
    """A source on its way from its own expression to the target's, in so many steps. Kept for a day."""

    source = models.ForeignKey(Face, on_delete=models.CASCADE, null=True, related_name="+")
    query = models.ForeignKey(
        QueryFace,
        on_delete=models.CASCADE,
        null=True,
        related_name="+",
        help_text="A sent picture's, instead",
    )
    target = models.ForeignKey(Face, on_delete=models.CASCADE, related_name="+")
    steps = models.PositiveSmallIntegerField()

    objects = InterpolationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(source__isnull=False, query=None) | Q(source=None, query__isnull=False),
                name="interpolation_has_one_source",
            ),
        ]

    def __str__(self) -> str:
        return f"interpolation {self.pk}"
