"""The table of evaluation reports: what a model version is good for on the labelled faces of a data set."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from annotate.faces.models import Dataset
from annotate.training.models import ModelVersion
from annotate.training.models.jobs import Job


class Extent(models.TextChoices):
    """Which of a data set's faces a report is of."""

    HELD_OUT = "val", "held-out faces (split val)"
    ALL = "all", "all faces"


class Measured(models.TextChoices):
    """Which vectors of a version a report is of."""

    EMBEDDING = "embedding", "its embedding"
    IDENTITY = "identity", "its frozen identity branch alone, as a baseline"


class Report(Job):
    """One report, asked for or made. It counts: no face and no person is named in it."""

    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="reports")
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="reports")
    extent = models.CharField(max_length=3, choices=Extent.choices, default=Extent.HELD_OUT)
    measured = models.CharField(max_length=9, choices=Measured.choices, default=Measured.EMBEDDING)
    neighbours = ArrayField(models.PositiveIntegerField(), help_text="k's of KNN recognition")
    retrain = models.BooleanField(default=False, help_text="Whether a classification head is trained too")
    figures = models.JSONField(null=True, help_text="What `python -m model report` said")
    headline = models.CharField(max_length=200, blank=True, help_text="What lists say of it")
    made_of = models.JSONField(default=dict, help_text="Counts of faces, people, labels, triplets; a hash")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["model_version", "dataset", "extent", "measured"],
                condition=Q(ended_at=None),
                name="report_once_at_a_time",
            ),
            models.CheckConstraint(condition=Q(extent__in=Extent.values), name="report_extent_known"),
            models.CheckConstraint(condition=Q(measured__in=Measured.values), name="report_measured_known"),
        ]
        indexes: ClassVar = [models.Index(fields=["dataset", "model_version", "id"], name="report_newest")]

    def __str__(self) -> str:
        return f"report {self.pk}"

    @property
    def subject(self) -> str:
        """What it is of, in words."""
        alone = "’s identity branch" if self.measured == Measured.IDENTITY else ""
        return f"version {self.model_version_id}{alone}"

    @property
    def takes_pictures(self) -> bool:
        """Whether stored embeddings do not do: a network looks at the crops."""
        return self.retrain or self.measured != Measured.EMBEDDING
