"""What a study's votes say, as numbers: pure, of plain arrays. Votes on one query hang together, so that
intervals and tests take whole queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from annotate.tournament.quality import Share

RESAMPLES = 2_000
STRENGTH_RESAMPLES = 500
LEVEL = 0.95
# Of a draw, added to each pair that was asked: without it there are no strengths where one always wins.
PRIOR_DRAW = 0.5

# Of (contender, contender), the smaller first: int [queries, 3], votes for the one, the other and neither.
Counts = Mapping[tuple[int, int], np.ndarray]


@dataclass(frozen=True)
class SignTest:
    """On how many queries most decided votes were for the one, for the other, and for neither."""

    one: int
    other: int
    even: int

    @property
    def p(self) -> float | None:
        """Two-sided: how probable a split at least as uneven is where each query falls to either alike."""
        n, most = self.one + self.other, max(self.one, self.other)
        if not n:
            return None
        return min(1.0, 2 * sum(comb(n, k) for k in range(most, n + 1)) / 2**n)


@dataclass(frozen=True)
class PairOutcome:
    """Two contenders' votes against each other. `share` is the one's of the decided votes, with Wilson's
    interval, as if they were independent; `interval` is by resampling whole queries."""

    one: int
    other: int
    share: Share
    uncertain: int
    interval: tuple[float, float] | None
    test: SignTest


@dataclass(frozen=True)
class Strength:
    """A contender's Bradley-Terry strength; a study's sum up to 1. The interval is by resampling queries."""

    contender: int
    value: float
    interval: tuple[float, float]


def pair_outcome(pair: tuple[int, int], counts: np.ndarray, rng: np.random.Generator) -> PairOutcome:
    """counts: int [queries, 3], votes for the one, for the other, and uncertain."""
    one, other, uncertain = (int(count) for count in counts.sum(axis=0))
    won = np.sign(counts[:, 0] - counts[:, 1])[counts[:, :2].sum(axis=1) > 0]
    test = SignTest(int((won > 0).sum()), int((won < 0).sum()), int((won == 0).sum()))
    return PairOutcome(*pair, Share(one, one + other), uncertain, _share_interval(counts, rng), test)


def _share_interval(counts: np.ndarray, rng: np.random.Generator) -> tuple[float, float] | None:
    """The LEVEL interval of the one's share of decided votes; None where fewer than two queries have any."""
    decided = counts[counts[:, :2].sum(axis=1) > 0][:, :2]
    if len(decided) < 2:
        return None
    sums = _resamples(len(decided), RESAMPLES, rng) @ decided
    return _interval(sums[:, 0] / sums.sum(axis=1))


def strengths(counts: Counts, rng: np.random.Generator) -> list[Strength]:
    """Each contender's strength by the Bradley-Terry model, uncertain votes being draws; [] without votes.

    The strongest first. PRIOR_DRAW is added to each pair.
    """
    pairs = {pair: of_pair for pair, of_pair in counts.items() if of_pair.sum()}
    if not pairs:
        return []
    queries = len(next(iter(pairs.values())))
    contenders = sorted({contender for pair in pairs for contender in pair})
    tables = np.stack(list(pairs.values()))
    estimate = _fit(list(pairs), contenders, tables.sum(axis=1))
    drawn = _resamples(queries, STRENGTH_RESAMPLES, rng)
    fits = np.array([_fit(list(pairs), contenders, np.tensordot(tables, row, (1, 0))) for row in drawn])
    found = [
        Strength(contender, float(estimate[place]), _interval(fits[:, place]))
        for place, contender in enumerate(contenders)
    ]
    return sorted(found, key=lambda one: -one.value)


def _fit(pairs: Sequence[tuple[int, int]], contenders: Sequence[int], sums: np.ndarray) -> np.ndarray:
    """Strengths in the contenders' order. sums: float [pairs, 3], as in Counts."""
    # It brings pandas and scipy along, which nothing else of the web needs.
    from evalica import Winner, bradley_terry

    outcomes = [Winner.X, Winner.Y, Winner.Draw]
    weights = sums + np.array([0.0, 0.0, PRIOR_DRAW])
    result = bradley_terry(
        [one for one, _ in pairs for _ in outcomes],
        [other for _, other in pairs for _ in outcomes],
        outcomes * len(pairs),
        weights=weights.ravel().tolist(),
        tolerance=1e-8,
        limit=10_000,
    )
    found = result.scores.reindex(list(contenders)).to_numpy(dtype=float)
    return found / found.sum()


def _resamples(n: int, times: int, rng: np.random.Generator) -> np.ndarray:
    """How often each of n queries was drawn: int [times, n]."""
    return rng.multinomial(n, np.full(n, 1 / n), size=times)


def _interval(values: np.ndarray) -> tuple[float, float]:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
