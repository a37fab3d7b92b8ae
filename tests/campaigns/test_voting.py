"""From the first lease to the champion, by the rules."""

import random
import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotate.campaigns import leases
from annotate.campaigns.leases import LEASE, answer_and_lease, lease
from annotate.campaigns.models import Answer, Bracket, Comparison, Relation, Vote
from annotate.campaigns.simulation import simulate
from annotate.campaigns.voting import (
    AlreadyAnswered,
    AlreadyDecided,
    IdUsed,
    NotShown,
    cast_vote,
    settle_as_tie,
)
from annotate.tournament.closure import Match, close
from annotate.tournament.simulator import Manner


def ask(campaign, annotator, count=1, at=None, **options):
    at = at or timezone.now()
    return lease(campaign, annotator, count=count, at=at, rng=random.Random(1), **options)


def test_a_lease_is_exclusive_and_survives_a_reload(campaign, annotators):
    anna, bert = annotators[:2]
    hers = ask(campaign, anna, 3)
    assert ask(campaign, anna, 3) == hers
    his = ask(campaign, bert, 3)
    assert not {q.comparison.pk for q in hers} & {q.comparison.pk for q in his}


def test_an_expired_lease_goes_to_somebody_else_and_a_late_vote_still_counts(campaign, annotators, vote):
    anna, *others = annotators
    now = timezone.now()
    [late] = ask(campaign, anna, at=now)
    later = now + LEASE + timedelta(seconds=1)
    again = {other: ask(campaign, other, 10, at=later) for other in others}
    [(other, taken)] = [(o, q) for o, qs in again.items() for q in qs if q.comparison == late.comparison]
    assert vote(anna, late).vote.counts
    cast = vote(other, taken)
    assert cast.is_new
    assert not cast.vote.counts
    assert Comparison.objects.get(pk=late.comparison.pk).winner == Vote.objects.get(annotator=anna).winner
    with pytest.raises(NotShown):
        vote(next(o for o in others if o != other), late)


def test_a_lease_that_ends_while_it_is_read_puts_nothing_to_her_twice(campaign, annotators, monkeypatch):
    held_questions = leases.held_questions

    def held_and_lost(here):
        found = held_questions(here)
        Comparison.objects.filter(leased_to=annotators[0]).update(leased_until="2000-01-01T00:00Z")
        return found

    ask(campaign, annotators[0], 2)
    monkeypatch.setattr(leases, "held_questions", held_and_lost)
    shown = [question.pk for question in ask(campaign, annotators[0], 4)]
    assert len(shown) == len(set(shown)) >= 2


def test_a_vote_brings_more_beside_what_she_holds_and_never_above_the_most(campaign, annotators, monkeypatch):
    anna, bert = annotators[:2]
    now = timezone.now()

    def answer(question, more, at):
        vote = {"vote_id": uuid.uuid4(), "showing_id": question.pk, "annotator": anna, "answer": "left"}
        said = answer_and_lease(**vote, response_ms=None, more=more, at=at, rng=random.Random(1))
        assert answer_and_lease(**vote, response_ms=None, more=more, at=at, rng=random.Random(1))[1] == []
        return said[1]

    first, *held = ask(campaign, anna, 3, at=now)
    later = now + LEASE - timedelta(seconds=5)
    more = answer(first, 3, later)
    assert len(more) == 3
    assert not {q.pk for q in more} & {q.pk for q in held}
    assert {q.pk for q in ask(campaign, anna, 5, at=later)} == {q.pk for q in held + more}
    soon = now + LEASE + timedelta(seconds=5)
    assert not {q.comparison_id for q in held} & {q.comparison_id for q in ask(campaign, bert, 50, at=soon)}
    monkeypatch.setattr(leases, "MOST_AT_ONCE", 5)
    assert len(answer(held[0], 3, later)) == 1


def test_the_same_vote_twice_counts_once(campaign, annotators, vote):
    [question] = ask(campaign, annotators[0])
    vote_id = uuid.uuid4()
    assert vote(annotators[0], question, vote_id=vote_id).is_new
    assert not vote(annotators[0], question, vote_id=vote_id).is_new
    assert Vote.objects.count() == 1
    [other] = ask(campaign, annotators[1])
    with pytest.raises(IdUsed):
        vote(annotators[1], other, vote_id=vote_id)


def test_uncertain_goes_to_another_and_three_make_a_tie(campaign, annotators, vote):
    [question] = ask(campaign, annotators[0])
    pk = question.comparison.pk
    for number, annotator in enumerate(annotators[:3], 1):
        mine = next(q for q in ask(campaign, annotator, 50, repetitions=[1]) if q.comparison.pk == pk)
        vote(annotator, mine, Answer.UNCERTAIN)
        comparison = Comparison.objects.get(pk=pk)
        assert comparison.is_tie == (number == 3)
        assert (comparison.winner is None) == (number < 3)
        assert pk not in {q.comparison.pk for q in ask(campaign, annotator, 10)}
        Comparison.objects.update(leased_until=None, leased_to=None)
    assert not Relation.objects.exists()


def test_nobody_answers_a_pair_twice_even_in_another_repetition(campaign, annotators, vote):
    anna = annotators[0]
    while questions := ask(campaign, anna, 10):
        for question in questions:
            vote(anna, question)
    pairs = list(Vote.objects.values_list("group", "low", "high"))
    assert len(pairs) == len(set(pairs)) > 3 * 7
    open_ones = Comparison.objects.open()
    assert open_ones.exists()
    for comparison in open_ones:
        assert (comparison.group_id, comparison.low, comparison.high) in set(pairs)


def test_the_database_itself_refuses_a_second_vote_on_a_pair(campaign, annotators, vote):
    [question] = ask(campaign, annotators[0])
    first = vote(annotators[0], question).vote
    with pytest.raises(IntegrityError, match="vote_pair_once"), transaction.atomic():
        Vote.objects.create(
            pk=uuid.uuid4(), comparison=first.comparison, annotator=first.annotator, answer="uncertain",
            low_is_left=True, group=first.group, low=first.low, high=first.high, campaign=campaign,
        )  # fmt: skip
    with pytest.raises(IntegrityError, match="vote_decides_comparison_once"), transaction.atomic():
        Vote.objects.create(
            pk=uuid.uuid4(), comparison=first.comparison, annotator=annotators[1], answer="left",
            low_is_left=True, group=first.group, low=first.low, high=first.high, campaign=campaign,
            is_stand_in=True,
        )  # fmt: skip


def test_an_annotator_stays_in_one_repetition_of_a_group_while_others_can(campaign, annotators, vote):
    anna = annotators[0]
    seen = {}
    for _ in range(7):
        [question] = ask(campaign, anna)
        seen.setdefault(question.comparison.group_id, set()).add(question.comparison.bracket_id)
        vote(anna, question)
    assert all(len(brackets) == 1 for brackets in seen.values())


def test_every_bracket_finishes_with_k_minus_1_comparisons_and_one_champion(campaign, annotators):
    simulate(campaign, annotators, Manner(flip=0.1, uncertain=0.05), seed=2)
    finished = Bracket.objects.filter(finished_at__isnull=False)
    assert finished.count() >= 7
    for bracket in finished:
        comparisons = list(bracket.comparisons.all())
        assert len(comparisons) == 7
        assert all(c.winner is not None for c in comparisons)
        losers = {c.low + c.high - c.winner for c in comparisons}
        assert len(losers) == 7


def test_stored_relations_are_the_closure_of_the_stored_votes(campaign, annotators):
    simulate(campaign, annotators, Manner(flip=0.2, uncertain=0.2), seed=3)
    for bracket in Bracket.objects.prefetch_related("comparisons__votes"):
        matches = []
        for c in bracket.comparisons.all():
            if c.winner is None:
                continue
            named = {v.annotator_id: v.winner for v in c.votes.all()}
            assert c.is_tie == (set(named.values()) == {None})
            deciders = frozenset(a for a, w in named.items() if w is not None)
            assert {named[a] for a in deciders} <= {c.winner}
            uncertain = frozenset(named) - deciders
            matches.append(
                Match(c.pk, c.round, c.winner, c.low + c.high - c.winner, deciders, uncertain, c.is_tie)
            )
        expected = {(r.winner, r.loser, len(r.chain), r.deciders, r.uncertain) for r in close(matches)}
        stored = {
            (r.winner.slot, r.loser.slot, r.chain, frozenset(r.deciders), frozenset(r.uncertain))
            for r in bracket.relations.select_related("winner", "loser")
        }
        assert stored == expected


def test_an_admin_settles_what_nobody_can_answer(campaign, admin):
    comparison = Comparison.objects.first()
    settled = settle_as_tie(comparison.pk, admin=admin, at=timezone.now())
    assert settled.is_tie
    assert settled.settled_by == admin
    with pytest.raises(AlreadyDecided):
        settle_as_tie(comparison.pk, admin=admin, at=timezone.now())


def test_a_paused_campaign_asks_nobody_but_takes_what_it_asked(campaign, annotators, vote):
    [question] = ask(campaign, annotators[0])
    campaign.is_active = False
    campaign.save()
    assert ask(campaign, annotators[0]) == []
    assert vote(annotators[0], question).is_new


def test_sides_are_random_and_recorded(campaign, annotators, vote):
    questions = [
        q for a in annotators for q in lease(campaign, a, count=10, at=timezone.now(), rng=random.Random(4))
    ]
    assert 0.2 < sum(q.left_id < q.right_id for q in questions) / len(questions) < 0.8
    cast = vote(annotators[0], questions[0], Answer.LEFT)
    left_slot = cast.vote.low if cast.vote.low_is_left else cast.vote.high
    assert cast.vote.winner == left_slot
    candidate = questions[0].comparison.group.candidates.get(slot=left_slot)
    assert candidate.positive_id == questions[0].left_id


def test_an_answer_to_a_pair_known_from_another_repetition_is_refused(campaign, annotators, vote):
    """Both showings are hers; the second vote meets the rule, not an error."""
    anna = annotators[0]
    first, *others = Comparison.objects.order_by("id")
    twin = next(
        (c for c in others if (c.group_id, c.low, c.high) == (first.group_id, first.low, first.high)), None
    )
    if twin is None:
        other_bracket = Comparison.objects.filter(group=first.group).exclude(bracket=first.bracket).first()
        Comparison.objects.filter(pk=other_bracket.pk).update(low=first.low, high=first.high)
        twin = Comparison.objects.get(pk=other_bracket.pk)
    shown = [comparison.showings.create(annotator=anna, low_is_left=True).pk for comparison in (first, twin)]
    options = {"annotator": anna, "answer": "left", "response_ms": None, "at": timezone.now()}
    cast_vote(vote_id=uuid.uuid4(), showing_id=shown[0], **options)
    with pytest.raises(AlreadyAnswered):
        cast_vote(vote_id=uuid.uuid4(), showing_id=shown[1], **options)


def test_repetitions_can_be_left_to_others(campaign, annotators):
    simulate(campaign, annotators, Manner(), repetitions=[1, 2])
    finished = Bracket.objects.filter(finished_at__isnull=False)
    assert set(finished.values_list("repetition", flat=True)) == {1, 2}
    assert finished.count() == 6
    assert not Vote.objects.filter(comparison__bracket__repetition=3).exists()


def test_what_the_owner_of_a_bracket_can_not_answer_any_more_goes_to_others(campaign, annotators, vote):
    """Her answer came while the match was withdrawn: it is evidence, and the pair is asked again."""
    campaign.assignment = "whole"
    campaign.save()
    anna, bert, carol = annotators[:3]
    first = ask(campaign, anna)[0]
    # She may answer it too, so neither of the two is its stand-in.
    campaign.participations.create(annotator=carol, seen_at=timezone.now())
    comparison = Comparison.objects.filter(pk=first.comparison_id)
    comparison.update(is_withdrawn=True)
    assert not vote(anna, first).vote.counts
    comparison.update(is_withdrawn=False, leased_to=None, leased_until=None)
    assert first.comparison_id not in {q.comparison_id for q in ask(campaign, anna, 50)}
    others = ask(campaign, bert, 50, repetitions=[1])
    assert first.comparison_id in {q.comparison_id for q in others}
