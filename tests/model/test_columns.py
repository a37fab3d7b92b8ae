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

plain_weights = st.sampled_from(["", "0", "1", "0.5", "1e-3", "0.1234567890123456789"]) | st.floats(0, 1).map(
    repr
)
odd_weights = st.sampled_from(
    [
        *(".5", "5.", "+0.5", " 0.5", "0.5\t", "0_1", "-0", "1e-400", "٠", "nan", "inf", "-1e-9", "1.000001"),
        *("1e400", "0x1", "  ", "1,0", '"'),
    ]
)
odd_numbers = st.sampled_from(["0", "01", " 1", "+1", "1.0", "", "4", "-1", "٣", "9" * 20, "1_0", "x"])
odd_cells = (
    st.sampled_from(["", " ", "q", "A", "weak ", "\x00", '""', "a\nb", "\ufeff", "NULL"]) | odd_weights
)
strays = st.sampled_from(
    [b"", b'"', b'""', b",", b"\n", b"\r", b"\xff", b"\xc3", b" ", b"\x00", b"\xef\xbb\xbf"]
)


def rarely(usual, odd):
    """The odd ones in about one cell of twenty."""
    return st.integers(0, 19).flatmap(lambda draw: usual if draw else odd)


def labels(values):
    return st.sampled_from(sorted(values))


@st.composite
def triplet_rows(draw, odd):
    def cell(usual, strange=odd_cells):
        return draw(rarely(usual, strange) if odd else usual)

    rows = []
    for number in range(1, draw(st.integers(0, 8)) + 1):
        corners = draw(st.permutations(draw(rarely(st.just(TRAIN), st.just(KEYS))) if odd else TRAIN))[:3]
        rows.append(
            {
                "triplet": cell(st.just(str(number)), odd_numbers),
                **{place: cell(st.just(key), st.sampled_from(KEYS) | odd_cells)
                   for place, key in zip(("anchor", "positive", "negative"), corners, strict=True)},
                "kind": cell(labels(KINDS)),
                "source": cell(labels(SOURCES)),
                "strength": cell(labels(STRENGTHS)),
                "weight": cell(plain_weights, odd_weights),
            }
        )  # fmt: skip
    return rows


@st.composite
def answer_rows(draw, odd):
    def cell(usual, strange=odd_cells):
        return draw(rarely(usual, strange) if odd else usual)

    numbers = sorted(draw(st.lists(st.integers(1, TRIPLETS), max_size=8)))
    return [
        {
            "triplet": cell(st.just(str(number)), odd_numbers | st.sampled_from("123")),
            "annotator": cell(st.sampled_from(["user:1", "b,2", "é", 'q"', " "])),
            "answer": cell(labels(ANSWERS)),
            "weight": cell(plain_weights, odd_weights),
        }
        for number in numbers
    ]


TRIPLET_COLUMNS = ("triplet", "anchor", "positive", "negative", "kind", "source", "strength", "weight")
ANSWER_COLUMNS = ("triplet", "annotator", "answer", "weight")


@st.composite
def tables(draw, rows, names, odd):
    """The bytes of a CSV file: columns in any order among others, some cells quoted without need."""
    extra = draw(st.lists(st.sampled_from(["note", "", "weight", "é,"]), max_size=2))
    header = [*draw(st.permutations([*names, *(name for name in extra if name not in names)]))]
    header += [name for name in extra if name in names]
    notes = st.sampled_from(["", "1", "x,y", 'say "so"', "ü"])
    lines = [header] + [[row.get(name) or draw(notes) if name not in names else row[name] for name in header]
                        for row in draw(rows(odd))]  # fmt: skip
    end = draw(st.sampled_from(["\n", "\r\n"]))
    text = end.join(",".join(written(cell, draw(st.booleans())) for cell in line) for line in lines)
    data = (text + draw(st.sampled_from(["", end]))).encode()
    return draw(damaged(data)) if odd else data


def written(cell, quoted):
    if quoted or any(mark in cell for mark in ',"\n\r'):
        cell = '"' + cell.replace('"', '""') + '"'
    return cell


@st.composite
def damaged(draw, data):
    """Now and then some bytes more or fewer than there should be."""
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(strays) + data[at + draw(st.integers(0, 2)) :]
    return data


def read(path, name):
    """Both readers of this table: by columns, by rows."""
    if name == "triplets":
        return lambda: triplets_by_columns(path, FACES), lambda: triplets_by_rows(path, FACES)
    return lambda: answers_by_columns(path, TRIPLETS), lambda: answers_by_rows(path, TRIPLETS)


def same(one, other):
    """Whether two records hold equal values of the same types."""
    return all(
        np.array_equal(a, b) and a.dtype == b.dtype if isinstance(a, np.ndarray) else a == b
        for a, b in ((getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("columns") / "table.csv"


@pytest.fixture(
    autouse=True, params=[40, columns.BLOCK_BYTES], ids=["small blocks", "one block"], scope="module"
)
def block_bytes(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "BLOCK_BYTES", request.param)
        yield


either_table = st.sampled_from(
    [("triplets", triplet_rows, TRIPLET_COLUMNS), ("answers", answer_rows, ANSWER_COLUMNS)]
)


@settings(max_examples=100, deadline=None)
@given(either_table.flatmap(lambda table: st.tuples(st.just(table[0]), tables(*table[1:], odd=False))))
def test_plainly_written_files_are_read_by_columns(path, drawn):
    name, data = drawn
    path.write_bytes(data)
    by_columns, by_rows = read(path, name)
    assert same(by_columns(), by_rows())


@settings(max_examples=300, deadline=None)
@given(either_table.flatmap(lambda table: st.tuples(st.just(table[0]), tables(*table[1:], odd=True))))
def test_what_columns_accept_rows_accept_and_read_alike(path, drawn):
    name, data = drawn
    path.write_bytes(data)
    by_columns, by_rows = read(path, name)
    try:
        fast = by_columns()
    except Doubt:
        return
    assert same(fast, by_rows())


HEAD = b"triplet,annotator,answer,weight,note\n"
ROW = b"1,a,anchor,,"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        HEAD[1:] + ROW,
        b"\xef\xbb\xbf" + HEAD + ROW,
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
