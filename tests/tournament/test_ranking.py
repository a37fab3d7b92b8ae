"""The posterior of a group against choix and against exact integration; and what it may never do."""

import math
import random

import choix
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.tournament.noise import estimate_noise
from annotate.tournament.ranking import Judgement, Noise, answer_moments, phi, posterior, posteriors


def some_answers(k, number, seed, spread=2.0, attention=1.0):
    """Judgements of a group whose closeness is drawn from the model itself, and that closeness."""
    rng = random.Random(seed)
    closeness = [rng.gauss(0, spread) for _ in range(k)]
    judgements = []
    for _ in range(number):
        a, b = rng.sample(range(k), 2)
        nearer = 1 / (1 + math.exp(closeness[b] - closeness[a]))
        winner, loser = (a, b) if rng.random() < (1 - attention) / 2 + attention * nearer else (b, a)
        judgements.append(Judgement(winner, loser))
    return judgements, closeness


@st.composite
def groups(draw):
    k = draw(st.sampled_from([2, 4, 8]))
    slots = st.lists(st.integers(0, k - 1), min_size=2, max_size=2, unique=True)
    weights = st.floats(0, 1)
    drawn = draw(st.lists(st.tuples(slots, weights), max_size=20))
    return k, [Judgement(winner, loser, weight) for (winner, loser), weight in drawn]


noises = st.builds(Noise, st.floats(0.2, 15), st.floats(0.1, 1))


@pytest.mark.parametrize("spread", [0.7, 2.0, 4.0])
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_posterior_of_choix(spread, seed):
    """Attentive annotators of weight 1: choix's model, whose alpha is one over the prior's variance."""
    judgements, _ = some_answers(16, 45, seed, spread)
    ours = posterior(judgements, 16, Noise(spread, attention=1.0))
    mean, covariance = choix.ep_pairwise(16, [(j.winner, j.loser) for j in judgements], alpha=1 / spread**2)
    np.testing.assert_allclose(ours.mean, mean, atol=0.01 * spread)
    np.testing.assert_allclose(ours.covariance, covariance, atol=0.01 * spread**2)


def test_orders_as_the_most_probable_closeness_of_choix_does():
    """With many answers, mode (choix's alpha is half of one over the prior's variance) and mean agree."""
    judgements, _ = some_answers(8, 200, 5)
    mode = choix.opt_pairwise(8, [(j.winner, j.loser) for j in judgements], alpha=1 / (2 * 2.0**2))
    mean = posterior(judgements, 8, Noise(2.0, attention=1.0)).mean
    assert [int(i) for i in mode.argsort()] == [int(i) for i in mean.argsort()]
    np.testing.assert_allclose(mean - mean.mean(), mode - mode.mean(), atol=0.25)


@pytest.mark.parametrize(
    ("mean", "variance", "attention"), [(0, 1, 1), (1.5, 0.3, 0.8), (-6, 4, 0.9), (-3, 40, 0.62)]
)
def test_the_moments_of_an_answer_equal_those_integrated(mean, variance, attention):
    d = np.linspace(mean - 12 * math.sqrt(variance), mean + 12 * math.sqrt(variance), 200_001)
    density = np.exp(-((d - mean) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
    likely = ((1 - attention) / 2 + attention / (1 + np.exp(-d))) * density
    step = d[1] - d[0]
    total = likely.sum() * step
    centre = (likely * d).sum() * step / total
    around = (likely * (d - centre) ** 2).sum() * step / total
    probability, first, second = answer_moments(np.array(mean), np.array(variance), attention)
    assert probability == pytest.approx(total, abs=1e-4)
    assert mean + variance * first == pytest.approx(centre, abs=0.01)
    assert variance + variance**2 * second == pytest.approx(around, rel=0.02)


@pytest.mark.parametrize(("noise", "within"), [(Noise(2.0, 0.95), 0.03), (Noise(5.0, 0.62), 0.1)])
def test_confidence_is_nearly_that_of_the_exact_posterior(noise, within):
    """Four slots: integrate over draws from the prior, weighted by their likelihood."""
    draws = np.random.default_rng(3).normal(size=(400_000, 4)) * noise.spread
    for seed in range(5):
        judgements, _ = some_answers(4, 7, seed, noise.spread, noise.attention)
        likely = np.ones(len(draws))
        for j in judgements:
            nearer = 1 / (1 + np.exp(draws[:, j.loser] - draws[:, j.winner]))
            likely *= (1 - noise.attention) / 2 + noise.attention * nearer
        exact = [
            [(likely * (draws[:, i] > draws[:, j])).sum() / likely.sum() for j in range(4)] for i in range(4)
        ]
        ours = posterior(judgements, 4, noise).confidence
        off_diagonal = ~np.eye(4, dtype=bool)
        np.testing.assert_allclose(ours[off_diagonal], np.array(exact)[off_diagonal], atol=within)


@given(groups(), noises)
@settings(deadline=None)
def test_a_posterior_is_a_belief(group, noise):
    k, judgements = group
    ours = posterior(judgements, k, noise)
    assert np.isfinite(ours.mean).all()
    assert (np.linalg.eigvalsh(ours.covariance) > 0).all()
    np.testing.assert_allclose(ours.confidence + ours.confidence.T, 1)
    assert (ours.covariance.diagonal() <= noise.spread**2 * (1 + 1e-6)).all()


@given(groups(), noises, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_neither_order_nor_names_nor_company_matter(group, noise, rng):
    k, judgements = group
    names = rng.sample(range(k), k)
    renamed = [
        Judgement(names[j.winner], names[j.loser], j.weight) for j in rng.sample(judgements, len(judgements))
    ]
    ours, other, _ = posteriors([judgements, renamed, [Judgement(0, 1)] * 30], k, noise)
    np.testing.assert_allclose(ours.confidence, other.confidence[np.ix_(names, names)], atol=5e-3)
    np.testing.assert_allclose(ours.confidence, posterior(judgements, k, noise).confidence, atol=5e-3)


@given(groups(), noises, st.floats(0.51, 0.99))
@settings(deadline=None)
def test_what_is_resolved_can_be_laid_in_one_order(group, noise, threshold):
    k, judgements = group
    ours = posterior(judgements, k, noise)
    resolved = ours.resolve(threshold)
    assert len({frozenset(pair[:2]) for pair in resolved}) == len(resolved)
    assert all(ours.mean[winner] > ours.mean[loser] for winner, loser, _ in resolved)
    assert all(confidence >= threshold for *_, confidence in resolved)
    assert [c for *_, c in resolved] == sorted((c for *_, c in resolved), reverse=True)
    assert len(resolved) == (ours.confidence >= threshold).sum()


def test_no_answers_leave_the_prior():
    ours = posterior([], 4, Noise(3.0))
    assert ours.resolve(0.51) == []
    np.testing.assert_allclose(ours.covariance, 9 * np.eye(4))


def test_an_answer_moves_what_it_is_about_and_what_hangs_on_it():
    chain = posterior([Judgement(0, 1), Judgement(1, 2)], 4, Noise())
    assert chain.confidence[0, 2] > chain.confidence[0, 1] > 0.6
    assert chain.confidence[0, 3] > 0.5 > chain.confidence[2, 3]


def test_a_lighter_annotator_moves_less_and_one_who_guesses_nothing():
    confidences = [posterior([Judgement(0, 1, w)], 2, Noise()).confidence[0, 1] for w in (0.3, 0.5, 0.7, 1.0)]
    assert confidences[0] == confidences[1] == pytest.approx(0.5)
    assert 0.5 < confidences[2] < confidences[3]


@pytest.mark.parametrize("judgement", [Judgement(0, 4), Judgement(-1, 2), Judgement(2, 2)])
def test_refuses_slots_that_are_not_the_groups(judgement):
    with pytest.raises(ValueError, match="slot"):
        posterior([judgement], 4, Noise())


@pytest.mark.parametrize("threshold", [0.5, 0.0, 1.01])
def test_refuses_a_threshold_that_would_contradict_itself(threshold):
    with pytest.raises(ValueError, match="confidence"):
        posterior([], 4, Noise()).resolve(threshold)


@pytest.mark.parametrize(("spread", "attention"), [(1.0, 0.95), (3.0, 0.95), (4.0, 0.65)])
def test_the_estimated_noise_predicts_as_well_as_the_true_one(spread, attention):
    """Held-out answers: the mean logarithm of their stated probability falls by less than 0.005."""
    groups = [some_answers(16, 45, seed, spread, attention)[0] for seed in range(120)]
    estimated = estimate_noise([judgements[:30] for judgements in groups], 16)

    def score(noise):
        seen = posteriors([judgements[:30] for judgements in groups], 16, noise)
        logs = []
        for judgements, belief in zip(groups, seen, strict=True):
            for j in judgements[30:]:
                lead = belief.mean[j.winner] - belief.mean[j.loser]
                c = belief.covariance
                variance = c[j.winner, j.winner] + c[j.loser, j.loser] - 2 * c[j.winner, j.loser]
                logs.append(np.log(answer_moments(lead, variance, noise.attention_at(1.0))[0]))
        return np.mean(logs)

    assert score(estimated) > score(Noise(spread, attention)) - 0.005
    assert score(estimated) > score(Noise(spread * 4, 0.99)) + 0.005


def test_the_noise_is_estimated_with_the_annotators_weights():
    """Where half of the annotators guess, the weights tell the others' attention from theirs."""
    groups = []
    for seed in range(80):
        careful = [Judgement(j.winner, j.loser, 0.8) for j in some_answers(8, 20, seed, 3.0)[0]]
        guessed = [Judgement(j.winner, j.loser, 0.5) for j in some_answers(8, 20, seed, 0.0)[0]]
        groups.append(careful + guessed)
    noise = estimate_noise(groups, 8)
    assert noise.attention_at(0.8) > 0.85
    assert noise.attention_at(0.5) == 0
    assert 2 < noise.spread < 4.5


def test_without_answers_the_noise_is_what_one_expects():
    assert estimate_noise([], 16).spread == pytest.approx(2)
    assert estimate_noise([[], []], 16).attention == pytest.approx(0.95)


@given(st.floats(-30, 30))
def test_phi_is_the_normal_distribution_function(x):
    assert phi(np.array([x]))[0] == pytest.approx(0.5 * math.erfc(-x / math.sqrt(2)), abs=1e-12)
