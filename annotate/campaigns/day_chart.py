"""Lays out bars of answers by day for an SVG. Pure; the template draws it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

WIDTH, HEIGHT = 860.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 4.0, 10.0, 26.0
WIDEST, GAP = 48.0, 3.0
DATES = 8


@dataclass(frozen=True)
class Bar:
    """A day; `label` is its date where there is room for one under it."""

    day: date
    count: int
    x: float
    y: float
    width: float
    height: float
    has_label: bool

    @property
    def centre(self) -> float:
        return self.x + self.width / 2


@dataclass(frozen=True)
class DayChart:
    """`lines` are (y, count) of the grid; `summary` says in words what the bars show."""

    bars: list[Bar]
    lines: list[tuple[float, int]]
    summary: str

    width, height, left, right = WIDTH, HEIGHT, LEFT, WIDTH - RIGHT
    floor = HEIGHT - BOTTOM


def day_chart(days: Sequence[tuple[date, int]]) -> DayChart | None:
    """A bar a day, or None where there is none."""
    if not days:
        return None
    step = _nice(max(count for _, count in days) / 3)
    top = step * max(1, math.ceil(max(count for _, count in days) / step))
    tall = HEIGHT - BOTTOM - TOP
    room = (WIDTH - LEFT - RIGHT) / len(days)
    width = min(WIDEST, room - GAP)
    every = math.ceil(len(days) / DATES)
    bars = []
    for place, (day, count) in enumerate(days):
        height = round(tall * count / top, 1)
        x = round(LEFT + place * min(room, WIDEST + GAP) + GAP, 1)
        has_label = (len(days) - 1 - place) % every == 0
        bars.append(Bar(day, count, x, HEIGHT - BOTTOM - height, round(width, 1), height, has_label))
    lines = [(round(HEIGHT - BOTTOM - tall * value / top, 1), value) for value in range(0, top + 1, step)]
    most = max(days, key=lambda one: one[1])
    total = sum(count for _, count in days)
    return DayChart(
        bars, lines, f"{total:,} answers in {len(days)} days, most on {most[0]:%-d %B}: {most[1]:,}"
    )


def _nice(rough: float) -> int:
    """The next of 1, 2 and 5 times a power of ten."""
    if rough <= 1:
        return 1
    power = 10 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
