"""Replays a campaign from its votes and seeds, and compares the outcome with what is stored."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q

from annotate.campaigns.brackets import place_of, replayed
from annotate.campaigns.creation import bracket_seed
from annotate.campaigns.models import Bracket, Campaign, Comparison, Seat, Showing, Vote
from annotate.tournament.closure import close

BRACKETS_AT_ONCE = 200


def differences(campaign: Campaign) -> Iterator[str]:
    """Each difference between what the votes and seeds say and what is stored, as a sentence."""
    brackets = (
        Bracket.objects.filter(group__campaign=campaign)
        .select_related("group__campaign")
        .prefetch_related("comparisons", "relations__winner", "relations__loser")
        .order_by("group", "repetition")
    )
    for bracket in brackets.iterator(chunk_size=BRACKETS_AT_ONCE):
        name = f"group {bracket.group.index}, repetition {bracket.repetition}"
        for what in _of_bracket(campaign, bracket):
            yield f"{name}: {what}"
    yield from _of_votes(campaign)


def _of_bracket(campaign: Campaign, bracket: Bracket) -> Iterator[str]:
    if bracket.seed != bracket_seed(campaign, bracket.group.index, bracket.repetition):
        yield "its seed is not the one that the campaign's seed gives"
    rows = list(bracket.comparisons.all())
    said = replayed(bracket, rows)
    stored = {place_of(row): (row.winner, row.is_tie, row.uncertain) for row in rows if not row.is_withdrawn}
    expected = {p.place: (p.winner, p.is_tie, len(p.uncertain)) for p in said}
    for place in sorted(stored.keys() | expected.keys(), key=lambda place: (place.round, place.position)):
        if stored.get(place) != expected.get(place):
            yield (
                f"round {place.round}, place {place.position}, slots {place.low} and {place.high}: stored "
                f"{stored.get(place)}, replayed {expected.get(place)} (winner, tie, uncertain)"
            )
    decided = [played for played in said if played.winner is not None]
    if (bracket.finished_at is not None) != (len(decided) == campaign.k - 1):
        yield f"it is {'' if bracket.finished_at else 'not '}called finished with {len(decided)} decided"
    relations = {
        (r.winner.slot, r.loser.slot, r.round, r.chain, tuple(r.deciders), tuple(r.uncertain))
        for r in bracket.relations.all()
    }
    follow = {
        (r.winner, r.loser, r.last.round, len(r.chain), tuple(sorted(r.deciders)), tuple(sorted(r.uncertain)))
        for r in close(played.match(number) for number, played in enumerate(decided))
    }
    if relations != follow:
        yield f"{len(relations - follow)} stored relations do not follow, {len(follow - relations)} miss"


def _of_votes(campaign: Campaign) -> Iterator[str]:
    votes = Vote.objects.filter(campaign=campaign)
    shown = Showing.objects.filter(
        annotator=OuterRef("annotator"), low_is_left=OuterRef("low_is_left")
    ).filter(Q(comparison=OuterRef("comparison")) | Q(gold=OuterRef("gold")))
    for vote in votes.filter(~Exists(shown)):
        yield f"vote {vote.pk}: it was never shown to its annotator on these sides"
    seat = Seat.objects.filter(
        group=OuterRef("group"), annotator=OuterRef("annotator"), bracket=OuterRef("comparison__bracket")
    )
    in_bracket = votes.filter(counts=True, is_stand_in=False, comparison__bracket__isnull=False)
    for vote in in_bracket.filter(~Exists(seat)):
        yield f"vote {vote.pk}: its annotator sits in another repetition"
    extras = Comparison.objects.filter(campaign=campaign, bracket__isnull=True, is_tie=False)
    named = Vote.objects.counted().filter(comparison=OuterRef("pk")).exclude(answer="uncertain")
    for extra in extras.filter(
        Q(winner__isnull=True) & Exists(named) | Q(winner__isnull=False) & ~Exists(named)
    ):
        yield f"extra comparison {extra.pk}: it is not decided as its votes say"
    leased = Comparison.objects.filter(campaign=campaign, leased_to__isnull=False)
    for comparison in leased.filter(Q(winner__isnull=False) | Q(low__gte=F("high"))):
        yield f"comparison {comparison.pk}: it is leased though it is closed"
