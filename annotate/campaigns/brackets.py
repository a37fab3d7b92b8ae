"""Writes brackets: ties, and the replay after a retraction. What a vote decides, campaigns_decide writes in
the database itself (migration 0007_voting).

Whoever calls this holds the group's lock (lock_group): two matches whose winners meet next may be decided
at once, and without it each would find the other still open, and nobody would open the next round.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import connection

from annotate.campaigns.models import Bracket, Candidate, Comparison, Group, Relation, Seat, Vote
from annotate.tournament import bracket as tournament_bracket
from annotate.tournament.closure import Match, close
from annotate.tournament.replay import Ballot, Place, Played, replay


def lock_group(group_id: int) -> None:
    """Hold everything of this group until the transaction ends. No one ever holds two but in rising order."""
    Group.objects.select_for_update().values_list("pk").get(pk=group_id)


def decide_as_tie(comparison: Comparison, at: datetime) -> None:
    """Close a comparison that nobody can decide: its coin says who goes on, and no relation follows."""
    comparison.winner, comparison.is_tie, comparison.decided_at = _coin(comparison), True, at
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT campaigns_decide(%s, %s::smallint, true, %s)", [comparison.pk, comparison.winner, at]
        )
        [is_done] = cursor.fetchone()
    if not is_done:
        rebuild(comparison.bracket, at)


def reopen_extra(comparison: Comparison) -> None:
    """Ask an extra comparison again whose votes have been retracted; those that still stand are kept."""
    standing = list(comparison.votes.live().filter(counts=True))
    comparison.uncertain = sum(vote.winner is None for vote in standing)
    if any(vote.winner is not None for vote in standing):
        comparison.save(update_fields=["uncertain"])
        return
    comparison.winner = comparison.decided_at = None
    comparison.is_tie = False
    comparison.save(update_fields=["winner", "decided_at", "is_tie", "uncertain"])


def rebuild(bracket: Bracket, at: datetime) -> None:
    """Make of the bracket what its votes say now. Matches that it does not ask any more are withdrawn;
    their votes stay as evidence, and count again where the same pair comes back."""
    rows = {place_of(row): row for row in bracket.comparisons.all()}
    asked = {played.place: played for played in replayed(bracket, rows.values())}
    for place, row in rows.items():
        if place not in asked and not row.is_withdrawn:
            _write(row, Played(place), at, is_withdrawn=True)
    for place, played in asked.items():
        row = rows.get(place) or Comparison(
            campaign_id=bracket.group.campaign_id, group_id=bracket.group_id, bracket=bracket,
            round=place.round, position=place.position, low=place.low, high=place.high,
        )  # fmt: skip
        rows[place] = row
        _write(row, played, at, is_withdrawn=False)
    decided = [played for played in asked.values() if played.winner is not None]
    bracket.relations.all().delete()
    _create_relations(bracket, [played.match(rows[played.place].pk) for played in decided])
    is_finished = len(decided) == bracket.group.campaign.k - 1
    bracket.finished_at = (bracket.finished_at or at) if is_finished else None
    bracket.save(update_fields=["finished_at"])
    Seat.objects.filter(bracket=bracket).update(is_open=not is_finished)


def replayed(bracket: Bracket, rows: Iterable[Comparison]) -> list[Played]:
    """What the bracket's votes say by themselves, whatever is stored of it."""
    campaign = bracket.group.campaign
    votes = Vote.objects.live().filter(comparison__bracket=bracket, counts=True).select_related("comparison")
    return replay(
        bracket.seed, campaign.k, campaign.max_uncertain,
        [Ballot(place_of(vote.comparison), vote.annotator_id, vote.winner) for vote in votes],
        {place_of(row) for row in rows if row.settled_by_id},
    )  # fmt: skip


def place_of(comparison: Comparison) -> Place:
    return Place(comparison.round, comparison.position, comparison.low, comparison.high)


def as_match(comparison: Comparison, votes: Iterable[Vote]) -> Match:
    """A decided match and its votes as the pure core sees them; only those that count are heard."""
    loser = comparison.high if comparison.winner == comparison.low else comparison.low
    heard = [vote for vote in votes if vote.counts and vote.retracted_at is None]
    return Match(
        id=comparison.pk, round=comparison.round, winner=comparison.winner, loser=loser,
        deciders=frozenset(vote.annotator_id for vote in heard if vote.winner == comparison.winner),
        uncertain=frozenset(vote.annotator_id for vote in heard if vote.winner is None),
        is_tie=comparison.is_tie,
    )  # fmt: skip


def _coin(comparison: Comparison) -> int:
    if comparison.bracket is None:
        return comparison.low
    return tournament_bracket.coin(
        comparison.bracket.seed, comparison.round, comparison.position, comparison.low, comparison.high
    )


def _create_relations(bracket: Bracket, matches: list[Match]) -> None:
    candidates = dict(Candidate.objects.filter(group=bracket.group_id).values_list("slot", "pk"))
    Relation.objects.bulk_create(
        Relation(
            bracket=bracket, winner_id=candidates[relation.winner], loser_id=candidates[relation.loser],
            round=relation.last.round, chain=len(relation.chain), comparison_id=relation.last.id,
            deciders=sorted(relation.deciders), uncertain=sorted(relation.uncertain),
        )
        for relation in close(matches)
    )  # fmt: skip


def _write(row: Comparison, played: Played, at: datetime, *, is_withdrawn: bool) -> None:
    """Bring a comparison to what the replay says; nothing is written where it says so already."""
    said = (played.winner, played.is_tie, len(played.uncertain), is_withdrawn)
    if row.pk and (row.winner, row.is_tie, row.uncertain, row.is_withdrawn) == said:
        return
    row.winner, row.is_tie, row.uncertain, row.is_withdrawn = said
    row.decided_at = None if row.winner is None else row.decided_at or at
    row.leased_to = row.leased_until = None
    row.save()
