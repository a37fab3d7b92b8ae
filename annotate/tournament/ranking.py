"""How near the anchor each candidate of a group probably is, from every answer given about it.

A Bradley-Terry model with a Gaussian prior and annotators who do not always look, fitted by expectation
propagation to many groups at once; and the ordered pairs that this settles with a given confidence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# sigmoid(x) = sum of SHARES * Phi(x / WIDTHS) within 5e-5: its mean over a Gaussian is then a closed form.
SHARES = np.array([0.25295924, 0.58475097, 0.16228979])
WIDTHS = np.array([1.10205883, 1.73161089, 2.74751786])
# Groups fitted at a time, which bounds the memory.
AT_ONCE = 500
# Sweeps of expectation propagation: until no site moves by more than SETTLED, at most so many; full steps
# overshoot, and where these have not settled after CAUTIOUS sweeps, they become smaller.
SWEEPS, CAUTIOUS = 200, 40
SETTLED = 1e-5
_erf = np.frompyfunc(math.erf, 1, 1)


@dataclass(frozen=True)
class Judgement:
    """One answer about two of a group's slots; `weight` is its annotator's W_k."""

    winner: int
    loser: int
    weight: float = 1.0


@dataclass(frozen=True)
class Noise:
    """What a campaign's answers are like.

    Closeness to the anchor varies over candidates with standard deviation `spread`, in units of the answers'
    logistic noise. An annotator of weight 1 looks with probability a = `attention`, one of weight W with
    2 W - 1 times that (at most 1, none below one half); who does not look names either by chance. So
    p(w over l) = (1 - a) / 2 + a sigmoid(s_w - s_l).
    """

    spread: float = 2.0
    attention: float = 0.95

    def attention_at(self, weight: npt.ArrayLike) -> Array:
        """The probability that annotators of these weights look."""
        return np.clip(self.attention * (2 * np.asarray(weight, float) - 1), 0, 1)


@dataclass(frozen=True)
class Posterior:
    """What is believed of one group's closeness values: mean (k,) and covariance (k, k)."""

    mean: Array
    covariance: Array

    @cached_property
    def confidence(self) -> Array:
        """(k, k): the probability that i is nearer the anchor than j; one half on the diagonal."""
        variance = self.covariance.diagonal()
        difference = variance[:, None] + variance[None, :] - 2 * self.covariance
        np.fill_diagonal(difference, 1)
        return phi((self.mean[:, None] - self.mean[None, :]) / np.sqrt(difference))

    def resolve(self, threshold: float) -> list[tuple[int, int, float]]:
        """(winner, loser, confidence) of the pairs known with at least `threshold`, surest first.

        No pair stands there twice and no cycle is possible: a winner has the larger mean.
        Raises ValueError for a threshold that is not above one half.
        """
        if not 0.5 < threshold <= 1:
            raise ValueError(f"A confidence to ask for lies above 0.5 and is at most 1, not {threshold}")
        pairs = [(int(i), int(j)) for i, j in np.argwhere(self.confidence >= threshold)]
        return sorted(((i, j, float(self.confidence[i, j])) for i, j in pairs), key=lambda p: (-p[2], p))


def posterior(judgements: Sequence[Judgement], k: int, noise: Noise) -> Posterior:
    """What one group's answers say of its k slots."""
    return posteriors([judgements], k, noise)[0]


def posteriors(groups: Sequence[Sequence[Judgement]], k: int, noise: Noise) -> list[Posterior]:
    """What each group's answers say of its k slots."""
    found: list[Posterior] = []
    for start in range(0, len(groups), AT_ONCE):
        fit = Fit(Answers.of(groups[start : start + AT_ONCE], k))
        fit.settle(noise)
        found += [Posterior(mean, cov) for mean, cov in zip(fit.mean, fit.covariance, strict=True)]
    return found


def phi(x: Array) -> Array:
    """The distribution function of the standard normal."""
    return 0.5 + 0.5 * np.asarray(_erf(x / math.sqrt(2)), float)


@dataclass(frozen=True)
class Answers:
    """The answers of G groups, padded to n each: `winner` and `loser` one-hot, as their difference
    (G, n, k), and `weight` (G, n), which is one half (tells nothing) where padded."""

    difference: Array
    weight: Array

    @classmethod
    def of(cls, groups: Sequence[Sequence[Judgement]], k: int) -> Answers:
        """Raises ValueError for a slot outside 0 .. k - 1 or one that is compared with itself."""
        n = max((len(judgements) for judgements in groups), default=0)
        difference, weight = np.zeros((len(groups), n, k)), np.full((len(groups), n), 0.5)
        for g, judgements in enumerate(groups):
            for i, judgement in enumerate(judgements):
                if not (0 <= judgement.winner < k and 0 <= judgement.loser < k):
                    raise ValueError(f"{judgement} is not about slots 0 .. {k - 1}")
                if judgement.winner == judgement.loser:
                    raise ValueError(f"{judgement} compares a slot with itself")
                difference[g, i, judgement.winner] = 1
                difference[g, i, judgement.loser] = -1
                weight[g, i] = judgement.weight
        return cls(difference, weight)


class Fit:
    """Expectation propagation over G groups: each answer's factor is stood in for by a Gaussian site
    exp(shift * d - precision * d^2 / 2) in the difference d of its two slots."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        groups, n, k = answers.difference.shape
        self.precision, self.shift = np.zeros((groups, n)), np.zeros((groups, n))
        self.mean, self.covariance = np.zeros((groups, k)), np.zeros((groups, k, k))
        self.log_evidence = np.zeros(groups)

    def settle(self, noise: Noise) -> None:
        """Sweep until the sites stand still; those of an earlier call are the start."""
        attention = noise.attention_at(self.answers.weight)
        for sweep in range(SWEEPS):
            mean, variance, log_global = self._gather(noise.spread)
            cavity_variance = 1 / (1 / variance - self.precision)
            cavity_mean = cavity_variance * (mean / variance - self.shift)
            probability, first, second = answer_moments(cavity_mean, cavity_variance, attention)
            self.log_evidence = log_global + np.sum(
                np.log(probability) - self._log_sites(cavity_mean, cavity_variance), axis=1
            )
            # An answer that looks like a slip widens the belief; a site of negative precision would say so
            # and endangers convergence, so it moves the mean alone.
            shrink = np.maximum(1 + second * cavity_variance, 1e-6)
            informs = second < 0
            precision = np.where(informs, -second / shrink, 0)
            shift = np.where(informs, (first - cavity_mean * second) / shrink, first)
            step = 0.8 if sweep < CAUTIOUS else 0.3
            moved = max(
                np.abs(precision - self.precision).max(initial=0), np.abs(shift - self.shift).max(initial=0)
            )
            self.precision += step * (precision - self.precision)
            self.shift += step * (shift - self.shift)
            if moved < SETTLED:
                break
        self._gather(noise.spread)

    def _gather(self, spread: float) -> tuple[Array, Array, Array]:
        """Prior and sites together: sets mean and covariance; gives those of the compared differences
        (G, n) each, and the logarithm of the product's normaliser (G,)."""
        difference = self.answers.difference
        k = difference.shape[2]
        weighted = difference.transpose(0, 2, 1)
        self.covariance[:] = np.linalg.inv(
            np.eye(k) / spread**2 + weighted @ (self.precision[..., None] * difference)
        )
        total = (weighted @ self.shift[..., None])[..., 0]
        self.mean = (self.covariance @ total[..., None])[..., 0]
        variance = ((difference @ self.covariance) * difference).sum(-1)
        mean = (difference @ self.mean[..., None])[..., 0]
        log_normaliser = (
            0.5 * np.linalg.slogdet(self.covariance)[1]
            - k * math.log(spread)
            + 0.5 * (total * self.mean).sum(-1)
        )
        return mean, np.where(variance > 0, variance, 1), log_normaliser

    def _log_sites(self, mean: Array, variance: Array) -> Array:
        """Logarithm of each site's mean over its cavity Normal(mean, variance)."""
        joined = (mean / variance + self.shift) ** 2 / (1 / variance + self.precision)
        return 0.5 * (joined - mean**2 / variance - np.log1p(self.precision * variance))


def answer_moments(mean: Array, variance: Array, attention: Array | float) -> tuple[Array, Array, Array]:
    """The probability of an answer whose winner leads by Normal(mean, variance), and the first and second
    derivative of its logarithm by that mean (all of the mean's shape)."""
    scale = np.sqrt(variance[..., None] + WIDTHS**2)
    z = mean[..., None] / scale
    density = SHARES * np.exp(-0.5 * z * z) / (math.sqrt(2 * math.pi) * scale)
    attentive = (SHARES * phi(z)).sum(-1)
    probability = np.maximum(0.5 + attention * (attentive - 0.5), 1e-12)
    first = attention * density.sum(-1) / probability
    second = -attention * (density * z / scale).sum(-1) / probability - first**2
    return probability, first, second
