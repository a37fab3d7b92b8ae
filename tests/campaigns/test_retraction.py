"""Undo and discard: what is built on a vote falls with it, and the replay of the rest is what is stored."""

import itertools
import random
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from annotate.campaigns.leases import LEASE, lease
from annotate.campaigns.models import Bracket, Comparison, Relation, Vote
from annotate.campaigns.retraction import (
    BuiltUpon,
    NotTheLast,
    discard_votes,
    pause,
    resume,
    undo,
)
from annotate.campaigns.simulation import simulate
from annotate.campaigns.verification import differences
from annotate.campaigns.voting import AnnotatorPaused
from annotate.tournament.simulator import Manner


def ask(campaign, annotator, count=1):
    return lease(campaign, annotator, count=count, at=timezone.now(), rng=random.Random(1))


def take_back(cast_or_vote, annotator):
    vote = getattr(cast_or_vote, "vote", cast_or_vote)
    now = timezone.now()
    return undo(vote.pk, annotator=annotator, at=now, lease_until=now + LEASE)


def stored_matches():
    matches = Comparison.objects.filter(is_withdrawn=False)
    return set(matches.values_list("bracket", "round", "position", "low", "high", "winner"))


@pytest.fixture
def round_of(campaign, annotators, vote):
    """Anna answers a whole bracket of 8 alone; returns her votes in order."""

    def answer(number):
        votes = []
        while len(votes) < number:
            votes += [vote(annotators[0], q).vote for q in ask(campaign, annotators[0])]
        return votes

    return answer


def test_an_undone_answer_can_be_given_again(campaign, annotators, vote):
    anna = annotators[0]
    [question] = ask(campaign, anna)
    first = vote(anna, question).vote
    take_back(first, anna)
    assert Comparison.objects.get(pk=question.comparison.pk).winner is None
    assert not Relation.objects.exists()
    again = next(q for q in ask(campaign, anna, 3) if q.comparison == question.comparison)
    assert (again.left_id, again.right_id) == (question.left_id, question.right_id)
    assert vote(anna, again).vote.counts
    assert Vote.objects.count() == 2
    assert list(differences(campaign)) == []


def test_undoing_all_ten_leaves_what_was_there_before(campaign, annotators, round_of):
    votes = round_of(2)
    before = stored_matches()
    votes += round_of(10)
    for one in reversed(votes[2:]):
        take_back(one, annotators[0])
    assert take_back(votes[5], annotators[0]).retracted_at is not None
    with pytest.raises(NotTheLast, match="last 10"):
        take_back(votes[1], annotators[0])
    assert stored_matches() == before
    assert list(differences(campaign)) == []


def test_answers_are_undone_from_the_last_backwards(campaign, annotators, round_of):
    votes = round_of(3)
    with pytest.raises(NotTheLast, match="after this one first"):
        take_back(votes[1], annotators[0])
    with pytest.raises(Vote.DoesNotExist):
        take_back(votes[2], annotators[1])


def test_what_somebody_else_has_seen_stays(campaign, annotators, vote):
    """Two siblings of the first round are decided; somebody else looks at what follows from them."""
    anna, bert = annotators[:2]
    bracket = Bracket.objects.order_by("id").first()
    siblings = list(bracket.comparisons.filter(position__in=(0, 1)))
    shown = [
        (q, q.showings.create(annotator=person, low_is_left=True))
        for q, person in zip(siblings, (bert, anna), strict=True)
    ]
    casts = [
        vote(person, type("Q", (), {"pk": s.pk, "left_id": 1, "right_id": 2}))
        for (_, s), person in zip(shown, (bert, anna), strict=True)
    ]
    following = bracket.comparisons.get(round=2)
    following.showings.create(annotator=bert, low_is_left=True)
    with pytest.raises(BuiltUpon):
        take_back(casts[1], anna)
    assert Vote.objects.live().count() == 2


def test_what_somebody_else_has_just_leased_stays(campaign, annotators, admin):
    """Her lease is written a moment before her showing."""
    anna, bert = annotators[:2]
    simulate(campaign, [anna], Manner(), seed=1, repetitions=[1])
    votes = list(Vote.objects.select_related("comparison").order_by("created_at"))
    before, vote = next(
        (before, vote)
        for before, vote in reversed(list(itertools.pairwise(votes)))
        if before.comparison.bracket_id == vote.comparison.bracket_id and vote.comparison.round == 3
    )
    for later in reversed(votes[votes.index(vote) :]):
        take_back(later, anna)
    Comparison.objects.filter(pk=vote.comparison_id).update(leased_to=bert)
    with pytest.raises(BuiltUpon):
        take_back(before, anna)


def test_discarding_replays_the_brackets_and_keeps_others_votes(campaign, annotators):
    simulate(campaign, annotators, Manner(flip=0.2, uncertain=0.1), seed=4)
    anna = annotators[0]
    mine = Vote.objects.filter(annotator=anna).count()
    others = set(Vote.objects.exclude(annotator=anna).values_list("pk", flat=True))
    finished = Bracket.objects.filter(finished_at__isnull=False).count()
    outcome = discard_votes(campaign, anna, admin=annotators[3], at=timezone.now())
    assert outcome.votes == mine
    assert set(Vote.objects.live().values_list("pk", flat=True)) == others
    assert Bracket.objects.filter(finished_at__isnull=False).count() < finished
    assert list(differences(campaign)) == []
    assert not any(anna.pk in r.deciders + r.uncertain for r in Relation.objects.all())
    assert ask(campaign, anna) == []
    simulate(campaign, annotators[1:], Manner(), seed=5)
    assert list(differences(campaign)) == []


def test_votes_on_pairs_that_come_back_count_again(campaign, annotators, vote):
    """Anna decided the first round, Bert the second; without Anna's vote Bert's is evidence, and once the
    pair is the same again it decides as before."""
    simulate(campaign, annotators, Manner(), seed=6)
    seconds = Vote.objects.filter(comparison__round=2).select_related("comparison")
    later, first = next(
        (second, below)
        for second in seconds
        for below in Vote.objects.filter(
            comparison__bracket=second.comparison.bracket, comparison__round=1,
            comparison__position__in=(second.comparison.position * 2, second.comparison.position * 2 + 1),
        )
        if below.annotator_id != second.annotator_id
    )  # fmt: skip
    discard_votes(campaign, first.annotator, admin=annotators[3], at=timezone.now())
    later.comparison.refresh_from_db()
    assert later.comparison.is_withdrawn
    resume(campaign, first.annotator)
    simulate(campaign, annotators, Manner(), seed=7)
    later.comparison.refresh_from_db()
    assert not later.comparison.is_withdrawn
    assert later.comparison.winner == later.winner
    assert list(differences(campaign)) == []


def test_a_paused_annotator_is_asked_nothing_and_her_answer_is_refused(campaign, annotators, admin, vote):
    anna, bert = annotators[:2]
    [question] = ask(campaign, anna)
    pause(campaign, anna, admin=admin, at=timezone.now())
    assert ask(campaign, anna) == []
    with pytest.raises(AnnotatorPaused):
        vote(anna, question)
    assert ask(campaign, bert)
    resume(campaign, anna)
    assert ask(campaign, anna)


def test_verify_campaign_finds_what_was_tampered_with(campaign, annotators, capsys):
    simulate(campaign, annotators, Manner(uncertain=0.1), seed=8)
    call_command("verify_campaign", "c")
    assert "gives what is stored" in capsys.readouterr().out
    Relation.objects.first().delete()
    with pytest.raises(CommandError, match="1 difference"):
        call_command("verify_campaign", "c")
    with pytest.raises(CommandError, match="no campaign"):
        call_command("verify_campaign", "unknown")


def test_the_database_refuses_a_decision_that_no_vote_made(campaign):
    comparison = Comparison.objects.first()
    with pytest.raises(IntegrityError, match="not decided as its vote says"), transaction.atomic():
        Comparison.objects.filter(pk=comparison.pk).update(winner=comparison.low, decided_at=timezone.now())
        connection.check_constraints()


def test_the_database_refuses_a_round_before_its_time(campaign):
    bracket = Bracket.objects.first()
    with pytest.raises(IntegrityError, match="does not follow"), transaction.atomic():
        bracket.comparisons.create(campaign=campaign, group=bracket.group, round=2, position=0, low=0, high=1)
        connection.check_constraints()


def test_the_database_refuses_a_bracket_that_ends_too_soon(campaign):
    with pytest.raises(IntegrityError, match="called finished"), transaction.atomic():
        Bracket.objects.filter(pk=Bracket.objects.first().pk).update(finished_at=timezone.now())
        connection.check_constraints()


@pytest.mark.parametrize("number", [3, 6, 9])
@pytest.mark.parametrize("uncertain", [0.0, 0.1])
def test_no_group_is_stuck_that_the_rules_allow_to_finish(campaign, number, uncertain):
    from annotate.campaigns.simulation import simulated_annotators

    people = simulated_annotators(campaign, number)
    simulate(campaign, people, Manner(flip=0.1, uncertain=uncertain), seed=9)
    for comparison in Comparison.objects.open():
        asked = Vote.objects.filter(group=comparison.group, low=comparison.low, high=comparison.high)
        assert {vote.annotator_id for vote in asked} == {person.pk for person in people}
    if not uncertain:
        assert not Vote.objects.filter(is_stand_in=True).exists()
        assert not Comparison.objects.open().exists()
    at_most = timezone.now() + timedelta(hours=1)
    assert all(lease(campaign, p, count=1, at=at_most, rng=random.Random(1)) == [] for p in people)
    assert list(differences(campaign)) == []
