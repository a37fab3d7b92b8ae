"""Lays out a study's votes as stacked bars for an SVG, a bar a query and one for all of them (Figure 8 of the
paper). Pure; the template draws it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 860.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 8.0, 10.0, 40.0
WIDEST, GAP = 40.0, 0.25
# Between the queries and the bar of all, in bars.
APART = 0.6
LINES = 4
# More numbers under the bars would run into each other.
MOST_LABELS = 30
SHORTEST_WITH_COUNT, NARROWEST_WITH_COUNT = 15.0, 16.0


@dataclass(frozen=True)
class Piece:
    """A part of a bar; `kind` is the contender's place from 1, or 0 for uncertain."""

    kind: int
    count: int
    y: float
    height: float
    has_count: bool

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True)
class Bar:
    """A query's votes, from the floor up; `said` tells them in words."""

    label: str
    said: str
    x: float
    width: float
    pieces: list[Piece]
    has_label: bool

    @property
    def centre(self) -> float:
        return self.x + self.width / 2


@dataclass(frozen=True)
class StudyChart:
    """`lines` are (y, label) of the grid, in votes of a query for its bars and in per cent for the last."""

    bars: list[Bar]
    lines: list[tuple[float, int]]
    summary: str

    width, height, left, right = WIDTH, HEIGHT, LEFT, WIDTH - RIGHT
    floor = HEIGHT - BOTTOM


def study_chart(
    names: Sequence[str], rows: Sequence[tuple[int, Sequence[int], int]], totals: tuple[Sequence[int], int]
) -> StudyChart | None:
    """names: of the contenders, in order; rows: each query's number, its votes for each of them, uncertain.

    The bar of all is as high as the highest, since its votes are as many as all others' together; None
    without any vote.
    """
    if not sum(totals[0]) + totals[1]:
        return None
    highest = max(sum(votes) + uncertain for _, votes, uncertain in rows)
    step = max(1, math.ceil(highest / LINES))
    top = step * math.ceil(highest / step)
    tall = HEIGHT - BOTTOM - TOP
    room = min(WIDEST / (1 - GAP), (WIDTH - LEFT - RIGHT) / (len(rows) + 1 + APART))
    width = round(room * (1 - GAP), 1)
    every = math.ceil(len(rows) / MOST_LABELS)
    bars = [
        Bar(
            str(number), f"Query {number}: {_said(names, votes, uncertain)}",
            round(LEFT + (place + GAP / 2) * room, 1), width,
            _pieces(votes, uncertain, tall / top, width), place % every == 0,
        )
        for place, (number, votes, uncertain) in enumerate(rows)
    ]  # fmt: skip
    votes, uncertain = totals
    scale = tall * highest / top / (sum(votes) + uncertain)
    said = f"All: {_said(names, votes, uncertain)}"
    x = round(LEFT + (len(rows) + APART + GAP / 2) * room, 1)
    bars.append(Bar("all", said, x, width, _pieces(votes, uncertain, scale, width), True))
    lines = [(round(HEIGHT - BOTTOM - tall * value / top, 1), value) for value in range(0, top + 1, step)]
    return StudyChart(bars, lines, f"Votes by query, {len(rows)} queries. {said}")


def _said(names: Sequence[str], votes: Sequence[int], uncertain: int) -> str:
    parts = [f"{name} {count}" for name, count in zip(names, votes, strict=True)]
    return ", ".join([*parts, f"uncertain {uncertain}"])


def _pieces(votes: Sequence[int], uncertain: int, scale: float, width: float) -> list[Piece]:
    pieces, floor = [], HEIGHT - BOTTOM
    for kind, count in [*enumerate(votes, 1), (0, uncertain)]:
        if not count:
            continue
        height = count * scale
        floor -= height
        fits = height >= SHORTEST_WITH_COUNT and width >= NARROWEST_WITH_COUNT
        pieces.append(Piece(kind, count, round(floor, 1), round(height, 1), fits))
    return pieces
