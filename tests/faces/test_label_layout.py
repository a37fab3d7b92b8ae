"""The header and the rows of labels.csv. No database."""

import pytest

from annotate.faces.label_layout import Label, parse_label, read_header
from annotate.faces.problems import BadRow

HEADER = ["image", "identity", "expression", "split", "e1", "e0", "age"]


def test_columns_are_found_by_name_in_any_order():
    columns = read_header([" Identity", "e0", "IMAGE", "hair"])
    assert parse_label(columns, ["p1", "0.5", "a.jpg", "red"]) == Label("a.jpg", "p1", "", "", (0.5,))


def test_true_expressions_come_in_their_order():
    columns = read_header(HEADER)
    row = ["a.jpg", "p1", "glad", "VAL", "2", "-1e-3", "24"]
    assert parse_label(columns, row) == Label("a.jpg", "p1", "glad", "val", (-0.001, 2.0))


def test_what_is_not_said_is_empty():
    assert parse_label(read_header(HEADER), ["a.jpg", *[""] * 6]) == Label("a.jpg", "", "", "", None)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (["001.jpg", "p1", "glad"], "no header"),
        (["image", "identity", "identity"], "twice"),
        (["image", "e0", "e2"], "not all of e0 to e2"),
        (["image", "e1"], "not all"),
    ],
)
def test_a_header_that_can_not_be_used(header, reason):
    with pytest.raises(BadRow, match=reason):
        read_header(header)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([], "torn"),
        (["a.jpg", "p1"], "torn: it has 2 cells, the header 7"),
        (["a.jpg", "", "", "", "", "", "", "more"], "torn"),
        (["", *[""] * 6], "not named"),
        (["../a.jpg", *[""] * 6], "outside the folder"),
        (["/etc/passwd", *[""] * 6], "outside the folder"),
        (["a.jpg", "p" * 201, *[""] * 5], "identity .* longer than 200"),
        (["a.jpg", "", "x" * 101, *[""] * 4], "expression .* longer than 100"),
        (["a.jpg", "", "", "test", "", "", ""], "split 'test' is unknown"),
        (["a.jpg", "", "", "", "1", "", ""], "e0 is not a number: ''"),
        (["a.jpg", "", "", "", "x", "1", ""], "e1 is not a number: 'x'"),
        (["a.jpg", "", "", "", "inf", "1", ""], "e1 is not finite"),
        (["a.jpg", "", "", "", "nan", "1", ""], "e1 is not finite"),
    ],
)
def test_a_row_that_can_not_be_used(row, reason):
    with pytest.raises(BadRow, match=reason):
        parse_label(read_header(HEADER), row)


def test_empty_cells_after_the_last_column_are_passed_over():
    assert parse_label(read_header(["image"]), ["a.jpg", "", ""]).image == "a.jpg"


def test_class_stands_for_expression_where_there_is_none():
    assert parse_label(read_header(["image", "class"]), ["a.jpg", "glad"]).expression == "glad"
    assert (
        parse_label(read_header(["image", "class", "expression"]), ["a.jpg", "1", "sad"]).expression == "sad"
    )
