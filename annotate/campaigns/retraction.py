"""Takes votes back: an annotator undoes her last ones, an admin discards all of somebody's.

A retracted vote stays in the table. The brackets that it decided are replayed without it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from annotate.accounts.models import User
from annotate.campaigns.brackets import lock_group, rebuild, reopen_extra
from annotate.campaigns.models import Bracket, Campaign, Comparison, Group, Participation, Showing, Vote

MOST_UNDONE = 10


class UndoRefused(Exception):
    """Nothing was undone. `code` is for programs, the message for the annotator."""

    code = "refused"


class NotTheLast(UndoRefused):
    code = "not_last"


class BuiltUpon(UndoRefused):
    code = "built_upon"


@dataclass(frozen=True)
class Discarded:
    """What a discard took out: votes, and brackets that were replayed."""

    votes: int
    brackets: int


@transaction.atomic
def undo(vote_id: UUID, *, annotator: User, at: datetime, lease_until: datetime) -> Vote:
    """Take back her last vote that stands, and hold its comparison for her until `lease_until`.

    It must be among her last MOST_UNDONE votes in the campaign, and nothing that follows from it may have
    been put to or answered by somebody else. Undoing what is undone changes nothing.
    Raises Vote.DoesNotExist, NotTheLast, BuiltUpon.
    """
    vote = Vote.objects.select_related("comparison").get(pk=vote_id, annotator=annotator)
    if vote.group_id is not None:
        lock_group(vote.group_id)
    vote = Vote.objects.select_for_update(of=("self",)).select_related("comparison").get(pk=vote_id)
    if vote.retracted_at is not None:
        return vote
    _refuse_unless_last(vote)
    comparison = vote.comparison
    changes_something = comparison is not None and vote.counts and not comparison.is_withdrawn
    if changes_something and _went_on(vote):
        raise BuiltUpon("Somebody else has gone on from this answer, so it can not be taken back any more.")
    _retract([vote], annotator, at)
    if changes_something:
        _replay_without([vote], at)
    if comparison is not None:
        # She sees the same question again, on the same sides; somebody else may see it after a flag of hers.
        Comparison.objects.free(at).filter(pk=comparison.pk).update(
            leased_to=annotator, leased_until=lease_until
        )
    return vote


def _refuse_unless_last(vote: Vote) -> None:
    last = Vote.objects.filter(campaign=vote.campaign_id, annotator=vote.annotator_id)
    for newer in last.order_by("-created_at")[:MOST_UNDONE]:
        if newer.pk == vote.pk:
            return
        if newer.retracted_at is None:
            raise NotTheLast("Undo the answers that you gave after this one first.")
    raise NotTheLast(f"Only your last {MOST_UNDONE} answers can be taken back.")


def _went_on(vote: Vote) -> bool:
    """Whether somebody else was asked what follows from this vote: the same comparison after she was
    uncertain, or a later match on its winner's way."""
    comparison = vote.comparison
    others = Showing.objects.exclude(annotator=vote.annotator_id)
    if _is_anothers(comparison, vote.annotator_id):
        return True
    if others.filter(comparison=comparison, created_at__gt=vote.created_at).exists():
        return True
    if comparison.bracket_id is None or comparison.winner is None:
        return False
    later = Comparison.objects.filter(
        bracket=comparison.bracket_id, round__gt=comparison.round, is_withdrawn=False
    )
    on_the_way = [
        match for match in later if comparison.position >> (match.round - comparison.round) == match.position
    ]
    if any(_is_anothers(match, vote.annotator_id) for match in on_the_way):
        return True
    return others.filter(comparison__in=on_the_way).exists()


def _is_anothers(comparison: Comparison, annotator_id: int) -> bool:
    """Whether somebody else holds it: a lease is taken a moment before its showing is written."""
    return comparison.leased_to_id not in (None, annotator_id)


@transaction.atomic
def discard_votes(campaign: Campaign, annotator: User, *, admin: User, at: datetime) -> Discarded:
    """Pause an annotator, retract all her votes, and replay the brackets that they decided."""
    hers = Vote.objects.live().filter(campaign=campaign, annotator=annotator)
    # In the order in which an answer takes them: the group, then where she stands in the campaign.
    lock_groups_of(hers)
    pause(campaign, annotator, admin=admin, at=at)
    return retract_and_replay(hers, by=admin, at=at)


def lock_groups_of(votes: QuerySet[Vote]) -> None:
    """Hold the groups that these votes are on until the transaction ends."""
    for group_id in votes.filter(group__isnull=False).order_by("group").values_list("group").distinct():
        lock_group(*group_id)


def retract_and_replay(votes: QuerySet[Vote], *, by: User, at: datetime) -> Discarded:
    """Retract these votes, whose groups are held, and replay the brackets that they decided."""
    retracted = list(votes.select_related("comparison"))
    _retract(retracted, by, at)
    return Discarded(len(retracted), _replay_without([vote for vote in retracted if vote.counts], at))


@transaction.atomic
def pause(campaign: Campaign, annotator: User, *, admin: User, at: datetime) -> None:
    """Ask an annotator nothing more in this campaign; what she was looking at is free for others."""
    Participation.objects.update_or_create(
        campaign=campaign, annotator=annotator,
        defaults={"paused_at": at, "paused_by": admin}, create_defaults={
            "paused_at": at, "paused_by": admin, "seen_at": at},
    )  # fmt: skip
    Comparison.objects.filter(campaign=campaign, leased_to=annotator).update(
        leased_to=None, leased_until=None
    )


def resume(campaign: Campaign, annotator: User) -> None:
    """Ask her again."""
    Participation.objects.filter(campaign=campaign, annotator=annotator).update(
        paused_at=None, paused_by=None
    )


def _retract(votes: Iterable[Vote], by: User, at: datetime) -> None:
    Vote.objects.filter(pk__in=[vote.pk for vote in votes]).update(retracted_at=at, retracted_by=by)


def _replay_without(votes: Iterable[Vote], at: datetime) -> int:
    """Replay what these retracted votes had a part in; returns the number of brackets."""
    votes = list(votes)
    brackets = Bracket.objects.filter(
        pk__in={vote.comparison.bracket_id for vote in votes if vote.comparison.bracket_id}
    )
    Group.objects.filter(pk__in={vote.group_id for vote in votes}).update(is_sure=False)
    for bracket in brackets.select_related("group__campaign").order_by("group", "pk"):
        rebuild(bracket, at)
    extras = [vote.comparison_id for vote in votes if not vote.comparison.bracket_id]
    for extra in Comparison.objects.filter(pk__in=extras).order_by("group", "pk"):
        reopen_extra(extra)
    return len(brackets)
