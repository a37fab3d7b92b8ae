"""Tables of snapshots, runs, model versions and embeddings."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from pgvector.django import VectorField

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
    heartbeat_at = models.DateTimeField(null=True, help_text="When its worker last said that it lives")
    worker = models.CharField(max_length=200, blank=True, help_text="host:process of who trains it")
    stage = models.CharField(max_length=40, blank=True)
    progress = models.FloatField(default=0.0, help_text="0 .. 1 of the present stage")
    events = models.JSONField(default=list, help_text="The points of its curves, thinned")
    error = models.TextField(blank=True, help_text="Why it failed, for the admin to read")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=RunState.values), name="run_state_known"),
        ]
        indexes: ClassVar = [models.Index(fields=["state", "heartbeat_at"])]

    def __str__(self) -> str:
        return f"run {self.pk}"


class ModelVersion(models.Model):
    """A checkpoint that a run produced. `folder` holds its config, weights and evaluation."""

    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="model_version")
    folder = models.CharField(max_length=300, help_text="The checkpoint's name in the runs folder")
    evaluation = models.JSONField(help_text="What `python -m model evaluate` said of it")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"version {self.pk}"


class Embedding(models.Model):
    """A face's 16-d E_exp by one model version."""

    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="embeddings")
    face = models.ForeignKey(Face, on_delete=models.CASCADE, related_name="embeddings")
    vector = VectorField(dimensions=EMBEDDING_SIZE)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["model_version", "face"], name="embedding_once"),
        ]
