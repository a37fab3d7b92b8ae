"""Takes votes, decides comparisons, and lets brackets go on. The one writer of all three."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from annotate.accounts.models import User
from annotate.campaigns.models import Answer, Bracket, Candidate, Comparison, Relation, Showing, Vote
from annotate.tournament import bracket as tournament_bracket
from annotate.tournament.closure import Match, close


class VoteRefused(Exception):
    """The vote was not stored. `code` is for programs, the message for the annotator."""

    code = "refused"


class NotShown(VoteRefused):
    code = "not_shown"


class AlreadyDecided(VoteRefused):
    code = "decided"


class AlreadyAnswered(VoteRefused):
    code = "answered"


class IdUsed(VoteRefused):
    code = "id_used"


@dataclass(frozen=True)
class Cast:
    """A stored vote; `is_new` is false where the same vote had come before."""

    vote: Vote
    is_new: bool


def cast_vote(
    *,
    vote_id: UUID,
    comparison_id: int,
    annotator: User,
    answer: Answer,
    response_ms: int | None,
    at: datetime,
) -> Cast:
    """Store one vote, decide its comparison if it names a winner, and open what can be asked next.

    The same vote sent again (same id) changes nothing and gets the same answer. A vote that comes after
    its lease counts as long as the comparison is still open.
    Raises Comparison.DoesNotExist and the kinds of VoteRefused.
    """
    try:
        return _cast(vote_id, comparison_id, annotator, answer, response_ms, at)
    except IntegrityError as error:
        # The constraints are the last word where two requests raced past the checks.
        if "vote_pair_once" in str(error):
            raise AlreadyAnswered("You have answered this pair already.") from error
        if "campaigns_vote_pkey" in str(error):
            raise IdUsed("This vote's id belongs to another vote.") from error
        raise


@transaction.atomic
def _cast(
    vote_id: UUID, comparison_id: int, annotator: User, answer: Answer, response_ms: int | None, at: datetime
) -> Cast:
    comparison = _lock(comparison_id)
    earlier = Vote.objects.filter(pk=vote_id).first()
    if earlier is not None:
        if (earlier.comparison_id, earlier.annotator_id) != (comparison_id, annotator.pk):
            raise IdUsed("This vote's id belongs to another vote.")
        return Cast(earlier, is_new=False)
    showing = Showing.objects.filter(comparison=comparison, annotator=annotator).first()
    if showing is None:
        raise NotShown("This comparison was not put to you, so your answer can not be taken.")
    if comparison.winner is not None:
        raise AlreadyDecided("Others have decided this comparison meanwhile.")
    if Vote.objects.filter(
        annotator=annotator, group=comparison.group_id, low=comparison.low, high=comparison.high
    ).exists():
        raise AlreadyAnswered("You have answered this pair already.")
    vote = Vote.objects.create(
        pk=vote_id, comparison=comparison, annotator=annotator, answer=answer, response_ms=response_ms,
        low_is_left=showing.low_is_left,
        group_id=comparison.group_id, low=comparison.low, high=comparison.high,
    )  # fmt: skip
    _act_on(vote, comparison, at)
    return Cast(vote, is_new=True)


@transaction.atomic
def settle_as_tie(comparison_id: int, *, admin: User, at: datetime) -> Comparison:
    """Let the bracket go on by its coin where nobody can be asked any more.

    Raises AlreadyDecided, Comparison.DoesNotExist.
    """
    comparison = _lock(comparison_id)
    if comparison.winner is not None:
        raise AlreadyDecided("This comparison has been decided meanwhile.")
    comparison.settled_by = admin
    _decide(comparison, winner=None, at=at)
    return comparison


def _lock(comparison_id: int) -> Comparison:
    # Two matches whose winners meet next may be decided at once: without the bracket's lock each would
    # find the other still open, and nobody would open the next round.
    bracket = Comparison.objects.values_list("bracket", flat=True).get(pk=comparison_id)
    Bracket.objects.select_for_update().get(pk=bracket)
    return Comparison.objects.select_related("bracket", "campaign").get(pk=comparison_id)


def _act_on(vote: Vote, comparison: Comparison, at: datetime) -> None:
    if vote.winner is not None:
        _decide(comparison, winner=vote.winner, at=at)
    elif comparison.votes.count() >= comparison.campaign.max_uncertain:
        _decide(comparison, winner=None, at=at)
    else:
        comparison.leased_to = comparison.leased_until = None
        comparison.save(update_fields=["leased_to", "leased_until"])


def _decide(comparison: Comparison, *, winner: int | None, at: datetime) -> None:
    """Close a comparison (a winner of None is a tie), derive what follows, and open the next match."""
    bracket = comparison.bracket
    comparison.is_tie = winner is None
    comparison.winner = winner
    if winner is None:
        comparison.winner = tournament_bracket.coin(
            bracket.seed, comparison.round, comparison.position, comparison.low, comparison.high
        )
    comparison.decided_at = at
    comparison.leased_to = comparison.leased_until = None
    comparison.save(
        update_fields=["is_tie", "winner", "decided_at", "leased_to", "leased_until", "settled_by"]
    )
    if not comparison.is_tie:
        _store_relations(comparison)
    _advance(comparison, at)


def _advance(comparison: Comparison, at: datetime) -> None:
    bracket = comparison.bracket
    if comparison.round == tournament_bracket.rounds(comparison.campaign.k):
        bracket.finished_at = at
        bracket.save(update_fields=["finished_at"])
        return
    sibling = bracket.comparisons.filter(
        round=comparison.round, position=tournament_bracket.sibling(comparison.position), winner__isnull=False
    ).first()
    if sibling is None:
        return
    position, (low, high) = tournament_bracket.next_match(
        comparison.position, comparison.winner, sibling.winner
    )
    Comparison.objects.create(
        campaign_id=comparison.campaign_id, group_id=comparison.group_id, bracket=bracket,
        round=comparison.round + 1, position=position, low=low, high=high,
    )  # fmt: skip


def matches_of(bracket: Bracket) -> list[Match]:
    """The bracket's decided comparisons as the pure core sees them."""
    decided = bracket.comparisons.filter(winner__isnull=False).prefetch_related("votes")
    return [as_match(comparison, comparison.votes.all()) for comparison in decided]


def as_match(comparison: Comparison, votes: list[Vote]) -> Match:
    """A decided comparison and its votes as the pure core sees them."""
    loser = comparison.high if comparison.winner == comparison.low else comparison.low
    return Match(
        id=comparison.pk, round=comparison.round, winner=comparison.winner, loser=loser,
        deciders=frozenset(vote.annotator_id for vote in votes if vote.winner == comparison.winner),
        uncertain=frozenset(vote.annotator_id for vote in votes if vote.winner is None),
        is_tie=comparison.is_tie,
    )  # fmt: skip


def _store_relations(comparison: Comparison) -> None:
    """Store the relations that this comparison completes."""
    candidates = dict(Candidate.objects.filter(group=comparison.group_id).values_list("slot", "pk"))
    Relation.objects.bulk_create(
        Relation(
            bracket=comparison.bracket, winner_id=candidates[relation.winner],
            loser_id=candidates[relation.loser], round=comparison.round, chain=len(relation.chain),
            comparison=comparison, deciders=sorted(relation.deciders), uncertain=sorted(relation.uncertain),
        )
        for relation in close(matches_of(comparison.bracket))
        if relation.last.id == comparison.pk
    )  # fmt: skip
