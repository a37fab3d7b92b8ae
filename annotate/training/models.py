"""Tables of snapshots, runs, model versions and embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from pgvector.django import L2Distance, VectorField

from annotate.campaigns.models import Campaign
from annotate.faces.models import Dataset, Face

EMBEDDING_SIZE = 16


class RunState(models.TextChoices):
    QUEUED = "queued", "queued"
    RUNNING = "running", "running"
    CANCELLING = "cancelling", "cancelling"
    CANCELLED = "cancelled", "cancelled"
    FAILED = "failed", "failed"
    SUCCEEDED = "succeeded", "succeeded"


ENDED = [RunState.CANCELLED, RunState.FAILED, RunState.SUCCEEDED]
# A worker says every few seconds that it lives; after this long without a word it is lost.
LOST_AFTER = timedelta(seconds=60)
# A message that was not answered for so long may have died with the broker; a second one does no harm.
ENQUEUE_AGAIN_AFTER = timedelta(minutes=10)


class Snapshot(models.Model):
    """A frozen export on disk. `sha256` is the manifest's: what is in it can not change unseen."""

    name = models.CharField(max_length=100)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="snapshots")
    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, null=True, blank=True, related_name="snapshots"
    )
    folder = models.CharField(max_length=300, unique=True, help_text="Its name in the snapshots folder")
    sha256 = models.CharField(max_length=64)
    counts = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    def __str__(self) -> str:
        return f"{self.name} {self.sha256[:8]}"

    def sha256_at(self, at: datetime) -> str:
        """The hash that it had then: a run is pinned to it, whatever was taken out later."""
        for alteration in sorted(self.alterations.all(), key=lambda alteration: alteration.at):
            if alteration.at > at:
                return alteration.sha256_before
        return self.sha256


class SnapshotAlteration(models.Model):
    """That a person's rows and crops were taken out of a stored snapshot, which has another hash since."""

    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="alterations")
    at = models.DateTimeField()
    sha256_before = models.CharField(max_length=64)
    sha256_after = models.CharField(max_length=64)
    taken_out = models.JSONField(help_text="How many faces, triplets and answers")
    folder_before = models.CharField(
        max_length=300, blank=True, help_text="The folder that it lay in before, until that is removed"
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(sha256_before=models.F("sha256_after")), name="alteration_alters"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sha256_before[:8]} became {self.sha256_after[:8]}"


class FreezeQuerySet(models.QuerySet["Freeze"]):
    def pending(self) -> FreezeQuerySet:
        """Those that are being made, or wait for a worker."""
        return self.filter(error="")

    def failed(self) -> FreezeQuerySet:
        return self.exclude(error="")

    def overdue(self, at: datetime) -> FreezeQuerySet:
        """Pending ones whose message may be lost."""
        return self.pending().filter(enqueued_at__lt=at - ENQUEUE_AGAIN_AFTER)


class Freeze(models.Model):
    """A snapshot that was asked for in the browser and is not there yet. The row goes when it is."""

    name = models.CharField(max_length=100)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="+")
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, null=True, related_name="+")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    enqueued_at = models.DateTimeField(help_text="When it was last put on the queue")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often a worker began it")
    error = models.TextField(blank=True, help_text="Why it failed, for the curator to read")

    objects = FreezeQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class RunQuerySet(models.QuerySet["Run"]):
    def unfinished(self) -> RunQuerySet:
        return self.exclude(state__in=ENDED)

    def held(self) -> RunQuerySet:
        """Those that a worker has."""
        return self.filter(state__in=[RunState.RUNNING, RunState.CANCELLING])

    def lost(self, at: datetime) -> RunQuerySet:
        """Those whose worker is silent for too long."""
        return self.held().filter(heartbeat_at__lt=at - LOST_AFTER)

    def overdue(self, at: datetime) -> RunQuerySet:
        """Queued ones that were handed back, or whose message may be lost."""
        waits = Q(heartbeat_at__isnull=True) | Q(heartbeat_at__lt=at - ENQUEUE_AGAIN_AFTER)
        return self.filter(waits, state=RunState.QUEUED)


class Run(models.Model):
    """One training job on one snapshot. `config` is what `python -m model train` is given."""

    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="runs")
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.QUEUED)
    config = models.JSONField(default=dict)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(
        null=True,
        help_text="When its worker last said that it lives; of a queued run, when it was put on the queue",
    )
    worker = models.CharField(max_length=200, blank=True, help_text="host:process of who trains it")
    losses = models.PositiveSmallIntegerField(default=0, help_text="How many workers were lost with it")
    stage = models.CharField(max_length=40, blank=True)
    progress = models.FloatField(default=0.0, help_text="0 .. 1 of the present stage")
    events = models.JSONField(default=list, help_text="The points of its curves, thinned")
    error = models.TextField(blank=True, help_text="Why it failed, for the admin to read")

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=RunState.values), name="run_state_known"),
        ]
        indexes: ClassVar = [models.Index(fields=["state", "heartbeat_at"])]

    def __str__(self) -> str:
        return f"run {self.pk}"

    @property
    def is_unfinished(self) -> bool:
        return self.state not in ENDED


class ModelVersion(models.Model):
    """A checkpoint that a run produced. `folder` holds its config, weights and evaluation."""

    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="model_version")
    folder = models.CharField(max_length=300, help_text="The checkpoint's name in the runs folder")
    evaluation = models.JSONField(help_text="What `python -m model evaluate` said of it")
    created_at = models.DateTimeField(auto_now_add=True)
    erased_at = models.DateTimeField(
        null=True, help_text="When somebody on whose faces it was trained has last been erased"
    )

    def __str__(self) -> str:
        return f"version {self.pk}"


class EmbeddingQuerySet(models.QuerySet["Embedding"]):
    def nearest(self, vector: Sequence[float]) -> EmbeddingQuerySet:
        """Nearest first, by Euclidean `distance`; filter by model version before."""
        return self.annotate(distance=L2Distance("vector", vector)).order_by("distance", "face")


class Embedding(models.Model):
    """A face's 16-d E_exp by one model version."""

    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="embeddings")
    face = models.ForeignKey(Face, on_delete=models.CASCADE, related_name="embeddings")
    vector = VectorField(dimensions=EMBEDDING_SIZE)

    objects = EmbeddingQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["model_version", "face"], name="embedding_once"),
        ]
