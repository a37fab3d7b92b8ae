"""What all data sets here have in common: rows, and what to say where files are missing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from model.errors import ModelError

PICTURES = (".jpg", ".jpeg", ".png")


class DatasetError(ModelError):
    """A folder that is not laid out as the data set is; says what is missing, and where to ask."""


class Row(NamedTuple):
    """One picture, by its path in the data set's folder; "" where something is unknown."""

    image: str
    identity: str
    expression: str
    split: str


@dataclass(frozen=True)
class Dataset:
    """`rows(root)` gives a folder's pictures; `asked_for`: where; `layout`: how it is distributed."""

    title: str
    asked_for: str
    layout: str
    rows: Callable[[Path], Iterable[Row]]


class Missing(Exception):
    """Raised by a data set's `rows`: what its folder lacks."""


def rows_of(dataset: Dataset, root: Path) -> list[Row]:
    """All its pictures, each of which is there. Raises DatasetError: what is missing, where to ask for it."""
    try:
        if not root.is_dir():
            raise Missing(f"{root}: no such folder")
        rows = list(dataset.rows(root))
        if not rows:
            raise Missing(f"{root}: no labelled picture in it")
        gone = [row.image for row in rows if not (root / row.image).is_file()]
        if gone:
            raise Missing(f"{root}: {len(gone)} of {len(rows)} pictures are not there; the first: {gone[0]}")
    except (Missing, OSError, UnicodeDecodeError) as error:
        advice = f"{dataset.title} is laid out as {dataset.layout}, and asked for at {dataset.asked_for}"
        raise DatasetError(f"{error}. {advice}") from None
    return rows


def found(root: Path, *candidates: str) -> Path:
    """The first of these paths below `root` that exists. Raises Missing, naming the first, if none does."""
    for candidate in candidates:
        if (root / candidate).exists():
            return root / candidate
    raise Missing(f"{root / candidates[0]}: not there")


def relative(path: Path, root: Path) -> str:
    """The path relative to `root`, as labels.csv has it."""
    return path.relative_to(root).as_posix()


def columns(path: Path, least: int) -> Iterator[list[str]]:
    """The cells of a text file's lines, empty ones passed over. Raises Missing for a line too short."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            cells = line.split()
            if cells and len(cells) < least:
                raise Missing(f"{path}, line {number}: {len(cells)} columns where {least} are needed")
            if cells:
                yield cells


def numbered(names: Sequence[str], code: str, path: Path) -> str:
    """The name that a number stands for. Raises Missing, naming the file, where there is none."""
    try:
        number = int(float(code))
    except ValueError:
        raise Missing(f"{path}: {code!r} is not the number of an expression") from None
    if not 0 <= number < len(names):
        raise Missing(f"{path}: no expression has the number {number}")
    return names[number]
