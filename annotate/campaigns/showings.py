"""What an annotator sees: the questions that she holds, and gold ones mixed in among them."""

from __future__ import annotations

from django.db.models import Exists, OuterRef

from annotate.campaigns.choosing import Arrival
from annotate.campaigns.models import Gold, Purpose, Question, Showing, Vote


def held_questions(here: Arrival) -> list[Question]:
    """The comparisons that she looks at, as she was shown them."""
    hers = here.asked.leased_to(here.annotator, here.at)
    shown = Question.objects.filter(annotator=here.annotator, comparison__in=hers)
    return list(shown.select_related("comparison").order_by("comparison__group", "comparison"))


def held_gold(here: Arrival) -> list[Question]:
    """Gold that she was shown and has not answered."""
    if not here.gold_rate:
        return []
    answered = Vote.objects.live().filter(annotator=here.annotator, gold=OuterRef("gold"))
    hers = Question.objects.filter(annotator=here.annotator, gold__campaign=here.campaign_id)
    return list(hers.filter(~Exists(answered)).order_by("gold"))


def draw_gold(here: Arrival, wanted: int) -> list[Gold]:
    """Gold that she has not seen: of `wanted` comparisons the campaign's share."""
    count = sum(here.rng.random() < here.gold_rate for _ in range(wanted)) if here.gold_rate else 0
    if not count:
        return []
    unseen = ~Exists(Showing.objects.filter(annotator=here.annotator, gold=OuterRef("pk")))
    hidden = Gold.objects.filter(unseen, campaign=here.campaign_id, purpose=Purpose.HIDDEN)
    return list(hidden.order_by("id")[:count])


def show_gold(here: Arrival, gold: list[Gold]) -> list[Question]:
    """Fix the sides on which she sees them: drawn once, the same after a reload."""
    if not gold:
        return []
    showings = [
        Showing(gold=one, annotator=here.annotator, low_is_left=low_is_left)
        for one, low_is_left in zip(gold, here.sides(len(gold)), strict=True)
    ]
    # Another tab of hers may have been shown the same at the same moment: its sides hold.
    Showing.objects.bulk_create(showings, ignore_conflicts=True)
    return list(Question.objects.filter(annotator=here.annotator, gold__in=gold).order_by("gold"))
