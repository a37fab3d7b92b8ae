"""Reads a snapshot's CSV files a block at a time into Arrow columns and checks whole columns at once.

It says only that something may be wrong (Doubt), never what: naming a fault is tables.py's, row by row.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

BLOCK_BYTES = 16 << 20
# Half of the longest cell that Python's csv module reads: no line in which every stretch of this many
# bytes has a line's end can hold a longer one.
_STRETCH = 1 << 16
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_QUOTE, _LINE_END = b'"\n'
# Which bytes may stand before a quote that opens and after one that closes.
_BEFORE, _AFTER = (np.isin(np.arange(256), list(marks)) for marks in (b',\n"', b',\n\r"'))


class Doubt(Exception):
    """The file may be at fault, or is written in a way that only the reader of rows understands."""


class Blocks:
    """One CSV file with a header; iterating gives Arrow tables of a block of rows each, in order.

    They hold `columns`: those of `numbers` as float64, null where the cell is empty; those of `repeated`
    (few distinct values) as dictionaries of text; all others as text.

    Raises Doubt where csv.reader (strict) could see other cells than Arrow does, or could refuse.
    """

    def __init__(
        self, path: Path, columns: Sequence[str], *, numbers: Sequence[str], repeated: Sequence[str]
    ) -> None:
        self.path = path
        self.columns = columns
        repeating = pa.dictionary(pa.int32(), pa.string())
        self._types = dict.fromkeys(columns, pa.string())
        self._types |= dict.fromkeys(repeated, repeating) | dict.fromkeys(numbers, pa.float64())

    def __iter__(self) -> Iterator[pa.Table]:
        try:
            blocks = _whole_lines(self.path)
            head, _, block = next(blocks, b"").partition(b"\n")
            header = next(csv.reader([head.decode()], strict=True), [])
            places = [header.index(column) for column in self.columns]
            yield from self._tables(block, len(header), places)
            for block in blocks:
                yield from self._tables(block, len(header), places)
        except (OSError, ValueError, csv.Error, pa.ArrowException) as error:
            raise Doubt(f"{self.path}: {error}") from error
        finally:
            pa.default_memory_pool().release_unused()

    def _tables(self, block: bytes, width: int, places: list[int]) -> Iterator[pa.Table]:
        if not block:
            return
        if block.startswith(_BYTE_ORDER_MARK):
            raise ValueError("Arrow would skip the byte order mark")
        # Arrow knows the columns by their places: a header may hold a name twice, the first then counts.
        chosen = [str(place) for place in places]
        table = pyarrow.csv.read_csv(
            pa.BufferReader(block),
            pyarrow.csv.ReadOptions(column_names=[str(place) for place in range(width)]),
            pyarrow.csv.ParseOptions(ignore_empty_lines=False),
            pyarrow.csv.ConvertOptions(
                include_columns=chosen,
                column_types=dict(zip(chosen, (self._types[column] for column in self.columns), strict=True)),
                null_values=[""],
                strings_can_be_null=False,
            ),
        )
        yield table.rename_columns(list(self.columns))


def _whole_lines(path: Path) -> Iterator[bytes]:
    """The file in blocks of whole lines, each shown to mean the same to csv.reader and to Arrow."""
    with path.open("rb") as file:
        rest = b""
        while read := file.read(BLOCK_BYTES):
            lines, end, begun = read.rpartition(b"\n")
            if end:
                yield _plain(b"".join((rest, lines, end)))
                rest = begun
            else:
                rest += begun
            if len(rest) > 2 * _STRETCH:
                raise ValueError("a very long line")
    if rest:
        yield _plain(rest)


def _plain(block: bytes) -> bytes:
    """The same bytes. Raises ValueError where the two readers might differ."""
    if not block.isascii():
        block.decode()
    if block.count(b"\r") != block.count(b"\r\n"):
        raise ValueError("a lone carriage return")
    for start in range(0, len(block) - _STRETCH, _STRETCH):
        if block.find(b"\n", start, start + _STRETCH) < 0:
            raise ValueError("a very long line")
    if b'"' in block:
        _check_quotes(np.frombuffer(block, dtype=np.uint8))
    return block


def _check_quotes(block: np.ndarray) -> None:
    """Every quoted cell is quoted from end to end and holds no line's end: else raises ValueError.

    Python refuses `"a"b` where Arrow reads `ab`; and blocks are cut at any line's end.
    """
    quotes = np.flatnonzero(block == _QUOTE)
    opening, closing = quotes[::2], quotes[1::2]
    around = np.pad(block, 1, constant_values=_LINE_END)
    whole = (
        len(opening) == len(closing) and _BEFORE[around[opening]].all() and _AFTER[around[closing + 2]].all()
    )
    line_ends = np.flatnonzero(block == _LINE_END)
    if not whole or (np.searchsorted(quotes, line_ends) % 2).any():
        raise ValueError("quotes inside of a cell, or a line's end inside of quotes")


def numbered(column: pa.ChunkedArray, first: int) -> None:
    """Raises Doubt unless the text cells are `first`, `first` + 1, ... as Python writes them."""
    expected = pa.array(np.arange(first, first + len(column))).cast(pa.string())
    if not pc.all(pc.equal(column, expected)).as_py():
        raise Doubt(f"cells are not {first} and so on")


def decimals(column: pa.ChunkedArray) -> np.ndarray:
    """(n,) int64: the numbers that the text cells are. Raises Doubt unless all are of ASCII digits."""
    if not pc.all(pc.ascii_is_decimal(column)).as_py():
        raise Doubt("cells are not all of digits")
    try:
        return column.cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid as error:
        raise Doubt(str(error)) from error


def shares(column: pa.ChunkedArray, default: float) -> np.ndarray:
    """(n,) float32: the numbers from 0 to 1, `default` where null. Raises Doubt for any other."""
    numbers = column.fill_null(default).to_numpy()
    if not ((numbers >= 0) & (numbers <= 1)).all():
        raise Doubt("cells are not all numbers from 0 to 1")
    return numbers.astype(np.float32)


def places(column: pa.ChunkedArray, known: pa.Array) -> np.ndarray:
    """(n,) int32: where in `known` each text cell is. Raises Doubt for one that is not."""
    found = pc.index_in(column, value_set=known)
    if found.null_count:
        raise Doubt("cells are not all known")
    return found.to_numpy()


def codes_of(column: pa.ChunkedArray, code: Callable[[str], int]) -> np.ndarray:
    """(n,) int32: the code of each cell of a column of dictionaries.

    `code` is asked for the distinct cells in the order in which they first appear (perhaps several times
    each). Raises Doubt where it gives a negative one.
    """
    found = [np.empty(0, dtype=np.int32)]
    for chunk in column.chunks:
        distinct = np.array([code(cell) for cell in chunk.dictionary.to_pylist()], dtype=np.int32)
        if (distinct < 0).any():
            raise Doubt("cells are not all known")
        found.append(distinct[chunk.indices.to_numpy()])
    return np.concatenate(found)
