"""How far answers can be relied on: shares with Wilson's interval, Krippendorff's alpha, and one
annotator's figures. W_k itself is agreement.py's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from annotate.tournament.agreement import ENOUGH

# Nobody has looked at three faces in so short a time.
TOO_FAST_MS = 300
FAST_TAIL = 0.05
Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Share:
    """`count` of `n`; without any n it has no value and no interval."""

    count: int = 0
    n: int = 0

    @property
    def value(self) -> float | None:
        """count / n."""
        return self.count / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of the share: where p solves |p - count / n| = z sqrt(p (1 - p) / n)."""
        if not self.n:
            return None
        p, z2 = self.count / self.n, Z**2 / self.n
        centre, half = p + z2 / 2, Z * sqrt((p * (1 - p) + z2 / 4) / self.n)
        return max(0.0, (centre - half) / (1 + z2)), min(1.0, (centre + half) / (1 + z2))

    def excludes(self, p: float) -> bool:
        """Whether p lies outside the interval."""
        return self.interval is not None and not self.interval[0] <= p <= self.interval[1]


@dataclass(frozen=True)
class Quality:
    """One annotator's figures in a campaign.

    All but `retracted`, `flagged` and `repeats` are of her votes that stand, whatever she was asked: matches,
    extra comparisons, late ones and gold. `flagged` counts those that name a broken picture or a person
    whom she knows in place of an answer: they stand too, and are in none of the other figures.
    `agreement` is N_agree of N and `weight` is W_k (eq. 3), which are of decided matches only. `gold` is the
    right ones of her left and right answers on gold; `uncertain` is of all her votes; `left` is of her left
    and right answers. Times are in ms: the median, the FAST_TAIL quantile, and the share below TOO_FAST_MS,
    of the votes that came with a time.

    `repeats` is her consistency with herself. Nobody answers the same pair for the same anchor twice while
    the first answer stands, so she repeats herself where one was taken back, by her or by an admin, and
    where a gold comparison asks what a group asks too. Each of her left and right answers, retracted or
    not, is held against her last one before it to the same pair of faces for the same anchor; counted are
    those that name the same face. A slip that she undid counts against her here.
    """

    annotator: int
    votes: int
    retracted: int
    agreement: Share
    weight: float
    gold: Share
    uncertain: Share
    left: Share
    too_fast: Share
    repeats: Share
    median_ms: float | None
    fast_ms: float | None
    flagged: int = 0

    @property
    def is_mean(self) -> bool:
        """Whether `weight` is the campaign's mean, as too few of her answers are counted."""
        return self.agreement.n < ENOUGH

    @property
    def is_few(self) -> bool:
        """Whether she has voted too little for any of this to say much."""
        return self.votes < ENOUGH

    @property
    def is_one_sided(self) -> bool:
        """Whether she names one side more often than chance would: sides are drawn at random."""
        return self.left.excludes(0.5)


def krippendorff_alpha(units: Mapping[tuple[int, ...], int]) -> float | None:
    """Krippendorff's alpha for nominal values: 1 - D_observed / D_expected.

    units: by how often each value was named in a unit, in a fixed order of the values, the number of such
    units. Those that were named fewer than two values say nothing and are left out; so is a missing answer.
    None where alpha is not defined: nothing is left, or one value only was ever named.
    """
    total: Counter[int] = Counter()
    disagreement = 0.0
    for named, times in units.items():
        m = sum(named)
        if m < 2:
            continue
        for value, count in enumerate(named):
            total[value] += count * times
            disagreement += times * count * (m - count) / (m - 1)
    n = total.total()
    expected = sum(count * (n - count) for count in total.values())
    return 1 - (n - 1) * disagreement / expected if expected else None
