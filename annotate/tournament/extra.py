"""Which comparisons to ask of a group beyond its brackets: those whose answers tell most."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from annotate.tournament.ranking import Array, Posterior, answer_moments


def choose(
    posterior: Posterior,
    attention: float,
    count: int = 1,
    *,
    pending: Iterable[tuple[int, int]] = (),
    excluded: Collection[tuple[int, int]] = (),
) -> list[tuple[int, int]]:
    """Up to `count` different pairs (low, high) whose answers are expected to tell most, the best first.

    `attention` is how probably the annotator looks. `pending` are pairs that are being asked already: they
    are not chosen, and what they will probably tell is not counted again; nor is that of the pairs chosen
    before in the same call. `excluded` are pairs that cannot be asked. Fewer come back where no others
    are left.
    """
    k = len(posterior.mean)
    low, high = np.triu_indices(k, 1)
    covariance = posterior.covariance.copy()
    open_pairs = np.ones((k, k), bool)
    for a, b in excluded:
        open_pairs[a, b] = open_pairs[b, a] = False
    waiting = [(min(pair), max(pair)) for pair in pending]
    chosen: list[tuple[int, int]] = []
    while len(chosen) < count:
        if waiting:
            a, b = waiting.pop()
        else:
            gain = np.where(open_pairs[low, high], gains(posterior.mean, covariance, attention), -np.inf)
            best = int(gain.argmax())
            if not gain[best] > 0:
                break
            a, b = int(low[best]), int(high[best])
            chosen.append((a, b))
        open_pairs[a, b] = open_pairs[b, a] = False
        shared = covariance[a] - covariance[b]
        curvature = _curvature(posterior.mean[a] - posterior.mean[b], shared[a] - shared[b], attention)
        covariance += curvature * np.outer(shared, shared)
    return chosen


def gains(mean: Array, covariance: Array, attention: float) -> Array:
    """(k (k - 1) / 2,): for each pair (low, high), in the order of numpy's triu_indices, by how much its
    answer is expected to lower the summed posterior variance of all differences between two slots.

    An answer changes the covariance C by h c c', where c = C (e_low - e_high) and h, which is negative on the
    mean, is the second derivative of the logarithm of the answer's probability; the sum over pairs of
    (c_i - c_j)^2 is k |c|^2 - (sum of c)^2.
    """
    low, high = np.triu_indices(len(mean), 1)
    shared = covariance[low] - covariance[high]
    row = np.arange(len(low))
    variance = shared[row, low] - shared[row, high]
    moved = len(mean) * (shared**2).sum(axis=1) - shared.sum(axis=1) ** 2
    return -_curvature(mean[low] - mean[high], variance, attention) * moved


def _curvature(mean: Array, variance: Array, attention: float) -> Array:
    """The expected second derivative of an answer's log probability, whichever of the two it names."""
    first, second = (answer_moments(np.asarray(sign * mean), variance, attention) for sign in (1, -1))
    return np.asarray(first[0] * first[2] + second[0] * second[2])
