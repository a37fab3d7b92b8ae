"""A report's figures as the page shows them: with their intervals, and beside another report's. Pure.

The figures are what `python -m model report` printed; what each means is report_measures.py's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from annotate.insight.report_measures import HIGHER, Measure

Figures = Mapping[str, Any]

# A 95 % interval is so many standard errors wide.
WIDTH = 3.92
CHANCE_ERRORS = 1.96
# What rounding leaves of two equal figures.
SAME = 1e-9


@dataclass(frozen=True)
class Figure:
    """`low` and `high`: its 95 % bootstrap interval; None where nothing could be worked out."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def error(self) -> float | None:
        """About its standard error."""
        return None if self.low is None or self.high is None else (self.high - self.low) / WIDTH


def figure_at(figures: Figures, path: str) -> Figure:
    """The figure at a path; an empty one where there is none."""
    found: Any = figures
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return figure_of(found)


def figure_of(found: Any) -> Figure:
    """Of {value, low, high}, or of a number without an interval."""
    if isinstance(found, Mapping):
        return Figure(found.get("value"), found.get("low"), found.get("high"))
    return Figure(found) if isinstance(found, int | float) else Figure()


@dataclass(frozen=True)
class Difference:
    """In words, and whether it is `better`, `worse`, `open` since it may be chance, or empty."""

    words: str
    verdict: str


@dataclass(frozen=True)
class Line:
    """One figure in a table. `better` is which way is better; `chance` what guessing gives, in words."""

    name: str
    says: str
    better: str
    figure: str
    interval: str
    chance: str = ""
    other: str = ""
    other_interval: str = ""
    difference: Difference | None = None

    @property
    def is_known(self) -> bool:
        return self.figure != NOTHING


NOTHING = "–"


def line_of(measure: Measure, figures: Figures, other: Figures | None) -> Line:
    """A measure of a report and, beside it, of another."""
    chance = measure.chance
    level = figure_at(figures, chance).value if isinstance(chance, str) else chance
    return line(
        measure.name,
        (measure.says, measure.better),
        figure_at(figures, measure.path),
        None if other is None else figure_at(other, measure.path),
        is_share=measure.is_share,
        chance=level,
        is_judged=measure.is_judged,
    )


def line(
    name: str,
    meaning: tuple[str, str],
    figure: Figure,
    other: Figure | None,
    *,
    is_share: bool = True,
    chance: float | None = None,
    is_judged: bool = True,
) -> Line:
    says, better = meaning
    apart = None if other is None else difference(figure, other, better, is_share)
    if apart and not is_judged:
        apart = Difference(apart.words, "")
    return Line(
        name,
        says,
        better,
        words(figure.value, is_share),
        interval(figure, is_share),
        "" if chance is None else words(chance, is_share),
        "" if other is None else words(other.value, is_share),
        "" if other is None else interval(other, is_share),
        apart,
    )


def words(value: float | None, is_share: bool = True) -> str:
    """A share as a percentage; another figure with three digits."""
    if value is None:
        return NOTHING
    if is_share:
        return f"{100 * value:.1f} %"
    return f"{value:#.3g}" if abs(value) >= SAME else "0"


def interval(figure: Figure, is_share: bool = True) -> str:
    if figure.low is None or figure.high is None:
        return ""
    if is_share:
        return f"{100 * figure.low:.1f} to {100 * figure.high:.1f}"
    return f"{words(figure.low, False)} to {words(figure.high, False)}"


def difference(figure: Figure, other: Figure, better: str, is_share: bool = True) -> Difference | None:
    """None where one of them is not known. Both intervals count, as of two samples: for two versions on the
    same faces that is rather too careful."""
    if figure.value is None or other.value is None:
        return None
    gain = figure.value - other.value
    said = f"{100 * gain:+.1f} points" if is_share else f"{gain:+.3g}"
    if abs(gain) < SAME:
        return Difference("the same", "open")
    if figure.error is None or other.error is None:
        return Difference(said, "open")
    if abs(gain) <= CHANCE_ERRORS * math.hypot(figure.error, other.error):
        return Difference(said, "open")
    return Difference(said, "better" if (gain > 0) == (better == HIGHER) else "worse")


def headline(figures: Figures) -> str:
    """The two that tell most, for lists: recognition with the most neighbours, and leakage."""
    by_k = (figures.get("knn") or {}).get("k") or {}
    said = []
    if by_k:
        most = max(by_k, key=int)
        accuracy = figure_of(by_k[most].get("accuracy")).value
        said.append(f"{words(accuracy)} recognised ({int(most):,} neighbours)")
    leak = figure_at(figures, "identity_leakage.nearest_neighbour.accuracy").value
    if leak is not None:
        said.append(f"person found in {words(leak)}")
    return ", ".join(said) or "no figure could be worked out"
