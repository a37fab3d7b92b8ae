"""An annotator's first minutes in a campaign: what she is to do next, and her practice and qualification.

Their answers are kept, and count nowhere in the tournament.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotate.accounts.models import User
from annotate.campaigns.models import Answer, Attempt, Campaign, Gold, Participation, Purpose, Trial
from annotate.campaigns.voting import AlreadyAnswered, AnnotatorPaused, IdUsed, NotShown


class CanNotBegin(Exception):
    """No attempt was begun; the message is for the annotator."""

    text: str | Promise = _("This can not begin now.")

    def __str__(self) -> str:
        return str(self.text)


class NothingToAsk(CanNotBegin):
    text = _("There are no comparisons for this yet. Please ask whoever runs the campaign.")


class NoAttemptsLeft(CanNotBegin):
    text = _("You have used all your attempts. Please ask whoever runs the campaign to give you another.")


class Paused(CanNotBegin):
    text = _("Your work in this campaign is paused. Please ask whoever runs it.")


class AlreadyQualified(CanNotBegin):
    text = _("You have qualified already.")


class Step(StrEnum):
    """What an annotator does next; each is the name of its page."""

    READ = "instructions"
    PRACTISE = "practice"
    QUALIFY = "qualification"
    COMPARE = "compare"


@dataclass(frozen=True)
class Marked:
    """A stored answer; `is_new` is false where it had come before. `left` counts those still to answer."""

    trial: Trial
    is_new: bool
    left: int

    @property
    def is_right(self) -> bool:
        return self.trial.answer == self.trial.nearer


def may_compare(campaign: Campaign, annotator: User) -> bool:
    """Whether the campaign asks her for no qualification (any more). The rule is the same for every role."""
    if not campaign.qualification_count:
        return True
    hers = Participation.objects.filter(campaign=campaign, annotator=annotator, qualified_at__isnull=False)
    return hers.exists()


def has_practice(campaign: Campaign) -> bool:
    return campaign.practice_count > 0 and _gold(campaign, Purpose.PRACTICE).exists()


def next_step(campaign: Campaign, hers: Participation | None) -> Step:
    """What she is led to. Whoever has qualified, or was let in, is asked for nothing more; a campaign
    without instructions of its own, practice and qualification leads nobody anywhere."""
    if campaign.qualification_count and hers and hers.qualified_at:
        return Step.COMPARE
    practises = has_practice(campaign)
    if not (campaign.instructions or practises or campaign.qualification_count):
        return Step.COMPARE
    if hers is None or hers.read_at is None:
        return Step.READ
    if practises and hers.practised_at is None:
        return Step.PRACTISE
    return Step.QUALIFY if campaign.qualification_count else Step.COMPARE


def note_read(campaign: Campaign, annotator: User, at: datetime) -> Participation:
    """That she has read the instructions."""
    hers = Participation.objects.get_or_create(campaign=campaign, annotator=annotator)[0]
    if hers.read_at is None:
        hers.read_at = at
        hers.save(update_fields=["read_at"])
    return hers


@transaction.atomic
def begin(
    campaign: Campaign, annotator: User, purpose: Purpose, *, at: datetime, rng: random.Random
) -> Attempt:
    """Her attempt that is under way, or a new one, with gold that she has met least.

    Raises the kinds of CanNotBegin.
    """
    Participation.objects.get_or_create(campaign=campaign, annotator=annotator)
    # Two tabs of hers begin one attempt, and use up one.
    hers = Participation.objects.select_for_update().get(campaign=campaign, annotator=annotator)
    if hers.paused_at:
        raise Paused
    under_way = open_attempt(campaign, annotator, purpose)
    if under_way and under_way.trials.filter(answer__isnull=True).exists():
        return under_way
    if under_way:
        # What it still asked has been erased.
        _finish(under_way, at)
    if purpose == Purpose.QUALIFICATION:
        if hers.qualified_at:
            raise AlreadyQualified
        if hers.attempts >= campaign.qualification_attempts:
            raise NoAttemptsLeft
        Participation.objects.filter(pk=hers.pk).update(attempts=hers.attempts + 1)
    return _lay_out(campaign, annotator, purpose, at, rng)


def _lay_out(
    campaign: Campaign, annotator: User, purpose: Purpose, at: datetime, rng: random.Random
) -> Attempt:
    asks = campaign.qualification_count if purpose == Purpose.QUALIFICATION else campaign.practice_count
    met = Count("trials", filter=Q(trials__attempt__annotator=annotator))
    gold = list(_gold(campaign, purpose).annotate(met=met).order_by("met", "?")[:asks])
    if not gold:
        raise NothingToAsk
    needed = campaign.qualification_threshold if purpose == Purpose.QUALIFICATION else 0
    attempt = Attempt.objects.create(
        campaign=campaign, annotator=annotator, purpose=purpose, needed=needed, started_at=at
    )
    Trial.objects.bulk_create(
        Trial(attempt=attempt, gold=one, position=position, nearer_is_left=rng.random() < 0.5)
        for position, one in enumerate(gold)
    )
    return attempt


def open_attempt(campaign: Campaign, annotator: User, purpose: Purpose) -> Attempt | None:
    return Attempt.objects.filter(
        campaign=campaign, annotator=annotator, purpose=purpose, finished_at__isnull=True
    ).first()


def last_attempt(campaign: Campaign, annotator: User, purpose: Purpose) -> Attempt | None:
    """The last one that she finished."""
    hers = Attempt.objects.filter(campaign=campaign, annotator=annotator, purpose=purpose)
    return hers.filter(finished_at__isnull=False).order_by("-started_at").first()


def answer_trial(
    *,
    answer_id: UUID,
    trial_id: int,
    annotator: User,
    answer: Answer,
    response_ms: int | None,
    at: datetime,
) -> Marked:
    """Store her answer; with the last one the attempt is finished, and she may have qualified.

    The same answer sent again (same id) changes nothing. Raises NotShown, AlreadyAnswered, IdUsed,
    AnnotatorPaused.
    """
    try:
        with transaction.atomic():
            return _answer(answer_id, trial_id, annotator, answer, response_ms, at)
    except IntegrityError as error:
        if "answer_id" in str(error):
            raise IdUsed from error
        raise


def _answer(
    answer_id: UUID, trial_id: int, annotator: User, answer: Answer, response_ms: int | None, at: datetime
) -> Marked:
    # Two tabs that answer take turns: each sees what the other has stored, and one of them finishes.
    hers = Attempt.objects.filter(annotator=annotator, trials=trial_id)
    attempt = hers.select_for_update(of=("self",)).first()
    if attempt is None:
        raise NotShown
    trial = attempt.trials.select_related("gold").get(pk=trial_id)
    is_new = trial.answer is None
    if not is_new and trial.answer_id != answer_id:
        raise AlreadyAnswered
    if is_new:
        if _is_paused(attempt):
            raise AnnotatorPaused
        trial.answer_id, trial.answer, trial.response_ms, trial.answered_at = (
            answer_id,
            answer,
            response_ms,
            at,
        )
        trial.save(update_fields=["answer_id", "answer", "response_ms", "answered_at"])
    left = attempt.trials.filter(answer__isnull=True).count()
    if not left and attempt.finished_at is None:
        _finish(attempt, at)
    return Marked(trial, is_new, left)


def _is_paused(attempt: Attempt) -> bool:
    """By an admin, or by herself: whoever withdraws her consent is asked nothing."""
    hers = Participation.objects.filter(campaign=attempt.campaign_id, annotator=attempt.annotator_id)
    return hers.filter(paused_at__isnull=False).exists()


def _finish(attempt: Attempt, at: datetime) -> None:
    answered = list(attempt.trials.filter(answer__isnull=False))
    attempt.asked = len(answered)
    attempt.right = sum(trial.answer == trial.nearer for trial in answered)
    attempt.finished_at = at
    attempt.save(update_fields=["asked", "right", "finished_at"])
    hers = Participation.objects.filter(campaign=attempt.campaign_id, annotator=attempt.annotator_id)
    if attempt.purpose == Purpose.PRACTICE:
        hers.filter(practised_at__isnull=True).update(practised_at=at)
    elif attempt.has_passed:
        hers.filter(qualified_at__isnull=True).update(qualified_at=at)


@transaction.atomic
def let_in(campaign: Campaign, annotator: User, *, curator: User, at: datetime) -> None:
    """Let her compare without (further) attempts. Who has qualified by herself stays so."""
    Participation.objects.get_or_create(campaign=campaign, annotator=annotator)
    Participation.objects.filter(campaign=campaign, annotator=annotator, qualified_at__isnull=True).update(
        qualified_at=at, qualified_by=curator
    )


def start_over(campaign: Campaign, annotator: User) -> None:
    """Give her all attempts again; if she had qualified, she is asked to once more."""
    Participation.objects.filter(campaign=campaign, annotator=annotator).update(
        attempts=0, qualified_at=None, qualified_by=None
    )


def _gold(campaign: Campaign, purpose: Purpose) -> QuerySet[Gold]:
    return Gold.objects.filter(campaign=campaign, purpose=purpose)
