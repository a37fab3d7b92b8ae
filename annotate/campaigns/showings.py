"""What an annotator sees: comparisons and gold ones as questions, on the sides that were drawn for her."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError
from django.db.models import Exists, OuterRef

from annotate.accounts.models import User
from annotate.campaigns.models import Campaign, Candidate, Comparison, Gold, Showing, Vote


@dataclass(frozen=True)
class Question:
    """A comparison as one annotator sees it: three faces and which of the two is on the left.

    `comparison` is None where it is a gold one. `showing` is what her vote names.
    """

    showing: int
    comparison: Comparison | None
    anchor: int
    left: int
    right: int


def held_gold(campaign: Campaign, annotator: User) -> list[Gold]:
    """Gold that she was shown and has not answered."""
    if not campaign.gold_rate:
        return []
    shown = campaign.gold.filter(showings__annotator=annotator)
    answered = Vote.objects.filter(annotator=annotator, gold=OuterRef("pk"), retracted_at__isnull=True)
    return list(shown.filter(~Exists(answered)).order_by("id"))


def draw_gold(campaign: Campaign, annotator: User, count: int) -> list[Gold]:
    unseen = campaign.gold.filter(~Exists(Showing.objects.filter(annotator=annotator, gold=OuterRef("pk"))))
    return list(unseen.order_by("id")[:count])


def show(
    comparisons: Sequence[Comparison], gold: Sequence[Gold], annotator: User, rng: random.Random
) -> dict[tuple[int | None, int | None], Showing]:
    """Fix the sides of each showing: drawn once for each annotator, the same after a reload."""
    shown = {
        (showing.comparison_id, showing.gold_id): showing
        for showing in [
            *Showing.objects.filter(comparison__in=comparisons, annotator=annotator),
            *(Showing.objects.filter(gold__in=gold, annotator=annotator) if gold else ()),
        ]
    }
    keys = [(comparison.pk, None) for comparison in comparisons] + [(None, one.pk) for one in gold]
    new = [
        Showing(comparison_id=comparison, gold_id=one, annotator=annotator, low_is_left=rng.random() < 0.5)
        for comparison, one in keys
        if (comparison, one) not in shown
    ]
    try:
        Showing.objects.bulk_create(new)
    except IntegrityError:
        # Another tab of hers was shown the same at the same moment: its sides hold.
        return show(comparisons, gold, annotator, rng)
    shown |= {(showing.comparison_id, showing.gold_id): showing for showing in new}
    return shown


def questions_of(
    comparisons: Sequence[Comparison],
    gold: Sequence[Gold],
    shown: dict[tuple[int | None, int | None], Showing],
) -> list[Question]:
    faces = {
        (group, slot): face
        for group, slot, face in Candidate.objects.filter(
            group__in={comparison.group_id for comparison in comparisons}
        ).values_list("group", "slot", "positive")
    }
    questions = []
    for comparison in comparisons:
        pair = faces[comparison.group_id, comparison.low], faces[comparison.group_id, comparison.high]
        showing = shown[comparison.pk, None]
        left, right = pair if showing.low_is_left else pair[::-1]
        questions.append(Question(showing.pk, comparison, comparison.group.anchor_id, left, right))
    for one in gold:
        showing = shown[None, one.pk]
        pair = one.nearer_id, one.farther_id
        left, right = pair if showing.low_is_left else pair[::-1]
        questions.append(Question(showing.pk, None, one.anchor_id, left, right))
    return questions
