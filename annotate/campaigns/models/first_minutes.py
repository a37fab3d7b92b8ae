"""How an annotator does in her first minutes: attempts, each of some gold comparisons."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from annotate.campaigns.models.campaign import Campaign
from annotate.campaigns.models.gold import Gold, Purpose
from annotate.campaigns.models.votes import Answer


class Attempt(models.Model):
    """An annotator's go at the practice or at the qualification: some gold comparisons, and what came of it.

    `needed` is how many she was to get right when she began; 0 in practice, which nobody fails.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="attempts")
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    purpose = models.CharField(max_length=13, choices=Purpose.choices)
    needed = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    asked = models.PositiveSmallIntegerField(null=True, help_text="How many she answered")
    right = models.PositiveSmallIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["annotator", "campaign", "purpose"],
                condition=Q(finished_at__isnull=True),
                name="attempt_open_once",
            ),
            models.CheckConstraint(
                condition=Q(purpose__in=[Purpose.PRACTICE, Purpose.QUALIFICATION]),
                name="attempt_purpose_known",
            ),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, asked__isnull=True, right__isnull=True)
                | Q(finished_at__isnull=False, asked__isnull=False, right__lte=F("asked")),
                name="attempt_counted_once_finished",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["annotator", "campaign", "purpose", "started_at"], name="attempt_of_annotator"
            )
        ]

    @property
    def has_passed(self) -> bool:
        return self.right is not None and self.right >= self.needed


class Trial(models.Model):
    """A gold comparison as it is put to an annotator in an attempt, and her answer. It counts nowhere."""

    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="trials", db_index=False)
    # A face that is erased takes its gold along; what came of the attempt is kept.
    gold = models.ForeignKey(Gold, on_delete=models.CASCADE, related_name="trials")
    position = models.PositiveSmallIntegerField(help_text="0, 1, 2, ... within the attempt")
    nearer_is_left = models.BooleanField(help_text="Drawn at random for each attempt")
    answer_id = models.UUIDField(
        null=True, unique=True, help_text="Made by the client: the same answer twice counts once"
    )
    answer = models.CharField(max_length=9, choices=Answer.choices, null=True)  # noqa: DJ001
    response_ms = models.PositiveIntegerField(null=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["attempt", "position"], name="trial_position_once"),
            models.UniqueConstraint(fields=["attempt", "gold"], name="trial_gold_once"),
            models.CheckConstraint(
                condition=Q(answer__isnull=True, answer_id__isnull=True, answered_at__isnull=True,
                            response_ms__isnull=True)
                | Q(answer__in=Answer.values, answer_id__isnull=False, answered_at__isnull=False),
                name="trial_answered_as_a_whole",
            ),
        ]  # fmt: skip

    @property
    def nearer(self) -> str:
        """The side on which the face is that the answer is known to be."""
        return Answer.LEFT if self.nearer_is_left else Answer.RIGHT

    @property
    def anchor_id(self) -> int:
        return self.gold.anchor_id

    @property
    def left_id(self) -> int:
        return self.gold.nearer_id if self.nearer_is_left else self.gold.farther_id

    @property
    def right_id(self) -> int:
        return self.gold.farther_id if self.nearer_is_left else self.gold.nearer_id
