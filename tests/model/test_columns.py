"""Reading by columns gives what reading by rows gives, or doubts; and what is written plainly it reads."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model import columns
from model.columns import Doubt
from model.snapshot import (
    ANSWERS,
    KINDS,
    SOURCES,
    STRENGTHS,
    Faces,
    answers_by_columns,
    answers_by_rows,
    triplets_by_columns,
    triplets_by_rows,
)

KEYS = ("a", "b,c", 'd"e', "é ", "e", "v", "w", "x\ty")
TRAIN = KEYS[:5]
FACES = Faces(KEYS, KEYS, KEYS, np.array([0] * 5 + [1] * 3, dtype=np.int8), None, (), None, ())
TRIPLETS = 3

ODD_WEIGHTS = [
    *(".5", "5.", "+0.5", " 0.5", "0.5\t", "0_1", "-0", "1e-400", "٠", "nan", "inf", "-1e-9", "1.000001"),
    *("1e400", "0x1", "  ", "1,0", '"'),
]
ODD_NUMBERS = ["0", "01", " 1", "+1", "1.0", "", "4", "-1", "٣", "9" * 20, "1_0", "0x1", "1", "2", "3"]
ODD_CELLS = ["", " ", "q", "A", "weak ", "\x00", '""', "a\nb", "\ufeff", "NULL", *KEYS, *ODD_WEIGHTS]
STRAY_BYTES = [b"", b'"', b'""', b",", b"\n", b"\r", b"\xff", b"\xc3", b" ", b"\x00", b"\xef\xbb\xbf"]

names = st.sampled_from(["user:1", "b,2", "é", 'q"', " "])
notes = st.sampled_from(["", "1", "x,y", 'say "so"', "ü"])
weights = st.sampled_from(["", "0", "1", "0.5", "1e-3", "0.1234567890123456789"]) | st.floats(0, 1).map(repr)


def labels(values):
    return st.sampled_from(sorted(values))


def triplet_rows():
    corners = st.permutations(TRAIN).map(lambda keys: keys[:3])
    row = st.tuples(corners, labels(KINDS), labels(SOURCES), labels(STRENGTHS), weights)
    header = ["triplet", "anchor", "positive", "negative", "kind", "source", "strength", "weight"]
    return st.lists(row, max_size=8).map(
        lambda rows: [header, *([str(number), *row[0], *row[1:]] for number, row in enumerate(rows, 1))]
    )


def answer_rows():
    row = st.tuples(st.integers(1, TRIPLETS), names, labels(ANSWERS), weights)
    header = ["triplet", "annotator", "answer", "weight"]
    return st.lists(row, max_size=8).map(
        lambda rows: [header, *([str(row[0]), *row[1:]] for row in sorted(rows, key=lambda row: row[0]))]
    )


def widened(draw, rows):
    """The columns in another order, among others; of two of one name the first counts."""
    header = rows[0]
    order = draw(st.permutations([*range(len(header)), *draw(st.lists(st.just(None), max_size=2))]))
    wide = [[draw(notes) if place is None else row[place] for place in order] for row in rows]
    if draw(st.booleans()):
        wide = [[*row, "0.25" if number else "weight"] for number, row in enumerate(wide)]
    return wide


def spoiled(draw, rows):
    """About one cell in twenty is an odd one."""
    odd = {"triplet": ODD_NUMBERS, "weight": ODD_WEIGHTS}
    for row in rows[1:]:
        for place, column in enumerate(rows[0]):
            if not draw(st.integers(0, 19)):
                row[place] = draw(st.sampled_from(odd.get(column, ODD_CELLS)))
    return rows


def written(draw, rows):
    """The rows as CSV, some cells quoted without need."""

    def cell(text):
        if any(mark in text for mark in ',"\n\r') or draw(st.booleans()):
            return '"' + text.replace('"', '""') + '"'
        return text

    end = draw(st.sampled_from(["\n", "\r\n"]))
    lines = [",".join(map(cell, row)) for row in rows]
    return (end.join(lines) + draw(st.sampled_from(["", end]))).encode()


def damaged(draw, data):
    """Now and then a few bytes more or fewer than there should be."""
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.sampled_from(STRAY_BYTES)) + data[at + draw(st.integers(0, 2)) :]
    return data


@st.composite
def files(draw, odd):
    """Which table, its bytes, and how many of them are read at once."""
    table = draw(st.sampled_from(["triplets", "answers"]))
    rows = draw(triplet_rows() if table == "triplets" else answer_rows())
    rows = widened(draw, spoiled(draw, rows) if odd else rows)
    data = written(draw, rows)
    return table, damaged(draw, data) if odd else data, draw(st.sampled_from([40, columns.BLOCK_BYTES]))


def read_by_columns(path, table, block_bytes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "BLOCK_BYTES", block_bytes)
        return triplets_by_columns(path, FACES) if table == "triplets" else answers_by_columns(path, TRIPLETS)


def read_by_rows(path, table):
    return triplets_by_rows(path, FACES) if table == "triplets" else answers_by_rows(path, TRIPLETS)


def same(one, other):
    """Whether two records hold equal values of the same types."""
    return all(
        np.array_equal(a, b) and a.dtype == b.dtype if isinstance(a, np.ndarray) else a == b
        for a, b in ((getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("columns") / "table.csv"


@settings(max_examples=150, deadline=None)
@given(files(odd=False))
def test_plainly_written_files_are_read_by_columns(path, drawn):
    table, data, block_bytes = drawn
    path.write_bytes(data)
    assert same(read_by_columns(path, table, block_bytes), read_by_rows(path, table))


@settings(max_examples=400, deadline=None)
@given(files(odd=True))
def test_what_columns_accept_rows_accept_and_read_alike(path, drawn):
    table, data, block_bytes = drawn
    path.write_bytes(data)
    try:
        fast = read_by_columns(path, table, block_bytes)
    except Doubt:
        return
    assert same(fast, read_by_rows(path, table))


HEAD = b"triplet,annotator,answer,weight,note\n"
ROW = b"1,a,anchor,,"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        HEAD[1:] + ROW,
        b"\xef\xbb\xbf" + HEAD + ROW,
        HEAD + b"\xef\xbb\xbf" + ROW,
        HEAD + b'1,"a"b,anchor,,',
        HEAD + b'1,"a" ,anchor,,',
        HEAD + ROW + b'"a\nb"',
        HEAD + ROW + b'"a\n',
        HEAD + ROW + b'"a',
        HEAD + ROW + b"\r" + ROW + b"\n",
        HEAD + ROW + b"\n\n",
        HEAD + ROW + b",\n",
        HEAD + b"1,a,anchor\n",
        HEAD + ROW + b"\xff\n",
        HEAD + ROW + b"x" * 140_000 + b"\n",
        HEAD + 20_000 * (ROW + b"\n") + ROW + b"x" * 140_000 + b"\n" + 20_000 * (ROW + b"\n"),
        HEAD + b"1,,anchor,,\n",
        HEAD + b"1,a,,,\n",
        HEAD + b"2,a,anchor,,\n" + ROW + b"\n",
        HEAD + b"0,a,anchor,,\n",
        HEAD + b"4,a,anchor,,\n",
        HEAD + b"99999999999999999999,a,anchor,,\n",
        HEAD + "٣,a,anchor,,\n".encode(),
        HEAD + b"0x1,a,anchor,,\n",
        HEAD + b"1,a,anchor,nan,\n",
        HEAD + b"1,a,anchor,1.5,\n",
    ],
)
def test_columns_doubt(path, data):
    path.write_bytes(data)
    with pytest.raises(Doubt):
        answers_by_columns(path, TRIPLETS)


def test_columns_doubt_a_file_that_is_not_there(path):
    with pytest.raises(Doubt):
        answers_by_columns(path.with_name("nothing.csv"), TRIPLETS)
