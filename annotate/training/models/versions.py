"""Tables of model versions: their embeddings, accuracy on validation snapshots, promotions, work on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from pgvector.django import L2Distance, VectorField

from annotate.faces.models import Dataset, Face
from annotate.training.models.jobs import Job
from annotate.training.models.runs import Run
from annotate.training.models.snapshots import Snapshot

EMBEDDING_SIZE = 16


class ModelVersionQuerySet(models.QuerySet["ModelVersion"]):
    def trained_on(self, snapshot: Snapshot) -> ModelVersionQuerySet:
        """Those that learnt from a snapshot: by a run on it, or from a version that did, however far up."""
        found: set[int] = set()
        newest = set(ModelVersion.objects.filter(run__snapshot=snapshot).values_list("pk", flat=True))
        while newest:
            found |= newest
            children = ModelVersion.objects.filter(run__parent__in=newest).values_list("pk", flat=True)
            newest = set(children) - found
        return self.filter(pk__in=found)


class ModelVersion(models.Model):
    """A checkpoint that a run produced. `folder` holds its config, weights and evaluation."""

    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="model_version")
    folder = models.CharField(max_length=300, help_text="The checkpoint's name in the runs folder")
    evaluation = models.JSONField(help_text="What `python -m model evaluate` said of it")
    created_at = models.DateTimeField(auto_now_add=True)
    erased_at = models.DateTimeField(
        null=True, help_text="When somebody on whose faces it was trained has last been erased"
    )

    objects = ModelVersionQuerySet.as_manager()

    def __str__(self) -> str:
        return f"version {self.pk}"


class Promotion(models.Model):
    """That a version became the active one. The newest row names it; rows are only ever added."""

    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="promotions")
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Nobody: it was promoted by itself",
    )
    reason = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.model_version} became active"


class Validation(models.Model):
    """A version's accuracy on a snapshot that no version trains on: what makes versions comparable."""

    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="validations")
    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="validations")
    sha256 = models.CharField(max_length=64, help_text="The snapshot's when it was measured")
    report = models.JSONField(help_text="What `python -m model evaluate` said")
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["model_version", "snapshot"], name="validation_once"),
        ]

    def __str__(self) -> str:
        return f"{self.model_version} on {self.snapshot}"


class Errand(Job):
    """Work on a version that the cpu queue does: embed a data set's faces, or measure it on a snapshot."""

    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="errands")
    dataset = models.ForeignKey(
        Dataset, on_delete=models.CASCADE, null=True, related_name="+", help_text="Whose faces to embed"
    )
    snapshot = models.ForeignKey(
        Snapshot, on_delete=models.CASCADE, null=True, related_name="+", help_text="What to measure it on"
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(dataset__isnull=False, snapshot__isnull=True)
                | Q(dataset__isnull=True, snapshot__isnull=False),
                name="errand_is_one_thing",
            ),
            models.UniqueConstraint(
                fields=["model_version", "dataset"],
                condition=Q(ended_at=None, dataset__isnull=False),
                name="errand_embeds_once_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["model_version", "snapshot"],
                condition=Q(ended_at=None, snapshot__isnull=False),
                name="errand_measures_once_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"errand {self.pk} on {self.model_version}"


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
