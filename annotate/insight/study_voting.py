"""What participants are asked and answer. An acknowledged answer is on disk; sent again it counts once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from annotate.accounts.models import User
from annotate.campaigns.models import Answer
from annotate.campaigns.voting import VoteRefused
from annotate.insight.models import (
    Participant,
    Result,
    Study,
    StudyComparison,
    StudyShowing,
    StudyVote,
)

# As on the compare page.
MOST_UNDONE = 10


class StudyVoteRefused(VoteRefused):
    """An answer to a study was not stored."""


class NotShown(StudyVoteRefused):
    code = "not_shown"
    text = _("This is not among what was put to you, so your answer was not stored. Please go on.")


class Void(StudyVoteRefused):
    code = "void"
    text = _("A picture of this was just removed, so your answer was not stored. Please go on.")


class Closed(StudyVoteRefused):
    code = "closed"
    text = _("The study was closed before this answer arrived, so it was not stored.")


class AlreadyAnswered(StudyVoteRefused):
    code = "answered"
    text = _("You have answered this already.")


class IdUsed(StudyVoteRefused):
    code = "id_used"
    text = _("This answer's id belongs to another answer.")


class UndoRefused(StudyVoteRefused):
    code = "not_last"
    text = _("Only your last ten answers can be taken back, the latest first.")


@dataclass(frozen=True)
class Shown:
    """A comparison as a participant is to see it: the ids of faces, and nothing of who found them."""

    showing: int
    query: int
    left: list[int]
    right: list[int]


@dataclass(frozen=True)
class Progress:
    """How many of her comparisons she has answered."""

    answered: int
    total: int


def progress_of(participant: Participant) -> Progress:
    hers = _standing(participant)
    answered = hers.filter(Exists(_live_votes()))
    return Progress(answered.count(), hers.count())


def progress_before(study: Study) -> Progress:
    """That of somebody who has not come yet."""
    return Progress(0, StudyComparison.objects.asked().filter(query__study=study).count())


def next_showings(participant: Participant, count: int) -> list[Shown]:
    """Her next comparisons without an answer, in her order."""
    open_ones = _standing(participant).exclude(Exists(_live_votes())).order_by("place")
    showings = list(open_ones.select_related("comparison__query")[:count])
    lists = _lists(showings)
    return [_shown(showing, lists) for showing in showings]


def _standing(participant: Participant) -> QuerySet[StudyShowing]:
    asked = StudyComparison.objects.asked().filter(pk=OuterRef("comparison"))
    return participant.showings.filter(Exists(asked))


def _live_votes() -> QuerySet[StudyVote]:
    return StudyVote.objects.live().filter(showing=OuterRef("pk"))


def _lists(showings: Sequence[StudyShowing]) -> dict[tuple[int, int], list[int]]:
    """The faces of each (query, contender), the nearest first."""
    queries = {showing.comparison.query_id for showing in showings}
    lists: dict[tuple[int, int], list[int]] = {}
    found = Result.objects.filter(query__in=queries).order_by("rank")
    for query, contender, face in found.values_list("query", "contender", "face"):
        lists.setdefault((query, contender), []).append(face)
    return lists


def _shown(showing: StudyShowing, lists: dict[tuple[int, int], list[int]]) -> Shown:
    comparison = showing.comparison
    sides = [lists[comparison.query_id, contender] for contender in (comparison.one_id, comparison.other_id)]
    left, right = sides if showing.one_is_left else reversed(sides)
    return Shown(showing.pk, comparison.query.face_id, left, right)


def cast_study_vote(
    *, vote_id: UUID, showing_id: int, user: User, answer: Answer, response_ms: int | None, at: datetime
) -> tuple[StudyVote, bool]:
    """Store an answer; and whether it is new. Raises the kinds of StudyVoteRefused."""
    try:
        with transaction.atomic():
            return _cast(vote_id, showing_id, user, answer, response_ms, at)
    except IntegrityError as error:
        # The constraints are the last word where two requests raced past the checks.
        if "study_vote_once" in str(error):
            raise AlreadyAnswered from error
        if "insight_studyvote_pkey" in str(error):
            raise IdUsed from error
        raise


def _cast(
    vote_id: UUID, showing_id: int, user: User, answer: Answer, response_ms: int | None, at: datetime
) -> tuple[StudyVote, bool]:
    hers = StudyShowing.objects.filter(participant__user=user)
    showing = hers.select_related("participant__study").select_for_update(of=("self",)).filter(pk=showing_id)
    shown = showing.first()
    if shown is None:
        raise NotShown
    before = StudyVote.objects.filter(pk=vote_id).first()
    if before is not None:
        if before.showing_id != shown.pk:
            raise IdUsed
        return before, False
    if shown.votes.live().exists():
        raise AlreadyAnswered
    if not shown.participant.study.is_open or not shown.participant.may_answer:
        raise Closed
    if not StudyComparison.objects.asked().filter(pk=shown.comparison_id).exists():
        raise Void
    vote = StudyVote.objects.create(
        pk=vote_id, showing=shown, answer=answer, response_ms=response_ms, created_at=at
    )
    return vote, True


@transaction.atomic
def undo_study_vote(vote_id: UUID, *, user: User, at: datetime) -> StudyVote:
    """Take back her last answer; its comparison is her next. May be repeated.

    Raises StudyVote.DoesNotExist, and UndoRefused where it is not her last, or the study is closed.
    """
    hers = StudyVote.objects.filter(showing__participant__user=user)
    related = hers.select_related("showing__participant__study").select_for_update(of=("self",))
    vote = related.get(pk=vote_id)
    if vote.retracted_at is not None:
        return vote
    participant = vote.showing.participant
    if not participant.study.is_open:
        raise Closed
    newest = hers.filter(showing__participant=participant).order_by("-created_at")[:MOST_UNDONE]
    for newer in newest:
        if newer.pk == vote.pk:
            vote.retracted_at = at
            vote.save(update_fields=["retracted_at"])
            return vote
        if newer.retracted_at is None:
            break
    raise UndoRefused


@transaction.atomic
def discard_study_votes(user: User, at: datetime) -> int:
    """Take back all answers of somebody who withdrew her consent and wants them to count no more."""
    hers = StudyVote.objects.live().filter(showing__participant__user=user)
    return hers.update(retracted_at=at)
