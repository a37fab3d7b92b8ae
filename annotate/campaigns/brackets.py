"""Writes brackets: decides comparisons, derives relations, opens the next match, replays without votes.

Whoever calls this holds the group's lock (lock_group): two matches whose winners meet next may be decided
at once, and without it each would find the other still open, and nobody would open the next round.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import prefetch_related_objects

from annotate.campaigns.models import Bracket, Candidate, Comparison, Group, Relation, Seat, Vote
from annotate.tournament import bracket as tournament_bracket
from annotate.tournament.closure import Match, close
from annotate.tournament.replay import Ballot, Place, Played, replay


def lock_group(group_id: int) -> None:
    """Hold everything of this group until the transaction ends. No one ever holds two but in rising order."""
    Group.objects.select_for_update().values_list("pk").get(pk=group_id)


def decide(comparison: Comparison, *, winner: int | None, at: datetime) -> None:
    """Close a comparison (a winner of None is a tie), derive what follows, and open the next match."""
    comparison.is_tie = winner is None
    comparison.winner = _coin(comparison) if winner is None else winner
    comparison.decided_at = at
    comparison.leased_to = comparison.leased_until = None
    comparison.save(
        update_fields=[
            "is_tie", "winner", "decided_at", "leased_to", "leased_until", "settled_by", "uncertain",
        ]
    )  # fmt: skip
    if comparison.bracket is None:
        return
    rows = list(comparison.bracket.comparisons.all())
    if not comparison.is_tie:
        _store_relations(comparison, rows)
    if comparison.round == tournament_bracket.rounds(comparison.campaign.k):
        _finish(comparison.bracket, at)
    else:
        _open_next(comparison, rows)


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
    matches = [played.match(rows[played.place].pk) for played in decided]
    bracket.relations.all().delete()
    _create_relations(bracket, matches, {row.pk for row in rows.values()})
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


def _finish(bracket: Bracket, at: datetime) -> None:
    bracket.finished_at = at
    bracket.save(update_fields=["finished_at"])
    Seat.objects.filter(bracket=bracket).update(is_open=False)


def _open_next(comparison: Comparison, rows: Iterable[Comparison]) -> None:
    """The match of the next round, once both who meet in it are known."""
    bracket = comparison.bracket
    place = comparison.round, tournament_bracket.sibling(comparison.position)
    decided = (row for row in rows if row.winner is not None)
    sibling = next((row for row in decided if (row.round, row.position) == place), None)
    if sibling is None:
        return
    position, (low, high) = tournament_bracket.next_match(
        comparison.position, comparison.winner, sibling.winner
    )
    if Place(comparison.round + 1, position, low, high) in {place_of(row) for row in rows}:
        # It was withdrawn: what has been answered on it counts again.
        rebuild(bracket, comparison.decided_at)
        return
    Comparison.objects.create(
        campaign_id=comparison.campaign_id, group_id=comparison.group_id, bracket=bracket,
        round=comparison.round + 1, position=position, low=low, high=high,
    )  # fmt: skip


def _store_relations(comparison: Comparison, rows: Iterable[Comparison]) -> None:
    """Store the relations that this comparison completes."""
    decided = [row for row in rows if row.winner is not None and row.round <= comparison.round]
    prefetch_related_objects(decided, "votes")
    matches = [as_match(row, row.votes.all()) for row in decided]
    _create_relations(comparison.bracket, matches, {comparison.pk})


def _create_relations(bracket: Bracket, matches: list[Match], completed_by: set[int]) -> None:
    candidates = dict(Candidate.objects.filter(group=bracket.group_id).values_list("slot", "pk"))
    Relation.objects.bulk_create(
        Relation(
            bracket=bracket, winner_id=candidates[relation.winner], loser_id=candidates[relation.loser],
            round=relation.last.round, chain=len(relation.chain), comparison_id=relation.last.id,
            deciders=sorted(relation.deciders), uncertain=sorted(relation.uncertain),
        )
        for relation in close(matches)
        if relation.last.id in completed_by
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
