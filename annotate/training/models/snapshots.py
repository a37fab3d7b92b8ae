"""Tables of snapshots: frozen exports, what was taken out of them since, those that are asked for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotate.campaigns.models import Campaign
from annotate.faces.models import Dataset

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
    validates = models.BooleanField(
        default=False, help_text="Every model version of its data set is measured on its held-out triplets"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["dataset"], condition=Q(validates=True), name="snapshot_validates_once"
            ),
        ]

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
