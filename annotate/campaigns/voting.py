"""Takes votes, and admins' ties. Every answer that was acknowledged is on disk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q

from annotate.accounts.models import User
from annotate.campaigns.brackets import decide, lock_group
from annotate.campaigns.models import Answer, Comparison, Gold, Participation, Seat, Showing, Vote


class VoteRefused(Exception):
    """The vote was not stored. `code` is for programs, the message for the annotator."""

    code = "refused"


class NotShown(VoteRefused):
    code = "not_shown"


class AlreadyAnswered(VoteRefused):
    code = "answered"


class IdUsed(VoteRefused):
    code = "id_used"


class AnnotatorPaused(VoteRefused):
    code = "paused"


class AlreadyDecided(Exception):
    """There is nothing to settle: the comparison is closed."""


@dataclass(frozen=True)
class Cast:
    """A stored vote; `is_new` is false where the same vote had come before."""

    vote: Vote
    is_new: bool


def cast_vote(
    *,
    vote_id: UUID,
    showing_id: int,
    annotator: User,
    answer: Answer,
    response_ms: int | None,
    at: datetime,
) -> Cast:
    """Store one vote, decide its comparison if it names a winner, and open what can be asked next.

    The same vote sent again (same id) changes nothing and gets the same answer. A vote that comes after
    its lease counts as long as the comparison is still open; if that has been closed meanwhile, the vote
    is kept as evidence and decides nothing (`counts` is false). Raises the kinds of VoteRefused.
    """
    try:
        return _cast(vote_id, showing_id, annotator, answer, response_ms, at)
    except IntegrityError as error:
        # The constraints are the last word where two requests raced past the checks.
        if "vote_pair_once" in str(error) or "vote_gold_once" in str(error):
            raise AlreadyAnswered("You have answered this pair already.") from error
        if "campaigns_vote_pkey" in str(error):
            raise IdUsed("This vote's id belongs to another vote.") from error
        raise


@transaction.atomic
def _cast(
    vote_id: UUID, showing_id: int, annotator: User, answer: Answer, response_ms: int | None, at: datetime
) -> Cast:
    showing = (
        Showing.objects.filter(pk=showing_id, annotator=annotator)
        .select_related("comparison", "gold")
        .first()
    )
    if showing is None:
        raise NotShown("This comparison was not put to you, so your answer can not be taken.")
    if showing.comparison is not None:
        lock_group(showing.comparison.group_id)
    else:
        # The same vote twice at once: the second waits here, and then finds the first.
        Showing.objects.select_for_update().get(pk=showing_id)
    earlier = _earlier_vote(vote_id, showing)
    if earlier is not None:
        return Cast(earlier, is_new=False)
    asked = showing.comparison or showing.gold
    paused = Participation.objects.filter(annotator=annotator, campaign=OuterRef("campaign"))
    is_paused = Exists(paused.filter(paused_at__isnull=False))
    vote = Vote(
        pk=vote_id, campaign_id=asked.campaign_id, annotator=annotator, answer=answer,
        response_ms=response_ms, low_is_left=showing.low_is_left,
    )  # fmt: skip
    if showing.comparison_id is None:
        _refuse_if(Gold.objects.annotate(is_paused=is_paused).get(pk=showing.gold_id).is_paused)
        vote.gold, vote.counts = showing.gold, False
        vote.save(force_insert=True)
        return Cast(vote, is_new=True)
    seat = Seat.objects.filter(annotator=annotator, bracket=OuterRef("bracket"))
    comparison = (
        Comparison.objects.select_related("bracket", "campaign")
        .annotate(is_paused=is_paused, is_hers=Exists(seat))
        .get(pk=showing.comparison_id)
    )
    _refuse_if(comparison.is_paused)
    vote.is_stand_in = comparison.bracket_id is not None and not comparison.is_hers
    _count(vote, comparison, at)
    return Cast(vote, is_new=True)


def _refuse_if(is_paused: bool) -> None:
    if is_paused:
        raise AnnotatorPaused("Your work in this campaign is paused, so this answer was not stored.")


def _earlier_vote(vote_id: UUID, showing: Showing) -> Vote | None:
    """This very vote, if it has come before. Raises IdUsed, AlreadyAnswered."""
    hers = {"annotator": showing.annotator_id, "retracted_at__isnull": True}
    if (asked := showing.comparison) is not None:
        same = Q(**hers, group=asked.group_id, low=asked.low, high=asked.high)
    else:
        same = Q(**hers, gold=showing.gold_id)
    for earlier in Vote.objects.filter(same | Q(pk=vote_id)).order_by("created_at"):
        if earlier.pk != vote_id:
            raise AlreadyAnswered("You have answered this pair already.")
        if (earlier.comparison_id, earlier.gold_id, earlier.annotator_id) != (
            showing.comparison_id, showing.gold_id, showing.annotator_id,
        ):  # fmt: skip
            raise IdUsed("This vote's id belongs to another vote.")
        return earlier
    return None


def _count(vote: Vote, comparison: Comparison, at: datetime) -> None:
    """Store a vote on a comparison and act on it, if that is still asked."""
    vote.comparison = comparison
    vote.group_id, vote.low, vote.high = comparison.group_id, comparison.low, comparison.high
    vote.counts = comparison.winner is None and not comparison.is_withdrawn
    vote.save(force_insert=True)
    if not vote.counts:
        return
    if vote.winner is not None:
        decide(comparison, winner=vote.winner, at=at)
        return
    comparison.uncertain += 1
    if comparison.uncertain >= comparison.campaign.max_uncertain:
        decide(comparison, winner=None, at=at)
        return
    comparison.leased_to = comparison.leased_until = None
    comparison.save(update_fields=["leased_to", "leased_until", "uncertain"])


@transaction.atomic
def settle_as_tie(comparison_id: int, *, admin: User, at: datetime) -> Comparison:
    """Let the bracket go on by its coin where nobody can be asked any more.

    Raises AlreadyDecided, Comparison.DoesNotExist.
    """
    lock_group(Comparison.objects.values_list("group", flat=True).get(pk=comparison_id))
    comparison = Comparison.objects.select_related("bracket", "campaign").get(pk=comparison_id)
    if comparison.winner is not None or comparison.is_withdrawn:
        raise AlreadyDecided("This comparison has been decided meanwhile.")
    comparison.settled_by = admin
    decide(comparison, winner=None, at=at)
    return comparison
