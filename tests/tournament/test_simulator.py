"""Simulated annotators, the groups that they play, and the planner's closed forms against simulation."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.tournament.closure import close
from annotate.tournament.planner import plan, rehearse
from annotate.tournament.simulator import Manner, Table, Verdict, play_bracket

shares = st.floats(0, 1)
manners = st.builds(Manner, st.floats(0, 5), st.floats(-3, 3), shares, shares, shares)
distances = st.floats(0, 10)


def share_of(manner, left, right, side, times=4000):
    rng = random.Random(1)
    return sum(manner.answer(left, right, rng) == side for _ in range(times)) / times


def test_one_who_sees_exactly_names_the_nearer():
    assert share_of(Manner(), 1.0, 1.1, "left") == share_of(Manner(), 1.1, 1.0, "right") == 1


def test_noise_is_the_logistic_scale():
    manner = Manner(noise=2.0)
    assert manner.chance_of_left(1, 3) == pytest.approx(1 / (1 + 2.718281828**-1))
    assert share_of(manner, 1, 3, "left") == pytest.approx(manner.chance_of_left(1, 3), abs=0.03)


def test_carelessness_flips_bias_and_uncertainty_do_what_they_say():
    assert Manner(carelessness=0.4).chance_of_left(1, 2) == pytest.approx(0.8)
    assert Manner(flip=0.19).chance_of_left(1, 2) == pytest.approx(0.81)
    assert Manner(noise=1, bias=1.5).chance_of_left(2, 2) == pytest.approx(1 / (1 + 2.718281828**-1.5))
    assert Manner(bias=9).chance_of_left(1, 1) > 0.99
    assert share_of(Manner(uncertain=0.3), 1, 2, None) == pytest.approx(0.3, abs=0.03)


@given(manners, distances, distances)
def test_swapping_sides_and_bias_changes_nothing(manner, left, right):
    mirrored = Manner(manner.noise, -manner.bias, manner.carelessness, manner.flip, manner.uncertain)
    chance = manner.chance_of_left(left, right)
    assert 0 <= chance <= 1
    assert chance == pytest.approx(1 - mirrored.chance_of_left(right, left), abs=1e-9)


@given(st.sampled_from([2, 4, 8, 16]), st.integers(0, 10**9))
def test_exact_annotators_crown_the_nearest(k, seed):
    rng = random.Random(seed)
    table = Table(rng.sample(range(100), k), [Manner()] * 3, rng)
    for matches in table.play(3):
        assert len(matches) == k - 1
        assert table.distances[matches[-1].winner] == min(table.distances)
        assert all(table.distances[r.winner] < table.distances[r.loser] for r in close(matches))


def test_ties_go_on_by_the_coin_and_give_no_relation():
    matches = play_bracket(4, 8, lambda low, high: Verdict(None))
    assert len(matches) == 7
    assert all(match.is_tie for match in matches)
    assert close(matches) == []
    assert matches == play_bracket(4, 8, lambda low, high: Verdict(None))


@given(st.integers(1, 9), st.integers(1, 3), st.integers(0, 10**6), st.sampled_from([0.0, 0.3, 1.0]))
def test_nobody_answers_a_pair_twice_and_repetitions_keep_to_their_own(people, repetitions, seed, uncertain):
    table = Table(range(8), [Manner(uncertain=uncertain)] * people, random.Random(seed), max_uncertain=2)
    asked = Counter()
    for number, matches in enumerate(table.play(repetitions)):
        for match in matches:
            pair = min(match.winner, match.loser), max(match.winner, match.loser)
            voters = match.deciders | match.uncertain
            asked.update((annotator, *pair) for annotator in voters)
            assert match.is_tie == (not match.deciders)
            assert len(match.deciders) <= 1
            assert len(match.uncertain) <= 2
            if uncertain == 0 and people >= repetitions:
                assert {annotator % repetitions for annotator in match.deciders} <= {number}
    assert set(asked.values()) <= {1}
    assert set(asked) == table.answered


def test_a_pair_that_all_have_answered_is_a_tie():
    table = Table([1.0, 2.0], [Manner()], random.Random(0))
    assert table.ask(0, 1).winner == 0
    assert not table.can_be_asked(0, 1)
    assert table.ask(0, 1) == Verdict(None)


def test_the_paper_says_fifteen_answers_and_we_64_triplets():
    ours = plan(1, 16, 1, seconds=4)
    assert (ours.comparisons, ours.answers, ours.hours) == (15, 15, 15 * 4 / 3600)
    assert (ours.direct, ours.inferred, ours.negative, ours.triplets) == (15, 17, 32, 64)


@pytest.mark.parametrize(("k", "uncertain", "most"), [(16, 0.3, 3), (8, 0.5, 2), (4, 0.2, 1)])
def test_the_plan_is_what_playing_gives(k, uncertain, most):
    """Expectation against 1,000 groups of two brackets each."""
    manner = Manner(noise=0.5, uncertain=uncertain)
    expected = plan(1000, k, 2, 3.0, manner=manner, max_uncertain=most)
    played = rehearse(1000, k, 2, [manner] * 6, random.Random(2), max_uncertain=most)
    relations = [relation for group in played for matches in group.brackets for relation in close(matches)]
    direct = sum(len(relation.chain) == 1 for relation in relations)
    assert sum(group.answers for group in played) == pytest.approx(expected.answers, rel=0.02)
    assert direct == pytest.approx(expected.direct, rel=0.02)
    assert len(relations) - direct == pytest.approx(expected.inferred, rel=0.06)
    assert expected.negative == expected.direct + expected.inferred


def test_plans_of_extra_comparisons_count_their_answers():
    manner = Manner(uncertain=0.5)
    with_extra = plan(10, 16, 1, 2.0, manner=manner, max_uncertain=2, extra=30)
    assert with_extra.comparisons == 450
    assert with_extra.answers == 450 * 1.5
    assert with_extra.triplets == plan(10, 16, 1, 2.0, manner=manner, max_uncertain=2).triplets


@pytest.mark.parametrize("wrong", [{"groups": -1}, {"k": 12}, {"seconds": -2.0}, {"max_uncertain": 0}])
def test_refuses_settings_that_cannot_be(wrong):
    settings = {"groups": 1, "k": 16, "repetitions": 3, "seconds": 2.0} | wrong
    with pytest.raises(ValueError, match=r"k must|cannot be negative"):
        plan(**settings)


def test_a_rehearsal_spends_its_extra_answers_and_is_the_same_again():
    first, second = (rehearse(5, 8, 1, [Manner(noise=0.5)] * 4, random.Random(9), extra=12) for _ in range(2))
    assert first == second
    assert [group.answers for group in first] == [7 + 12] * 5


def test_a_rehearsal_stops_where_everybody_has_answered_everything():
    (group,) = rehearse(1, 4, 1, [Manner()], random.Random(3), extra=20)
    assert group.answers == 6
