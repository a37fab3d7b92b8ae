"""What a review of a data set found, and what was decided in it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from annotate.faces.models import Dataset, Face, Status

# A worker says that it lives with each batch; after this long without a word another goes on.
SILENT_AFTER = timedelta(minutes=2)


class ScanQuerySet(models.QuerySet["Scan"]):
    def under_way(self) -> ScanQuerySet:
        return self.filter(ended_at__isnull=True)

    def overdue(self, at: datetime) -> ScanQuerySet:
        """Those whose worker is silent, or whose message may be lost."""
        return self.under_way().filter(heartbeat_at__lt=at - SILENT_AFTER)


class Scan(models.Model):
    """That a data set's faces are measured, where they were not at import, and compared with each other."""

    dataset = models.OneToOneField(Dataset, on_delete=models.CASCADE, related_name="scan")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    asked_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    stage = models.CharField(max_length=20, default="measuring")
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    unreadable = models.PositiveIntegerField(default=0, help_text="Faces whose crop is missing or broken")
    pairs = models.PositiveIntegerField(default=0, help_text="Pairs that are nearly the same")
    last_face = models.BigIntegerField(default=0, help_text="The newest face that it knew of")

    objects = ScanQuerySet.as_manager()

    def __str__(self) -> str:
        return f"scan of {self.dataset}"


class DuplicatePairQuerySet(models.QuerySet["DuplicatePair"]):
    def undecided(self) -> DuplicatePairQuerySet:
        """Those that nobody has judged, of two faces that are both still in use."""
        return self.filter(is_judged=False, first__status=Status.READY, second__status=Status.READY)


class DuplicatePair(models.Model):
    """Two faces whose crops are nearly the same. Judged, it is not asked again: also where they are not."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="+", db_index=False)
    first = models.ForeignKey(Face, on_delete=models.CASCADE, related_name="+", db_index=False)
    second = models.ForeignKey(Face, on_delete=models.CASCADE, related_name="+")
    distance = models.PositiveSmallIntegerField(help_text="Bits in which their hashes differ")
    is_judged = models.BooleanField(default=False, db_default=False)

    objects = DuplicatePairQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["first", "second"], name="duplicate_pair_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="duplicate_pair_in_order"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["dataset", "distance", "id"], condition=Q(is_judged=False), name="duplicate_to_judge"
            ),
        ]


class KeptFace(models.Model):
    """That somebody looked at a face's crop and found it good enough: it is not asked about again."""

    face = models.OneToOneField(Face, on_delete=models.CASCADE, primary_key=True, related_name="+")
    decision = models.ForeignKey("Decision", on_delete=models.CASCADE, related_name="kept_faces")


class Decision(models.Model):
    """One step of a review, so that it can be taken back. Ids only: what they stand for may be erased."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    set_aside = ArrayField(models.BigIntegerField(), default=list, help_text="Faces")
    judged = ArrayField(models.BigIntegerField(), default=list, help_text="Pairs")
    undone_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["dataset", "by", "id"], condition=Q(undone_at__isnull=True),
                         name="decision_standing"),
        ]  # fmt: skip
