"""The table of manipulators: what runs of face manipulation produced."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from annotate.training.models.runs import Run
from annotate.training.models.snapshots import Snapshot
from annotate.training.models.versions import ModelVersion


class ManipulatorQuerySet(models.QuerySet["Manipulator"]):
    def trained_on(self, snapshot: Snapshot) -> ManipulatorQuerySet:
        """Those that learnt from a snapshot: by a run on it, or from a version's embedding that did."""
        versions = ModelVersion.objects.trained_on(snapshot)
        return self.filter(Q(run__snapshot=snapshot) | Q(run__parent__in=versions))


class Manipulator(models.Model):
    """A generator that gives a face another's expression, as the embedding of its run's parent tells it.

    `folder` holds its weights and settings.
    """

    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="manipulator")
    folder = models.CharField(max_length=300, help_text="Its checkpoint's name in the runs folder")
    judgement = models.JSONField(help_text="What `python -m model manipulate judge` said of it")
    created_at = models.DateTimeField(auto_now_add=True)
    erased_at = models.DateTimeField(
        null=True, help_text="When somebody from whose faces it learnt has last been erased"
    )

    objects = ManipulatorQuerySet.as_manager()

    def __str__(self) -> str:
        return f"manipulator {self.pk}"
