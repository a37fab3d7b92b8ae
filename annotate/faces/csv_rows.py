"""Reads CSV files one line, one row, so that a torn row can not swallow those after it. No Django."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

from annotate.faces.problems import ImportFailed

LONGEST_LINE = 1 << 20
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class Row(NamedTuple):
    """One line: its number (the first is 1), its cells, and why they can not be used, if so."""

    number: int
    cells: list[str]
    problem: str = ""


@contextmanager
def open_csv(path: Path) -> Iterator[TextIO]:
    """Open a UTF-8 file, with or without a byte order mark.

    Bytes that are not UTF-8 become surrogates, which read_rows tells apart. Raises ImportFailed where
    the file can not be read, is empty, or is no UTF-8 text at all.
    """
    try:
        file = path.open(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise ImportFailed(f"{path} can not be read: {error.strerror}.") from error
    with file:
        head = file.buffer.peek(4096)[:4096]  # type: ignore[attr-defined]
        if not head:
            raise ImportFailed(f"{path} is empty.")
        if head.startswith(UTF_16) or head.count(0) * 4 > len(head):
            raise ImportFailed(f"{path} is not UTF-8 text (it looks like UTF-16). Save it as CSV in UTF-8.")
        yield file


def read_rows(file: TextIO) -> Iterator[Row]:
    """The rows of a file from open_csv, in bounded memory; blank lines are passed over, but counted."""
    for number, line in enumerate(_lines(file), 1):
        if len(line) >= LONGEST_LINE:
            yield Row(number, [], f"the line is longer than {LONGEST_LINE} characters")
        elif not line.isspace():
            yield _row(number, line)


def _row(number: int, line: str) -> Row:
    problem = ""
    if "\0" in line:
        problem = "the row has NUL bytes"
    elif not line.isascii() and any("\udc80" <= character <= "\udcff" for character in line):
        problem = "the row is not UTF-8; save the file as CSV in UTF-8"
    try:
        return Row(number, next(csv.reader((line,), strict=True)), problem)
    except csv.Error:
        return Row(number, [], problem or "the row is torn: a quotation mark is opened and not closed")


def _lines(file: TextIO) -> Iterator[str]:
    while line := file.readline(LONGEST_LINE):
        rest = line
        while len(rest) == LONGEST_LINE and not rest.endswith("\n"):
            rest = file.readline(LONGEST_LINE)
        yield line
