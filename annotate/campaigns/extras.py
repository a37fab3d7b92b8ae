"""Extra comparisons: what informs most about a group once its brackets are finished. In no repetition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.core.cache import cache
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q

from annotate.accounts.models import User
from annotate.campaigns.brackets import lock_group
from annotate.campaigns.confidence import judgements_of, noise_of
from annotate.campaigns.models import Campaign, Comparison, Group, Relation, Vote
from annotate.campaigns.weights import annotator_tallies
from annotate.tournament.agreement import weights
from annotate.tournament.extra import choose
from annotate.tournament.ranking import Noise, Posterior, posterior

# Noise and weights move slowly, and take a look at the whole campaign.
KNOWN_FOR_SECONDS = 600


def plan_extras(campaign: Campaign, annotator: User, count: int) -> Iterator[int]:
    """Open up to `count` extra comparisons in each finished group in turn, and yield the group.

    None where the campaign asks for none, the group's budget has ended, or its triplets are sure enough.
    """
    if not campaign.extra_comparisons:
        return
    noise, weight = _what_answers_are_like(campaign)
    still_played = Comparison.objects.open().filter(group=OuterRef("pk"), bracket__isnull=False)
    waiting = (
        Group.objects.filter(~Exists(still_played), campaign=campaign, is_sure=False)
        .annotate(extras=Count("comparisons", filter=Q(comparisons__bracket__isnull=True)))
        .filter(extras__lt=campaign.extra_comparisons)
        .order_by("id")
    )
    for group in waiting.values_list("pk", flat=True):
        if _plan(campaign, group, annotator, count, noise, weight):
            yield group


@transaction.atomic
def _plan(
    campaign: Campaign, group_id: int, annotator: User, count: int, noise: Noise, weight: Mapping[int, float]
) -> int:
    """Open what this annotator is best asked in one group; returns how many."""
    lock_group(group_id)
    extras = Comparison.objects.filter(group=group_id, bracket__isnull=True)
    left = campaign.extra_comparisons - extras.count()
    found = posterior(judgements_of(group_id, weight), campaign.k, noise)
    if _is_sure(group_id, found, campaign.extra_confidence):
        Group.objects.filter(pk=group_id).update(is_sure=True)
        return 0
    hers = Vote.objects.live().filter(group=group_id, annotator=annotator).values_list("low", "high")
    chosen = choose(
        found, noise.attention, min(count, left),
        pending=list(extras.open().values_list("low", "high")), excluded=set(hers),
    )  # fmt: skip
    Comparison.objects.bulk_create(
        Comparison(campaign=campaign, group_id=group_id, low=low, high=high) for low, high in chosen
    )
    return len(chosen)


def _is_sure(group_id: int, found: Posterior, confidence: float) -> bool:
    """Whether every pair that the group's brackets say something about is known, one way or the other."""
    pairs = Relation.objects.filter(bracket__group=group_id).values_list("winner__slot", "loser__slot")
    return all(max(found.confidence[i, j], found.confidence[j, i]) >= confidence for i, j in pairs)


def last_known(campaign: Campaign) -> tuple[Noise, dict[int, float]]:
    """The noise and the weights of its answers as they were last worked out; what is usual before that."""
    return cache.get(f"noise:{campaign.pk}") or (Noise(), {})


def _what_answers_are_like(campaign: Campaign) -> tuple[Noise, dict[int, float]]:
    known = cache.get(f"noise:{campaign.pk}")
    if known is None:
        weight = weights(annotator_tallies(campaign))
        known = noise_of(campaign, weight), weight
        cache.set(f"noise:{campaign.pk}", known, timeout=KNOWN_FOR_SECONDS)
    return known
