"""How sure a figure is: the bootstrap over groups, since the faces of a person hang together.

What is resampled are sums per group, so that a resample costs no second look at the faces.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

# Draws in hand at a time: 32 MB.
_DRAWS = 4_000_000


class Figure(TypedDict):
    """A figure and its interval at LEVEL; no interval where fewer than two groups were there."""

    value: float
    low: float | None
    high: float | None


LEVEL = 0.95


@dataclass(frozen=True)
class Bootstrap:
    """`resamples` draws of as many groups as there are, with replacement, from `seed`."""

    resamples: int = 1000
    seed: int = 0

    def sums(self, parts: np.ndarray) -> np.ndarray:
        """(resamples, M) of `parts` (G, M), one row a group: each resample's sums.

        Equal numbers of groups are drawn alike, so that sums of several calls belong to the same resamples.
        """
        groups = len(parts)
        rng = np.random.default_rng(self.seed)
        found = np.empty((self.resamples, parts.shape[1]))
        at_once = max(1, _DRAWS // groups)
        for start in range(0, self.resamples, at_once):
            rows = min(at_once, self.resamples - start)
            draws = rng.integers(0, groups, (rows, groups))
            draws += groups * np.arange(rows)[:, None]
            times = np.bincount(draws.ravel(), minlength=rows * groups).reshape(rows, groups)
            found[start : start + rows] = times.astype(np.float64) @ parts
        return found

    def figure(self, statistic: Callable[[np.ndarray], np.ndarray], parts: np.ndarray) -> Figure:
        """The `statistic`, of sums (B, M) to (B,), of all groups' parts (G, M), with its interval."""
        value = float(statistic(parts.sum(axis=0, keepdims=True))[0])
        if len(parts) < 2:
            return Figure(value=value, low=None, high=None)
        return interval(value, statistic(self.sums(parts)))

    def mean(self, values: np.ndarray, groups: np.ndarray) -> Figure:
        """The mean of `values` (n,) whose groups are `groups` (n,), with its interval. n is at least 1."""
        return self.figure(ratio, per_group(np.stack([values, np.ones(len(values))], axis=1), groups))


def interval(value: float, resampled: np.ndarray) -> Figure:
    """The figure with the percentiles of its resamples (B,); those of which nothing is known do not count."""
    known = resampled[np.isfinite(resampled)]
    if not len(known):
        return Figure(value=value, low=None, high=None)
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Figure(value=value, low=float(low), high=float(high))


def ratio(sums: np.ndarray) -> np.ndarray:
    """(B,) of sums (B, 2): the first by the second, NaN where that is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[:, 0] / sums[:, 1])


def per_group(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(G, M) sums of `values` (n, M) over each group that occurs in `groups` (n,)."""
    known, number = np.unique(groups, return_inverse=True)
    return summed(values, number, len(known))


def summed(values: np.ndarray, number: np.ndarray, groups: int) -> np.ndarray:
    """(groups, M) sums of `values` (n, M) over the rows of each `number` (n,)."""
    found = np.zeros((groups, values.shape[1]))
    order = np.argsort(number, kind="stable")
    starts = np.flatnonzero(np.diff(number[order], prepend=-1))
    if len(order):
        found[number[order[starts]]] = np.add.reduceat(values[order], starts, axis=0)
    return found
