"""How sure a difference between two versions' accuracies is. Pure: figures in, figures and words out."""

from __future__ import annotations

import math
from dataclasses import dataclass

# What floating-point subtraction takes from a difference that is just the margin.
ROUNDING = 1e-9
# So many standard errors is what chance alone rarely gives (one time in twenty).
STANDARD_ERRORS = 2


@dataclass(frozen=True)
class Difference:
    """Of two accuracies (0 to 1) on the same `count` triplets; `standard_error` is the difference's."""

    accuracy: float
    against: float
    count: int
    standard_error: float

    @property
    def gain(self) -> float:
        return self.accuracy - self.against

    @property
    def noise(self) -> float:
        """A difference below it may well be chance."""
        return STANDARD_ERRORS * self.standard_error

    def reaches(self, margin: float) -> bool:
        """Whether it is better, and by at least the margin."""
        return self.gain > ROUNDING and self.gain >= margin - ROUNDING


def unpaired(accuracy: float, against: float, count: int) -> Difference:
    """Of two accuracies of which no more is known: as of two samples, so rather too careful, since what is
    hard for one version is mostly hard for the other."""
    variance = accuracy * (1 - accuracy) + against * (1 - against)
    return Difference(accuracy, against, count, math.sqrt(variance / count) if count else 0.0)


def paired(both: int, only_new: int, only_old: int, neither: int) -> Difference:
    """Of how many of the same triplets both versions order right, one alone, none (as McNemar's test).

    Triplets share faces, so it is rather too sure; it is for reading, the margin decides.
    """
    count = both + only_new + only_old + neither
    apart = only_new + only_old
    spread = math.sqrt(max(0.0, apart - (only_new - only_old) ** 2 / count)) / count
    return Difference((both + only_new) / count, (both + only_old) / count, count, spread)


def in_words(difference: Difference, margin: float) -> str:
    """What an admin reads of it."""
    gain = 100 * difference.gain
    words = (
        f"{100 * difference.accuracy:.1f} % against {100 * difference.against:.1f} % of "
        f"{difference.count:,} held-out triplets: {abs(gain):.1f} points "
        f"{'better' if gain >= 0 else 'worse'} (standard error {100 * difference.standard_error:.1f}), "
        f"where {100 * margin:g} are asked for."
    )
    if abs(difference.gain) < difference.noise:
        words += f" Up to {100 * difference.noise:.1f} points may be chance."
    if margin < difference.noise:
        words += " The margin is smaller than chance."
    return words
