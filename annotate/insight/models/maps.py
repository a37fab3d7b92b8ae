"""Expression maps: a version's embeddings of some data sets, laid out in the plane; and their points."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from annotate.faces.models import Dataset, Face
from annotate.training.models import ModelVersion
from annotate.training.models.jobs import Job


class MapMethod(models.TextChoices):
    TSNE = "tsne", "t-SNE"
    UMAP = "umap", "UMAP"


class ExpressionMap(Job):
    """What was asked for, and, once it is done, how far it is to be trusted (`figures`)."""

    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="maps")
    datasets = models.ManyToManyField(Dataset, related_name="+")
    method = models.CharField(max_length=4, choices=MapMethod.choices)
    perplexity = models.FloatField(default=30.0, help_text="Of t-SNE: how many neighbours a face has")
    neighbours = models.PositiveIntegerField(default=15, help_text="Of UMAP")
    seed = models.PositiveIntegerField(default=0)
    figures = models.JSONField(default=dict, help_text="What `python -m model map` said of it")
    notes = models.TextField(blank=True, help_text="What is not on it, and why")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(method__in=MapMethod.values), name="map_method_known"),
            models.CheckConstraint(condition=Q(perplexity__gte=1), name="map_perplexity_positive"),
            models.CheckConstraint(condition=Q(neighbours__gte=2), name="map_neighbours_two"),
        ]

    def __str__(self) -> str:
        return f"map {self.pk}"

    @property
    def setting(self) -> str:
        """The method's own, in words."""
        if self.method == MapMethod.TSNE:
            return f"perplexity {self.perplexity:g}"
        return f"{self.neighbours} neighbours"


class MapPoint(models.Model):
    """Where a face lies on a map: in units that mean nothing, only nearness does."""

    map = models.ForeignKey(ExpressionMap, on_delete=models.CASCADE, related_name="points", db_index=False)
    face = models.ForeignKey(Face, on_delete=models.CASCADE, related_name="+")
    x = models.FloatField()
    y = models.FloatField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["map", "face"], name="map_point_once")]
