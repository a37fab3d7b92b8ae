"""Extra comparisons: what is expected to tell most, against a reference that tries every answer."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.tournament.extra import choose, gains
from annotate.tournament.ranking import Judgement, Noise, Posterior, answer_moments, posterior


def belief(k, seed, answers=12):
    rng = random.Random(seed)
    return posterior([Judgement(*rng.sample(range(k), 2)) for _ in range(answers)], k, Noise())


def summed_variance(covariance):
    k = len(covariance)
    return sum(
        covariance[i, i] + covariance[j, j] - 2 * covariance[i, j] for i in range(k) for j in range(i + 1, k)
    )


def naive_gain(belief, low, high, attention):
    """By how much the summed variance falls, on the mean over both answers."""
    x = np.zeros(len(belief.mean))
    x[low], x[high] = 1, -1
    after = 0.0
    for sign in (1, -1):
        probability, _, second = answer_moments(
            np.array(sign * x @ belief.mean), np.array(x @ belief.covariance @ x), attention
        )
        moved = belief.covariance @ x
        after += probability * summed_variance(belief.covariance + second * np.outer(moved, moved))
    return summed_variance(belief.covariance) - after


ks = st.sampled_from([2, 4, 8])
seeds = st.integers(0, 10**6)


@given(ks, seeds, st.floats(0.3, 1))
@settings(deadline=None, max_examples=30)
def test_gains_are_those_of_trying_every_answer(k, seed, attention):
    ours = belief(k, seed)
    naive = [naive_gain(ours, i, j, attention) for i in range(k) for j in range(i + 1, k)]
    np.testing.assert_allclose(gains(ours.mean, ours.covariance, attention), naive, rtol=1e-6, atol=1e-9)
    (pair,) = choose(ours, attention)
    assert naive_gain(ours, *pair, attention) == pytest.approx(max(naive))


@given(ks, seeds, st.integers(0, 40), st.data())
@settings(deadline=None)
def test_chooses_different_pairs_that_may_be_asked(k, seed, count, data):
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    pending = data.draw(st.lists(st.sampled_from(pairs), max_size=5))
    excluded = data.draw(st.lists(st.sampled_from(pairs), max_size=len(pairs)))
    chosen = choose(belief(k, seed), 0.9, count, pending=pending, excluded=[(j, i) for i, j in excluded])
    left = set(pairs) - set(pending) - set(excluded)
    assert len(set(chosen)) == len(chosen) == min(count, len(left))
    assert set(chosen) <= left


def test_what_is_pending_is_not_asked_about_twice():
    """Of four strangers, once two are being compared, the others tell most."""
    prior = Posterior(np.zeros(4), np.eye(4) * 4)
    assert choose(prior, 0.9, pending=[(0, 1)]) == choose(prior, 0.9, pending=[(1, 0)]) == [(2, 3)]
    assert {slot for pair in choose(prior, 0.9, 2) for slot in pair} == {0, 1, 2, 3}


def test_several_at_once_begin_with_the_one():
    ours = belief(8, 3)
    assert choose(ours, 0.9, 5)[:1] == choose(ours, 0.9, 1)
    assert choose(ours, 0.9, 5)[:2] == choose(ours, 0.9, 2)


def test_asks_what_is_open_rather_than_what_is_known():
    known = [Judgement(0, 1)] * 20 + [Judgement(2, 3), Judgement(3, 2)]
    assert choose(posterior(known, 4, Noise()), 0.9) != [(0, 1)]


def test_an_annotator_who_does_not_look_is_not_worth_asking():
    assert choose(belief(4, 1), 0.0) == []
