"""An annotator who asks for comparisons, and what she may answer in place of others. Only reads."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.db.models import Exists, OuterRef, QuerySet

from annotate.accounts.models import User
from annotate.campaigns.models import Campaign, Comparison, ComparisonQuerySet, Participation, Seat, Vote

# An anchor that she has in mind is judged faster; after so many it is somebody else's turn.
IN_A_ROW = 5
# She begins no new group while so many of hers have something for her: brackets are to end.
UNDER_WAY = 4
# Whoever asked for a comparison so lately is somebody who may still be asked.
PRESENT = timedelta(hours=1)


@dataclass(frozen=True)
class Arrival:
    """An annotator who asks for comparisons, of these repetitions (None: all), and what the campaign says."""

    campaign_id: int
    annotator: User
    at: datetime
    rng: random.Random
    repetitions: list[int] | None
    gold_rate: float
    extra_comparisons: int
    held: int

    @cached_property
    def campaign(self) -> Campaign:
        return Campaign.objects.get(pk=self.campaign_id)

    @property
    def asked(self) -> ComparisonQuerySet:
        """The comparisons that she may be asked about."""
        comparisons = Comparison.objects.filter(campaign=self.campaign_id)
        if self.repetitions is None:
            return comparisons
        return comparisons.filter(bracket__repetition__in=self.repetitions)

    def sides(self, count: int) -> list[bool]:
        """Whether the lower slot is on the left of each."""
        return [self.rng.random() < 0.5 for _ in range(count)]


def present(campaign_id: int, at: datetime) -> QuerySet[Participation]:
    """Those who asked for comparisons lately and are not paused."""
    return Participation.objects.filter(
        campaign=campaign_id, seen_at__gt=at - PRESENT, paused_at__isnull=True
    )


def for_a_stand_in(here: Arrival) -> ComparisonQuerySet:
    """Free matches that nobody present may answer but somebody of another repetition, as she is."""
    answered = Vote.objects.live().filter(
        annotator=OuterRef("annotator"), group=OuterRef(OuterRef("group")),
        low=OuterRef(OuterRef("low")), high=OuterRef(OuterRef("high")),
    )  # fmt: skip
    elsewhere = Seat.objects.filter(
        annotator=OuterRef("annotator"), group=OuterRef(OuterRef("group"))
    ).exclude(bracket=OuterRef(OuterRef("bracket")))
    others = present(here.campaign_id, here.at).exclude(annotator=here.annotator)
    eligible = others.filter(~Exists(answered), ~Exists(elsewhere))
    hers = Comparison.objects.leased_to(here.annotator, here.at).filter(group=OuterRef("group"))
    free = here.asked.free(here.at).filter(bracket__isnull=False).unanswered_by(here.annotator)
    return free.filter(~Exists(eligible), ~Exists(hers)).order_by("group", "id")
