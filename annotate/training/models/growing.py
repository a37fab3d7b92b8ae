"""Tables of the loop: when a campaign's new triplets are trained on and what came of it, and groups that a
version proposed."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q

from annotate.campaigns.models import Campaign
from annotate.training.models.runs import Run
from annotate.training.models.snapshots import Snapshot
from annotate.training.models.versions import ModelVersion


class FineTuningQuerySet(models.QuerySet["FineTuning"]):
    def to_tend(self) -> FineTuningQuerySet:
        """Those that may start a run, or have one of which it is not known what comes of it."""
        undecided = Run.objects.filter(fine_tuning=OuterRef("pk"), decision=None)
        return self.filter(Q(is_on=True) | Exists(undecided))


class FineTuning(models.Model):
    """That the active version is fine-tuned as a campaign's triplets come in."""

    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, related_name="fine_tuning")
    is_on = models.BooleanField(default=True)
    every_triplets = models.PositiveIntegerField(
        null=True, validators=[MinValueValidator(1)], help_text="So many new ones start a run"
    )
    nightly_at = models.PositiveSmallIntegerField(
        null=True, validators=[MaxValueValidator(23)], help_text="The hour at which a run starts every night"
    )
    margin = models.FloatField(
        default=0.005,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="By so much accuracy must the new version be better to be promoted by itself",
    )
    replay = models.FloatField(
        default=0.9,
        validators=[MinValueValidator(0.0), MaxValueValidator(0.95)],
        help_text="Share of a step's triplets that the version was trained on already",
    )
    triplets = models.PositiveIntegerField(default=0, help_text="How many there were at the last run")
    last_at = models.DateTimeField(null=True, help_text="When it last started a run")
    night_over_at = models.DateTimeField(
        null=True, help_text="Nights before this are over: they started a run, or there was nothing new"
    )
    failures = models.PositiveSmallIntegerField(default=0, help_text="Of its runs in a row")
    note = models.TextField(blank=True, help_text="What it last did or why it did nothing")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    objects = FineTuningQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(every_triplets__isnull=False) | Q(nightly_at__isnull=False),
                name="fine_tuning_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"fine-tuning by {self.campaign}"


class Verdict(models.TextChoices):
    PROMOTED = "promoted", "promoted"
    KEPT = "kept", "kept"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


class Decision(models.Model):
    """What came of a run that fine-tuning launched: written once, when it is known.

    Its version was promoted, or kept beside the active one (`against`) for the reason given.
    """

    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="decision")
    verdict = models.CharField(max_length=9, choices=Verdict.choices)
    reason = models.TextField()
    at = models.DateTimeField()
    against = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, null=True, related_name="+", help_text="The active one then"
    )
    snapshot = models.ForeignKey(
        Snapshot, on_delete=models.SET_NULL, null=True, related_name="+", help_text="It measured both"
    )
    sha256 = models.CharField(max_length=64, blank=True, help_text="That snapshot's when they were measured")
    accuracy = models.FloatField(null=True, help_text="0 .. 1")
    accuracy_against = models.FloatField(null=True, help_text="Of the active one then")
    standard_error = models.FloatField(null=True, help_text="Of the difference of the two")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(verdict__in=Verdict.values), name="decision_verdict_known"),
        ]

    def __str__(self) -> str:
        return f"{self.run}: {self.verdict}"
