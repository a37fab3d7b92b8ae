"""Tables of the loop: when a campaign's new triplets are trained on, and groups that a version proposed."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from annotate.campaigns.models import Campaign, Group
from annotate.training.models.versions import ModelVersion


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
        default=0.5,
        validators=[MinValueValidator(0.0), MaxValueValidator(0.95)],
        help_text="Share of a step's triplets that the version was trained on already",
    )
    triplets = models.PositiveIntegerField(default=0, help_text="How many there were at the last run")
    last_at = models.DateTimeField(null=True, help_text="When it last started a run")
    note = models.TextField(blank=True, help_text="What it last did or why it did nothing")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(every_triplets__gte=1) | Q(nightly_at__lte=23), name="fine_tuning_has_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"fine-tuning by {self.campaign}"


class Proposal(models.Model):
    """Groups that a version proposed to a campaign, a share of them drawn at random instead."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="proposals")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="proposals")
    random_share = models.FloatField()
    seed = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    def __str__(self) -> str:
        return f"proposal {self.pk} to {self.campaign}"


class ProposedGroup(models.Model):
    """Why a group is there: the version was least sure of it, or it is of the random share."""

    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="groups")
    group = models.OneToOneField(Group, on_delete=models.CASCADE, related_name="proposed")
    is_random = models.BooleanField()
    score = models.FloatField(null=True, help_text="How unsure the version was, as its proposal counts it")

    def __str__(self) -> str:
        return f"{self.group} of {self.proposal}"
