"""Voids the groups and gold comparisons that faces are in, with all that hangs on them.

Only for an erasure: elsewhere a vote is never deleted. How many answers went is kept, for their
annotators' pay.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F, Q, QuerySet

from annotate.campaigns.models import Candidate, Gold, Group, Showing, VoidedAnswers, Vote
from annotate.campaigns.my_work import COUNTS, by_day


@dataclass
class Voided:
    """What went."""

    groups: int = 0
    brackets: int = 0
    comparisons: int = 0
    gold: int = 0
    votes: int = 0


def groups_with(faces: Collection[int]) -> QuerySet[Group]:
    """The groups that any of these faces is in: as anchor, as candidate or as a candidate's negative."""
    of_candidates = Candidate.objects.filter(Q(positive__in=faces) | Q(negative__in=faces)).values("group")
    # A union, not an OR: each half has an index of its own.
    both = Group.objects.filter(anchor__in=faces).values("pk").union(of_candidates)
    return Group.objects.filter(pk__in=both).order_by("pk")


def gold_with(faces: Collection[int]) -> QuerySet[Gold]:
    """The gold comparisons that show any of these faces."""
    shows = Q(anchor__in=faces) | Q(nearer__in=faces) | Q(farther__in=faces)
    return Gold.objects.filter(shows).order_by("pk")


@transaction.atomic
def void_group(group_id: int, voided: Voided) -> None:
    """Delete a group with all that hangs on it, and add to `voided`. Does nothing where it is gone already.

    Whoever votes on it or claims in it meanwhile comes before this, or finds no such showing after it.
    """
    group = Group.objects.select_for_update().filter(pk=group_id).first()
    if group is None:
        return
    votes = Vote.objects.filter(group=group)
    _keep_counts(votes)
    voided.groups += 1
    voided.brackets += group.brackets.count()
    voided.comparisons += group.comparisons.count()
    voided.votes += votes.count()
    group.delete()


@transaction.atomic
def void_gold(gold_id: int, voided: Voided) -> None:
    """Delete a gold comparison with its votes, and add to `voided`. Does nothing where it is gone already.

    Raises IntegrityError at the commit where it was put to somebody at this very moment: try again.
    """
    gold = Gold.objects.filter(pk=gold_id).first()
    if gold is None:
        return
    # A vote holds its showing and then, as it commits, the gold: whoever took them in another order might
    # wait for it in a circle.
    list(Showing.objects.select_for_update().filter(gold=gold).order_by("pk").values_list("pk"))
    votes = Vote.objects.filter(gold=gold)
    _keep_counts(votes)
    voided.gold += 1
    voided.votes += votes.count()
    votes.delete()
    gold.delete()


def _keep_counts(votes: QuerySet[Vote]) -> None:
    """Add what these votes were to what is known of their annotators' days."""
    for row in by_day(votes, "campaign_id", "annotator_id").order_by("annotator_id", "day"):
        counts = {name: row.pop(name) for name in COUNTS}
        kept, is_new = VoidedAnswers.objects.get_or_create(**row, defaults=counts)
        if not is_new:
            added = {name: F(name) + count for name, count in counts.items()}
            VoidedAnswers.objects.filter(pk=kept.pk).update(**added)
