"""Practice and qualification: what is asked, what passes, and that nothing counts twice or elsewhere."""

import random
import threading
import uuid
from collections import Counter

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotate.campaigns.first_minutes import (
    AlreadyQualified,
    NoAttemptsLeft,
    NothingToAsk,
    Paused,
    Step,
    answer_trial,
    begin,
    let_in,
    may_compare,
    next_step,
    note_read,
    start_over,
)
from annotate.campaigns.gold import StillNeeded, draw_gold_from_triplets, draw_more, set_aside
from annotate.campaigns.leases import lease
from annotate.campaigns.models import (
    Attempt,
    Campaign,
    Comparison,
    Gold,
    Participation,
    Purpose,
    Showing,
    Trial,
    Vote,
)
from annotate.campaigns.retraction import pause, resume
from annotate.campaigns.voting import AlreadyAnswered, AnnotatorPaused, IdUsed, NotShown
from tests.campaigns.test_concurrency import in_threads


@pytest.fixture
def campaign(campaign):
    """It asks five to practise, and four of five right in at most two attempts."""
    draw_more(campaign, 5, Purpose.PRACTICE)
    draw_more(campaign, 10, Purpose.QUALIFICATION)
    Campaign.objects.filter(pk=campaign.pk).update(
        practice_count=5, qualification_count=5, qualification_threshold=4, qualification_attempts=2
    )
    campaign.refresh_from_db()
    return campaign


@pytest.fixture
def anna(annotators):
    return annotators[0]


def start(campaign, annotator, purpose=Purpose.QUALIFICATION, seed=1):
    return begin(campaign, annotator, purpose, at=timezone.now(), rng=random.Random(seed))


def answer(trial, annotator, said, *, answer_id=None):
    return answer_trial(
        answer_id=answer_id or uuid.uuid4(), trial_id=trial.pk, annotator=annotator, answer=said,
        response_ms=900, at=timezone.now(),
    )  # fmt: skip


def other(side):
    return "right" if side == "left" else "left"


def answer_all(attempt, annotator, right):
    """Get so many right, be wrong about one more, and uncertain about the others."""
    for number, trial in enumerate(attempt.trials.order_by("position")):
        wrong = other(trial.nearer) if number == right else "uncertain"
        answer(trial, annotator, trial.nearer if number < right else wrong)
    attempt.refresh_from_db()
    return attempt


def hers(campaign, annotator):
    return Participation.objects.get(campaign=campaign, annotator=annotator)


def test_the_steps_follow_one_another(campaign, anna):
    assert next_step(campaign, None) == Step.READ
    assert next_step(campaign, note_read(campaign, anna, timezone.now())) == Step.PRACTISE
    answer_all(start(campaign, anna, Purpose.PRACTICE), anna, 0)
    assert next_step(campaign, hers(campaign, anna)) == Step.QUALIFY
    assert not may_compare(campaign, anna)
    answer_all(start(campaign, anna), anna, 5)
    assert next_step(campaign, hers(campaign, anna)) == Step.COMPARE
    assert may_compare(campaign, anna)


def test_a_campaign_without_any_of_it_leads_nobody_anywhere(campaign, anna):
    campaign.qualification_count = campaign.qualification_threshold = 0
    campaign.practice_count = 0
    assert next_step(campaign, None) == Step.COMPARE
    assert may_compare(campaign, anna)
    campaign.instructions = "Look at the mouth."
    assert next_step(campaign, None) == Step.READ
    # Without comparisons to practise with, practice is left out.
    campaign.practice_count = 5
    campaign.gold.all().delete()
    assert next_step(campaign, note_read(campaign, anna, timezone.now())) == Step.COMPARE
    with pytest.raises(NothingToAsk):
        start(campaign, anna, Purpose.PRACTICE)


@pytest.mark.parametrize(("right", "passes"), [(3, False), (4, True), (5, True)])
def test_the_threshold_is_met_or_not(campaign, anna, right, passes):
    attempt = answer_all(start(campaign, anna), anna, right)
    assert (attempt.asked, attempt.right, attempt.has_passed) == (5, right, passes)
    assert may_compare(campaign, anna) is passes
    if passes:
        with pytest.raises(AlreadyQualified):
            start(campaign, anna)


def test_attempts_ask_other_comparisons_and_come_to_an_end(campaign, anna, curator):
    first = answer_all(start(campaign, anna), anna, 0)
    second = answer_all(start(campaign, anna), anna, 0)
    asked = Counter(Trial.objects.filter(attempt__in=[first, second]).values_list("gold", flat=True))
    assert len(asked) == 10
    with pytest.raises(NoAttemptsLeft):
        start(campaign, anna)
    start_over(campaign, anna)
    answer_all(start(campaign, anna), anna, 4)
    assert may_compare(campaign, anna)
    start_over(campaign, anna)
    assert not may_compare(campaign, anna)
    let_in(campaign, anna, curator=curator, at=timezone.now())
    assert may_compare(campaign, anna)
    assert hers(campaign, anna).qualified_by == curator


def test_an_attempt_goes_on_where_it_was_and_its_sides_stay(campaign, anna):
    attempt = start(campaign, anna, seed=3)
    sides = list(attempt.trials.order_by("pk").values_list("gold", "nearer_is_left"))
    answer(attempt.trials.first(), anna, "left")
    assert start(campaign, anna, seed=4) == attempt
    assert list(attempt.trials.order_by("pk").values_list("gold", "nearer_is_left")) == sides
    assert {side for _, side in sides} == {True, False}
    assert hers(campaign, anna).attempts == 1


def test_an_answer_counts_once_and_only_for_her(campaign, anna, annotators):
    attempt = start(campaign, anna)
    one, two = attempt.trials.all()[:2]
    answer_id = uuid.uuid4()
    assert answer(one, anna, "left", answer_id=answer_id).is_new
    again = answer(one, anna, "left", answer_id=answer_id)
    assert (again.is_new, again.left) == (False, 4)
    with pytest.raises(AlreadyAnswered):
        answer(one, anna, "right")
    with pytest.raises(IdUsed):
        answer(two, anna, "left", answer_id=answer_id)
    with pytest.raises(NotShown):
        answer(two, annotators[1], "left")
    assert Trial.objects.filter(answer__isnull=False).count() == 1
    one.refresh_from_db()
    assert (one.answer, one.response_ms) == ("left", 900)


def test_who_is_paused_is_asked_nothing(campaign, anna, admin):
    attempt = start(campaign, anna)
    pause(campaign, anna, admin=admin, at=timezone.now())
    with pytest.raises(AnnotatorPaused):
        answer(attempt.trials.first(), anna, "left")
    with pytest.raises(Paused):
        start(campaign, anna)
    resume(campaign, anna)
    assert answer(attempt.trials.first(), anna, "left").left == 4


def test_it_counts_nowhere_in_the_tournament_and_asks_no_hidden_gold(campaign, anna):
    draw_gold_from_triplets(campaign, 8)
    for purpose in (Purpose.PRACTICE, Purpose.QUALIFICATION):
        answer_all(start(campaign, anna, purpose), anna, 5)
    assert not Vote.objects.exists()
    assert not Comparison.objects.filter(winner__isnull=False).exists()
    campaign.gold_rate = 0.5
    campaign.save()
    lease(campaign, anna, count=40, at=timezone.now(), rng=random.Random(1))
    shown = Showing.objects.filter(gold__isnull=False).values_list("gold__purpose", flat=True)
    assert set(shown) == {Purpose.HIDDEN}


def test_who_only_reads_and_practises_does_not_pass_for_somebody_who_compares(campaign, anna):
    note_read(campaign, anna, timezone.now())
    answer_all(start(campaign, anna, Purpose.PRACTICE), anna, 5)
    assert hers(campaign, anna).seen_at is None
    let_in(campaign, anna, curator=anna, at=timezone.now())
    lease(campaign, anna, count=1, at=timezone.now(), rng=random.Random(1))
    assert hers(campaign, anna).seen_at is not None


def test_what_was_erased_is_not_waited_for(campaign, anna):
    attempt = start(campaign, anna, Purpose.PRACTICE)
    answer(attempt.trials.first(), anna, "left")
    Gold.objects.filter(trials__attempt=attempt, trials__answer__isnull=True).delete()
    draw_more(campaign, 5, Purpose.PRACTICE)
    assert start(campaign, anna, Purpose.PRACTICE) != attempt
    attempt.refresh_from_db()
    assert attempt.asked == 1


def test_gold_that_is_needed_stays_and_what_is_set_aside_is_not_drawn_again(campaign):
    with pytest.raises(StillNeeded, match="practice asks 5"):
        set_aside(campaign.gold.filter(purpose=Purpose.PRACTICE).first())
    set_aside(campaign.gold.filter(purpose=Purpose.QUALIFICATION).first())
    kept = set(campaign.gold.filter(purpose=Purpose.ASIDE).values_list("imported_triplet", flat=True))
    draw_more(campaign, 100, Purpose.EXAMPLE)
    drawn = set(campaign.gold.filter(purpose=Purpose.EXAMPLE).values_list("imported_triplet", flat=True))
    assert len(drawn) > 40 and not drawn & kept


def test_the_database_holds_the_rules(campaign, anna):
    attempt = start(campaign, anna)
    for rule, breaks in {
        "attempt_open_once": lambda: Attempt.objects.create(
            campaign=campaign, annotator=anna, purpose="qualification", started_at=timezone.now()
        ),
        "attempt_counted_once_finished": lambda: Attempt.objects.update(right=1),
        "trial_answered_as_a_whole": lambda: attempt.trials.update(answer="left"),
        "participation_let_in_is_qualified": lambda: Participation.objects.update(qualified_by=anna),
        "campaign_threshold_can_be_reached": lambda: Campaign.objects.update(qualification_threshold=6),
        "gold_purpose_known": lambda: Gold.objects.update(purpose="fun"),
    }.items():
        with pytest.raises(IntegrityError, match=rule), transaction.atomic():
            breaks()


@pytest.mark.django_db(transaction=True)
def test_two_tabs_begin_one_attempt_and_finish_it_once(campaign, anna):
    barrier = threading.Barrier(4)
    begun, lefts = [], []

    def begin_at_once(_):
        barrier.wait()
        begun.append(start(campaign, anna).pk)

    in_threads(begin_at_once, range(4))
    assert len(set(begun)) == 1
    assert hers(campaign, anna).attempts == 1
    attempt = Attempt.objects.get()
    *others, last, very_last = attempt.trials.order_by("position")
    for trial in others:
        answer(trial, anna, trial.nearer)
    tabs = [last, very_last, last, very_last]
    refused = []

    def answer_at_once(trial):
        barrier.wait()
        try:
            lefts.append(answer(trial, anna, trial.nearer).left)
        except AlreadyAnswered:
            refused.append(trial.pk)

    in_threads(answer_at_once, tabs)
    assert sorted(lefts) == [0, 1]
    assert sorted(refused) == sorted([last.pk, very_last.pk])
    attempt.refresh_from_db()
    assert (attempt.asked, attempt.right) == (5, 5)
    assert may_compare(campaign, anna)
