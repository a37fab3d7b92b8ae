"""Lays out a line chart for an SVG: ticks, and points in its coordinates. Pure; the template draws it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 440, 240
LEFT, RIGHT, TOP, BOTTOM = 48, 26, 12, 42
TICKS = 5
MOST_DIGITS = 3
# Less between the lowest and the highest is no difference that a chart could show.
FLAT = 1e-12

# More points of a line would fall on the same pixels, and be sent in vain.
MOST_SHOWN = 240

Point = tuple[float, float]
Said = Callable[[float], str]


@dataclass(frozen=True)
class Tick:
    """`place` is in the SVG's coordinates."""

    place: float
    label: str


@dataclass(frozen=True)
class Line:
    """`points` as a polyline takes them; `last` is the place of the newest one.

    `xs` and `ys` say the same points in words, for whoever points at one.
    """

    name: str
    points: str
    last: Point
    xs: list[str]
    ys: list[str]


@dataclass(frozen=True)
class Chart:
    """Everything that the template needs; `summary` says in words what the lines show."""

    x_label: str
    y_label: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    lines: list[Line]
    summary: str

    width, height = WIDTH, HEIGHT
    left, right, top, bottom = LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM


def line_chart(
    series: dict[str, Sequence[Point]],
    *,
    x_label: str,
    y_label: str,
    say_x: Said = "{:,.0f}".format,
    say_y: Said = "{:.4g}".format,
    from_zero: bool = False,
) -> Chart | None:
    """A chart of the named series, or None where there is nothing finite to draw."""
    drawn = {
        name: _shown(finite)
        for name, points in series.items()
        if (finite := [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)])
    }
    if not drawn:
        return None
    every = [point for points in drawn.values() for point in points]
    across = _Scale(0.0, max(x for x, _ in every), LEFT, WIDTH - RIGHT)
    lowest = min(y for _, y in every)
    up = _Scale(min(lowest, 0.0) if from_zero else lowest, max(y for _, y in every), HEIGHT - BOTTOM, TOP)
    lines = []
    for name, points in drawn.items():
        placed = [(across.place(x), up.place(y)) for x, y in points]
        lines.append(
            Line(
                name,
                " ".join(f"{x:.1f},{y:.1f}" for x, y in placed),
                placed[-1],
                [say_x(x) for x, _ in points],
                [say_y(y) for _, y in points],
            )
        )
    latest = ", ".join(f"{line.name} {line.ys[-1]}" for line in lines)
    summary = f"{y_label} by {x_label}, at last: {latest}"
    return Chart(x_label, y_label, across.ticks(), up.ticks(), lines, summary)


def _shown(points: list[Point]) -> list[Point]:
    """At most MOST_SHOWN of them, evenly, the newest among them."""
    every = -(-len(points) // MOST_SHOWN)
    return points[(len(points) - 1) % every :: every]


class _Scale:
    """Values to coordinates, from one tick to another."""

    def __init__(self, low: float, high: float, first: float, last: float) -> None:
        if high - low < FLAT:
            low, high = (0.0, max(high, 1.0)) if low >= 0 else (low - 1, low + 1)
        self.step = _nice_step((high - low) / TICKS)
        self.low = math.floor(low / self.step) * self.step
        self.high = math.ceil(high / self.step) * self.step
        self.first, self.last = first, last

    def place(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.first + share * (self.last - self.first), 1)

    def ticks(self) -> list[Tick]:
        digits = max(0, -math.floor(math.log10(self.step)))
        values = [self.low + i * self.step for i in range(round((self.high - self.low) / self.step) + 1)]
        return [Tick(self.place(value), _label(value, digits)) for value in values]


def _label(value: float, digits: int) -> str:
    """A tick's; of small numbers as short as the margin is: 1.5e-4."""
    if digits <= MOST_DIGITS:
        return f"{value:,.{digits}f}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return "0" if float(mantissa) == 0 else f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def _nice_step(rough: float) -> float:
    """The next of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
