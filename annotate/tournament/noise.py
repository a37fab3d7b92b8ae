"""What a campaign's answers are like: the noise model's two numbers, estimated from all its groups."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from annotate.tournament.ranking import Answers, Array, Fit, Judgement, Noise

# So many groups, evenly spaced, tell enough: the confidences hardly depend on the rest.
GROUPS = 200
# Where both numbers lie before any answer is seen, as (log spread, logit of the mean annotator's attention),
# and how far from there, as standard deviations.
EXPECTED = np.array([math.log(2), math.log(19)])
UNSURE = np.array([1.0, 1.0])
# Bounds that no data should reach: beyond them the likelihood is flat.
LOWEST, HIGHEST = np.array([math.log(0.05), -4]), np.array([math.log(20), 7])
# The climb: at most so many steps, until one is shorter than CLOSE; scores are differences over TINY.
STEPS, CLOSE, TINY = 15, 0.02, 0.05


def estimate_noise(groups: Sequence[Sequence[Judgement]], k: int) -> Noise:
    """The most probable noise given the answers of a campaign's groups: the maximum of their marginal
    likelihood (by expectation propagation) times a weak prior, found by Fisher scoring.

    Spread and attention can partly stand in for one another, so either alone is known less well than the
    confidences that they lead to.
    """
    answered = [judgements for judgements in groups if judgements]
    stride = max(1, -(-len(answered) // GROUPS))
    answers = Answers.of(answered[::stride], k)
    informative = np.maximum(2 * answers.weight - 1, 0)
    typical = float(informative[informative > 0].mean()) if informative.any() else 1.0
    fit = Fit(answers)

    def evidence(place: Array) -> Array:
        fit.settle(_noise(place, typical))
        return fit.log_evidence.copy()

    return _noise(_climb(evidence), typical)


def _noise(place: Array, typical: float) -> Noise:
    return Noise(math.exp(place[0]), 1 / (1 + math.exp(-place[1])) / typical)


def _climb(evidence: Callable[[Array], Array]) -> Array:
    """Where the sum of `evidence`, which gives each group's logarithm, and the prior are highest.

    The scores are finite differences, the information their sum of squares; a step that does not climb is
    halved.
    """
    place, here = EXPECTED.copy(), evidence(EXPECTED)
    for _ in range(STEPS):
        scores = np.stack([(evidence(place + shift) - here) / TINY for shift in TINY * np.eye(2)], axis=1)
        gradient = scores.sum(0) - (place - EXPECTED) / UNSURE**2
        information = scores.T @ scores + np.diag(1 / UNSURE**2)
        step = np.clip(np.linalg.solve(information, gradient), -1, 1)
        while np.abs(step).max() > CLOSE:
            there = np.clip(place + step, LOWEST, HIGHEST)
            value = evidence(there)
            if _height(there, value) > _height(place, here):
                break
            step = step / 2
        else:
            return place
        place, here = there, value
    return place


def _height(place: Array, evidence: Array) -> float:
    return float(evidence.sum() - 0.5 * (((place - EXPECTED) / UNSURE) ** 2).sum())
