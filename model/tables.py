"""Reads a snapshot's CSV files, and others of the kind, row by row; the first bad cell ends the reading.

What the tables mean together (whole snapshots) is snapshot.py's.
"""

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from model.errors import ModelError, SnapshotError


class Table:
    """One CSV file with a header; iterating gives each row's cells, in the order of `columns`.

    The columns `optional` follow; where the file has none of that name its cells are empty. `header` is
    known once reading has begun.
    Raises `error`, naming file, line and reason, for a file that is missing, torn or not UTF-8.
    """

    def __init__(
        self,
        path: Path,
        columns: Sequence[str],
        optional: Sequence[str] = (),
        error: type[ModelError] = SnapshotError,
    ) -> None:
        self.path = path
        self.error = error
        self.columns = columns
        self.optional = optional
        self.header: list[str] = []
        self.line = 1

    def __iter__(self) -> Iterator[list[str]]:
        try:
            with self.path.open(newline="", encoding="utf-8") as file:
                reader = csv.reader(file, strict=True)
                yield from self._rows(reader)
        except FileNotFoundError:
            raise self.error(f"{self.path}: no such file") from None
        except UnicodeDecodeError:
            self.fail("not UTF-8")
        except csv.Error as error:
            self.fail(str(error))

    def _rows(self, reader: Iterator[list[str]]) -> Iterator[list[str]]:
        self.header = header = next(reader, [])
        missing = [column for column in self.columns if column not in header]
        if missing:
            self.fail(f"no column {missing[0]!r}")
        # A column that is not there has its place past the row's end, where an empty cell is put.
        places = [header.index(column) for column in self.columns]
        places += [header.index(name) if name in header else len(header) for name in self.optional]
        for cells in reader:
            self.line = reader.line_num  # type: ignore[attr-defined]
            if len(cells) != len(header):
                self.fail(f"{len(cells)} cells where the header has {len(header)}")
            cells.append("")
            yield [cells[place] for place in places]

    def fail(self, reason: str) -> NoReturn:
        """Raise the table's error for the row read last."""
        raise self.error(f"{self.path}, line {self.line}: {reason}")

    def one_of(self, cell: str, values: dict[str, int], column: str) -> int:
        """The number that stands for the cell, which must be one of the keys of `values`."""
        if cell not in values:
            known = ", ".join(repr(value) for value in values)
            self.fail(f"{column} is {cell!r}, not one of {known}")
        return values[cell]

    def share(self, cell: str, column: str, default: float) -> float:
        """A number from 0 to 1; `default` where the cell is empty."""
        if not cell:
            return default
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        if not 0 <= value <= 1:
            self.fail(f"{column} is {cell!r}, not a number from 0 to 1")
        return value
