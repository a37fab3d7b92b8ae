"""Which groups an annotator is asked about next, in order of preference. Only reads: leases.py claims."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from annotate.accounts.models import User
from annotate.campaigns.models import (
    Campaign,
    Comparison,
    ComparisonQuerySet,
    Participation,
    Seat,
    Vote,
)

# An anchor that she has in mind is judged faster; after so many it is somebody else's turn.
IN_A_ROW = 5
# She begins no new group while so many of hers have something for her: brackets are to end.
UNDER_WAY = 4
# Whoever asked for a comparison so lately is somebody who may still be asked.
PRESENT = timedelta(hours=1)
GROUPS_AT_ONCE = 8


def groups_for(
    campaign: Campaign, here: Participation, at: datetime, repetitions: Sequence[int] | None
) -> Iterator[int]:
    """Groups in which something may be free for her; the claim looks again under the group's lock."""
    annotator = here.annotator
    free = asked_in(campaign, repetitions).free(at)
    waiting = (
        free.filter(uncertain__gt=0).unanswered_by(annotator).filter(~Exists(_seat_elsewhere(annotator)))
    )
    yield from _groups(waiting)[:GROUPS_AT_ONCE]
    own = list(_own_groups(free, campaign, annotator)[: UNDER_WAY + 1])
    if len(own) >= UNDER_WAY:
        yield from own
    new = free.filter(~Exists(Seat.objects.filter(group=OuterRef("group"), annotator=annotator)))
    yield from _page(new.filter(group__gt=here.reached))
    yield from own
    yield from _page(new.filter(group__lte=here.reached))
    yield from _own_groups(free, campaign, annotator)


def asked_in(campaign: Campaign, repetitions: Sequence[int] | None) -> ComparisonQuerySet:
    """The comparisons of a campaign, or of these repetitions of it."""
    comparisons = Comparison.objects.filter(campaign=campaign)
    return comparisons if repetitions is None else comparisons.filter(bracket__repetition__in=repetitions)


def present(campaign: Campaign, at: datetime) -> QuerySet[Participation]:
    """Those who asked for comparisons lately and are not paused."""
    return campaign.participations.filter(seen_at__gt=at - PRESENT, paused_at__isnull=True)


def for_a_stand_in(
    campaign: Campaign, annotator: User, at: datetime, repetitions: Sequence[int] | None
) -> ComparisonQuerySet:
    """Free matches that nobody present may answer but somebody of another repetition, as she is."""
    answered = Vote.objects.live().filter(
        annotator=OuterRef("annotator"), group=OuterRef(OuterRef("group")),
        low=OuterRef(OuterRef("low")), high=OuterRef(OuterRef("high")),
    )  # fmt: skip
    elsewhere = Seat.objects.filter(
        annotator=OuterRef("annotator"), group=OuterRef(OuterRef("group"))
    ).exclude(bracket=OuterRef(OuterRef("bracket")))
    eligible = (
        present(campaign, at).exclude(annotator=annotator).filter(~Exists(answered), ~Exists(elsewhere))
    )
    hers = Comparison.objects.leased_to(annotator, at).filter(group=OuterRef("group"))
    free = asked_in(campaign, repetitions).free(at).filter(bracket__isnull=False).unanswered_by(annotator)
    return free.filter(~Exists(eligible), ~Exists(hers)).order_by("group", "id")


def _own_groups(free: ComparisonQuerySet, campaign: Campaign, annotator: User) -> QuerySet:
    here = free.unanswered_by(annotator).filter(bracket=OuterRef("bracket"))
    seats = Seat.objects.filter(campaign=campaign, annotator=annotator, is_open=True)
    return seats.filter(Exists(here)).order_by("group").values_list("group", flat=True)


def _seat_elsewhere(annotator: User) -> QuerySet[Seat]:
    seats = Seat.objects.filter(annotator=annotator, group=OuterRef("group"))
    return seats.exclude(bracket=OuterRef("bracket"))


def _groups(comparisons: ComparisonQuerySet) -> QuerySet:
    return comparisons.order_by("group").values_list("group", flat=True).distinct()


def _page(comparisons: ComparisonQuerySet) -> Iterator[int]:
    """The groups of these, a few at a time, so that the first costs no more where there are many."""
    last = 0
    while page := list(_groups(comparisons.filter(group__gt=last))[:GROUPS_AT_ONCE]):
        yield from page
        last = page[-1]
