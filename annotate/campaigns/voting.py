"""Takes votes, and admins' ties. Every answer that was acknowledged is on disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotate.accounts.models import User
from annotate.campaigns.brackets import decide_as_tie, lock_group, rebuild
from annotate.campaigns.models import Answer, Comparison, Flag, Vote


class VoteRefused(Exception):
    """The vote was not stored. `code` is for programs, the message for the annotator."""

    code = "refused"
    text: str | Promise = _("This answer was not stored.")

    def __str__(self) -> str:
        return str(self.text)


class NotShown(VoteRefused):
    code = "not_shown"
    text = _(
        "This comparison is not among those put to you (any more); a picture of it may have been removed. "
        "Your answer was not stored. Please go on."
    )


class Voided(NotShown):
    text = _("A picture of this comparison was just removed, so this answer was not stored. Please go on.")


class AlreadyAnswered(VoteRefused):
    code = "answered"
    text = _("You have answered this pair already.")


class IdUsed(VoteRefused):
    code = "id_used"
    text = _("This vote's id belongs to another vote.")


class AnnotatorPaused(VoteRefused):
    code = "paused"
    text = _("Your work in this campaign is paused, so this answer was not stored.")


class NotInIt(VoteRefused):
    code = "not_in_it"
    text = _("The face that you flagged is not in this comparison.")


REFUSALS = {kind.code: kind for kind in (NotShown, AlreadyAnswered, IdUsed, AnnotatorPaused, NotInIt)}
VOTE_FIELDS = [field.attname for field in Vote._meta.concrete_fields]
CAST = "SELECT outcome, {} FROM campaigns_cast(%s, %s, %s, %s, %s, %s, %s, %s)".format(  # noqa: S608
    ", ".join(f"(vote).{name}" for name in VOTE_FIELDS)
)


class AlreadyDecided(Exception):
    """There is nothing to settle: the comparison is closed."""


@dataclass(frozen=True)
class Cast:
    """A stored vote; `is_new` is false where the same vote had come before."""

    vote: Vote
    is_new: bool


@contextmanager
def one_transaction() -> Iterator[None]:
    """In which a vote is stored. Raises the kinds of VoteRefused, and then stores nothing."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        # The constraints are the last word where two requests raced past the checks.
        if "vote_pair_once" in str(error) or "vote_gold_once" in str(error):
            raise AlreadyAnswered from error
        if "campaigns_vote_pkey" in str(error):
            raise IdUsed from error
        if 'null value in column "campaign_id"' in str(error):
            # The comparison was voided while the vote waited for its group: a person in it was erased.
            raise Voided from error
        raise


def cast_vote(
    *,
    vote_id: UUID,
    showing_id: int,
    annotator: User,
    answer: Answer,
    response_ms: int | None,
    at: datetime,
    flag: Flag | None = None,
    flagged_face: int | None = None,
) -> Cast:
    """Store one vote, decide its comparison if it names a winner, and open what can be asked next.

    The same vote sent again (same id) changes nothing and gets the same answer. A vote that comes after
    its lease counts as long as the comparison is still open; if that has been closed meanwhile, the vote
    is kept as evidence and decides nothing (`counts` is false). Nor does one that flags a face: the pair
    goes to others. Raises the kinds of VoteRefused.
    """
    with one_transaction():
        return store_vote(vote_id, showing_id, annotator, answer, response_ms, at, flag, flagged_face)


def store_vote(
    vote_id: UUID,
    showing_id: int,
    annotator: User,
    answer: Answer,
    response_ms: int | None,
    at: datetime,
    flag: Flag | None = None,
    flagged_face: int | None = None,
) -> Cast:
    """As cast_vote, within one_transaction()."""
    with connection.cursor() as cursor:
        cursor.execute(CAST, [vote_id, showing_id, annotator.pk, answer, response_ms, at, flag, flagged_face])
        outcome, *row = cursor.fetchone()
    if outcome in REFUSALS:
        raise REFUSALS[outcome]
    vote = Vote.from_db(connection.alias, VOTE_FIELDS, row)
    if outcome == "tie":
        decide_as_tie(vote.comparison, at=at)
    elif outcome == "rebuild":
        rebuild(vote.comparison.bracket, at)
    return Cast(vote, is_new=outcome != "again")


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
    comparison.save(update_fields=["settled_by"])
    decide_as_tie(comparison, at=at)
    return comparison
