"""Who is asked what: leases of open comparisons."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from annotate.accounts.models import User
from annotate.campaigns.models import Campaign, Candidate, Comparison, ComparisonQuerySet, Showing

LEASE = timedelta(minutes=2)
MOST_AT_ONCE = 10


@dataclass(frozen=True)
class Question:
    """A comparison as one annotator sees it: three faces and which of the two is on the left."""

    comparison: Comparison
    anchor: int
    left: int
    right: int


@transaction.atomic
def lease(
    campaign: Campaign,
    annotator: User,
    *,
    count: int,
    at: datetime,
    rng: random.Random,
    repetitions: Sequence[int] | None = None,
) -> list[Question]:
    """Up to `count` comparisons for her: those she holds already, then free ones, each held for LEASE.

    A comparison has at most one holder. She gets those of groups in which she has answered in no other
    repetition; only where too few are left, any whose pair she has not answered yet. `repetitions`
    keeps her to those.
    """
    if not campaign.is_active:
        return []
    count = min(count, MOST_AT_ONCE)
    comparisons = (
        Comparison.objects.filter(campaign=campaign).unanswered_by(annotator).order_by("group", "id")
    )
    if repetitions is not None:
        comparisons = comparisons.filter(bracket__repetition__in=repetitions)
    held = list(_locked(comparisons.leased_to(annotator, at))[:count])
    free = comparisons.free(at)
    if len(held) < count:
        held += _locked(free.in_her_repetition(annotator, at))[: count - len(held)]
    if len(held) < count:
        # So that a lone annotator's queue never runs dry; not of a group that she is looking at already.
        elsewhere = free.exclude(group__in={comparison.group_id for comparison in held})
        held += _locked(elsewhere)[: count - len(held)]
    held = _one_repetition_of_a_group(held)
    Comparison.objects.filter(pk__in=[comparison.pk for comparison in held]).update(
        leased_to=annotator, leased_until=at + LEASE
    )
    return _questions(held, _show(held, annotator, rng))


def _one_repetition_of_a_group(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Of each group only the comparisons of the bracket that comes first: leased together, they would
    put her into two repetitions at once, perhaps with the same pair."""
    bracket_of: dict[int, int] = {}
    return [
        comparison
        for comparison in comparisons
        if bracket_of.setdefault(comparison.group_id, comparison.bracket_id) == comparison.bracket_id
    ]


def _locked(comparisons: ComparisonQuerySet) -> ComparisonQuerySet:
    # Two annotators who ask at once must not get the same row: whoever comes second skips it.
    return comparisons.select_for_update(skip_locked=True, of=("self",)).select_related("group", "bracket")


def _show(comparisons: Sequence[Comparison], annotator: User, rng: random.Random) -> dict[int, bool]:
    """Fix the sides of each showing: drawn once for each annotator, the same after a reload."""
    Showing.objects.bulk_create(
        (
            Showing(comparison=comparison, annotator=annotator, low_is_left=rng.random() < 0.5)
            for comparison in comparisons
        ),
        ignore_conflicts=True,
    )
    return dict(
        Showing.objects.filter(comparison__in=comparisons, annotator=annotator).values_list(
            "comparison", "low_is_left"
        )
    )


def _questions(comparisons: Sequence[Comparison], low_is_left: dict[int, bool]) -> list[Question]:
    faces = {
        (group, slot): face
        for group, slot, face in Candidate.objects.filter(
            group__in={comparison.group_id for comparison in comparisons}
        ).values_list("group", "slot", "positive")
    }
    questions = []
    for comparison in comparisons:
        low = faces[comparison.group_id, comparison.low]
        high = faces[comparison.group_id, comparison.high]
        left, right = (low, high) if low_is_left[comparison.pk] else (high, low)
        questions.append(Question(comparison, comparison.group.anchor_id, left, right))
    return questions
