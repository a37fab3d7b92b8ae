"""Tables of proposals: groups that a model version gives a campaign, and why each of them is there."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotate.campaigns.models import Campaign, Group
from annotate.training.models.snapshots import ENQUEUE_AGAIN_AFTER
from annotate.training.models.versions import ModelVersion


class ProposalQuerySet(models.QuerySet["Proposal"]):
    def unfinished(self) -> ProposalQuerySet:
        return self.filter(ended_at=None)

    def overdue(self, at: datetime) -> ProposalQuerySet:
        """Unfinished ones whose message may be lost."""
        return self.unfinished().filter(enqueued_at__lt=at - ENQUEUE_AGAIN_AFTER)


class Proposal(models.Model):
    """Groups that a version proposes to a campaign, a share of them drawn at random instead.

    An admin asks for it, a worker makes it: it has its groups, or an error, once it has ended.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="proposals")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="proposals")
    wanted = models.PositiveIntegerField(default=0, help_text="How many groups were asked for")
    random_share = models.FloatField()
    seed = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    enqueued_at = models.DateTimeField(null=True, help_text="When it was last put on the queue")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often a worker began it")
    ended_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, help_text="Why it has no groups, for the admin to read")

    objects = ProposalQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["campaign"], condition=Q(ended_at=None), name="proposal_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(random_share__gte=0, random_share__lte=1), name="proposal_random_share"
            ),
        ]

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
