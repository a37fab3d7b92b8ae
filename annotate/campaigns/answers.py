"""One annotator's answers as she saw them, the newest first, with what others said of the same pairs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Aggregate, Count, F, FloatField, Q, TextChoices

from annotate.accounts.models import User
from annotate.campaigns.models import Answer, Campaign, Candidate, Vote
from annotate.campaigns.models.votes import VoteQuerySet
from annotate.tournament.quality import TOO_FAST_MS

ANSWERS_SHOWN = 24


class Only(TextChoices):
    """Which of her answers are wanted. Those that were taken back are in none but TAKEN_BACK."""

    ALL = "", "All"
    DIFFERS = "differs", "Others say otherwise"
    UNCERTAIN = "uncertain", "Uncertain"
    FAST = "fast", "Too fast"
    GOLD = "gold", "Gold"
    GOLD_WRONG = "gold-wrong", "Gold, wrong"
    FLAGGED = "flagged", "Flagged"
    TAKEN_BACK = "taken-back", "Taken back"


@dataclass(frozen=True)
class Said:
    """An answer. Faces are ids, on the sides where she saw them. `others` are who else answered this
    very pair, with their side as this one saw it (None: uncertain); of gold, how many others are right."""

    vote: Vote
    anchor: int
    left: int
    right: int
    others: list[tuple[str, str | None]] = field(default_factory=list)
    gold_right: int = 0
    gold_others: int = 0

    @property
    def is_too_fast(self) -> bool:
        return self.vote.response_ms is not None and self.vote.response_ms < TOO_FAST_MS


class Median(Aggregate):
    """Of what is not NULL."""

    template = "percentile_cont(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


def in_short(campaign: Campaign, annotator: User) -> dict[str, float | None]:
    """How much she has answered, and how."""
    live = Q(retracted_at__isnull=True)
    named = live & ~Q(answer=Answer.UNCERTAIN) & Q(gold__isnull=False)
    right = Q(answer=Answer.LEFT, low_is_left=True) | Q(answer=Answer.RIGHT, low_is_left=False)
    return campaign.votes.filter(annotator=annotator).aggregate(
        votes=Count("pk", filter=live),
        uncertain=Count("pk", filter=live & Q(answer=Answer.UNCERTAIN, flag__isnull=True)),
        flagged=Count("pk", filter=live & Q(flag__isnull=False)),
        fast=Count("pk", filter=live & Q(response_ms__lt=TOO_FAST_MS)),
        gold_named=Count("pk", filter=named),
        gold_right=Count("pk", filter=named & right),
        taken_back=Count("pk", filter=~live),
        median_seconds=Median(F("response_ms") / 1000.0, filter=live),
    )


def page_of_answers(
    campaign: Campaign, annotator: User, only: Only, before: Vote | None
) -> tuple[list[Said], bool]:
    """Her next answers, from the one before `before` on, and whether there are more."""
    votes = _chosen(campaign.votes.filter(annotator=annotator).with_others(annotator), only)
    if before is not None:
        votes = votes.filter(
            Q(created_at__lt=before.created_at) | Q(created_at=before.created_at, pk__lt=before.pk)
        )
    found = list(
        votes.select_related("gold", "group", "comparison__bracket", "retracted_by")
        .order_by("-created_at", "-pk")[: ANSWERS_SHOWN + 1]
    )  # fmt: skip
    return _with_faces(found[:ANSWERS_SHOWN], annotator), len(found) > ANSWERS_SHOWN


def _chosen(votes: VoteQuerySet, only: Only) -> VoteQuerySet:
    if only == Only.TAKEN_BACK:
        return votes.filter(retracted_at__isnull=False)
    named_farther = Q(answer=Answer.LEFT, low_is_left=False) | Q(answer=Answer.RIGHT, low_is_left=True)
    return votes.live().filter({
        Only.ALL: Q(),
        Only.DIFFERS: Q(others_otherwise__gt=F("others_same")),
        Only.UNCERTAIN: Q(answer=Answer.UNCERTAIN, flag__isnull=True),
        Only.FAST: Q(response_ms__lt=TOO_FAST_MS),
        Only.GOLD: Q(gold__isnull=False),
        Only.GOLD_WRONG: Q(gold__isnull=False) & named_farther,
        Only.FLAGGED: Q(flag__isnull=False),
    }[only])  # fmt: skip


def _with_faces(votes: Sequence[Vote], annotator: User) -> list[Said]:
    groups = {vote.group_id for vote in votes if vote.group_id}
    faces = {
        (group, slot): face
        for group, slot, face in Candidate.objects.filter(group__in=groups).values_list(
            "group", "slot", "positive"
        )
    }
    on_pair = _others_on_pairs(groups, annotator)
    on_gold = _others_on_gold([vote.gold_id for vote in votes if vote.gold_id], annotator)
    rows = []
    for vote in votes:
        if vote.gold:
            low, high, anchor = vote.gold.nearer_id, vote.gold.farther_id, vote.gold.anchor_id
        else:
            low, high = faces[vote.group_id, vote.low], faces[vote.group_id, vote.high]
            anchor = vote.group.anchor_id
        left, right = (low, high) if vote.low_is_left else (high, low)
        others = [
            (other.annotator.username, _side(other.winner, vote))
            for other in on_pair[vote.group_id, vote.low, vote.high]
        ]
        rows.append(Said(vote, anchor, left, right, others, *on_gold.get(vote.gold_id, (0, 0))))
    return rows


def _side(slot: int | None, vote: Vote) -> str | None:
    """Where this vote's annotator saw the face."""
    if slot is None:
        return None
    return "left" if (slot == vote.low) == vote.low_is_left else "right"


def _others_on_pairs(groups: set[int], annotator: User) -> dict[tuple, list[Vote]]:
    found: dict[tuple, list[Vote]] = defaultdict(list)
    others = Vote.objects.live().filter(group__in=groups, flag__isnull=True).exclude(annotator=annotator)
    for vote in others.select_related("annotator").order_by("created_at"):
        found[vote.group_id, vote.low, vote.high].append(vote)
    return found


def _others_on_gold(gold: list[int], annotator: User) -> dict[int, tuple[int, int]]:
    right = Q(answer=Answer.LEFT, low_is_left=True) | Q(answer=Answer.RIGHT, low_is_left=False)
    others = Vote.objects.live().filter(gold__in=gold).exclude(answer=Answer.UNCERTAIN)
    counted = others.exclude(annotator=annotator).order_by().values_list("gold")
    return {
        pk: (right_ones, n)
        for pk, right_ones, n in counted.annotate(right=Count("pk", filter=right), n=Count("pk"))
    }
