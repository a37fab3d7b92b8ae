"""The layout of labels.csv: a header with `image` and any of `identity`, `expression` (or else `class`),
`split`, e0, e1, ... Other columns are ignored. Pure: cells in, values out."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from annotate.faces.image_names import relative_name
from annotate.faces.problems import BadRow, quoted

SPLITS = ("train", "val")
LONGEST = {"identity": 200, "expression": 100}


class Label(NamedTuple):
    image: str
    identity: str
    expression: str
    split: str
    """train, val, or empty where the file does not say."""
    known: tuple[float, ...] | None
    """e0, e1, ...: the true expression, where it is known."""


class LabelColumns(NamedTuple):
    """Where the header has what."""

    count: int
    image: int
    named: dict[str, int]
    known: tuple[int, ...]

    @property
    def has_split(self) -> bool:
        return "split" in self.named

    def image_of(self, cells: Sequence[str]) -> str:
        """The image that a row names. Raises BadRow where it names none inside the folder."""
        if len(cells) <= self.image:
            raise BadRow(f"the row is torn: it has {len(cells)} cells, the header {self.count}")
        return relative_name(cells[self.image].strip())


def read_header(cells: Sequence[str]) -> LabelColumns:
    """The columns of labels.csv. Raises BadRow where this is no header of that file."""
    names = [cell.strip().casefold() for cell in cells]
    if "image" not in names:
        raise BadRow("it has no header: its first line must name the columns, at least `image`")
    if "expression" not in names:
        # Sets of classified expressions are commonly labelled so.
        names = ["expression" if name == "class" else name for name in names]
    used = [name for name in names if name in ("image", "identity", "expression", "split")]
    known = sorted(int(name[1:]) for name in names if re.fullmatch(r"e(0|[1-9]\d{0,3})", name))
    if len(set(used)) < len(used) or len(set(known)) < len(known):
        raise BadRow("its header names a column twice")
    if known != list(range(len(known))):
        raise BadRow(f"its header has e{known[-1]}, but not all of e0 to e{known[-1]}")
    return LabelColumns(
        len(names),
        names.index("image"),
        {name: names.index(name) for name in used},
        tuple(names.index(f"e{number}") for number in known),
    )


def parse_label(columns: LabelColumns, cells: Sequence[str]) -> Label:
    """One row of labels.csv. Raises BadRow with the first thing that is wrong with it."""
    image = columns.image_of(cells)
    if len(cells) < columns.count or any(cells[columns.count :]):
        raise BadRow(f"the row is torn: it has {len(cells)} cells, the header {columns.count}")
    values = {name: cells[place].strip() for name, place in columns.named.items()}
    for name, longest in LONGEST.items():
        if len(values.get(name, "")) > longest:
            raise BadRow(f"the {name} {quoted(values[name])} is longer than {longest} characters")
    split = values.get("split", "").casefold()
    if split and split not in SPLITS:
        raise BadRow(f"the split {quoted(split)} is unknown; the splits are {' and '.join(SPLITS)}")
    return Label(
        image, values.get("identity", ""), values.get("expression", ""), split, _known(columns, cells)
    )


def _known(columns: LabelColumns, cells: Sequence[str]) -> tuple[float, ...] | None:
    texts = [cells[place].strip() for place in columns.known]
    if not any(texts):
        return None
    numbers = []
    for place, text in enumerate(texts):
        try:
            numbers.append(float(text))
        except ValueError as error:
            raise BadRow(f"e{place} is not a number: {quoted(text)}") from error
        if not math.isfinite(numbers[-1]):
            raise BadRow(f"e{place} is not finite: {quoted(text)}")
    return tuple(numbers)
