"""Reading CSV line by line: what is wrong stays within its line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.faces import csv_rows
from annotate.faces.csv_rows import open_csv, read_rows
from annotate.faces.problems import ImportFailed


def rows_of(path, content):
    path.write_bytes(content)
    with open_csv(path) as file:
        return list(read_rows(file))


@pytest.fixture
def read(tmp_path):
    return lambda content: rows_of(tmp_path / "file.csv", content)


def test_rows_are_numbered_as_an_editor_numbers_lines(read):
    assert [(row.number, row.cells) for row in read(b"a,b\n\n'c\r\n\"d,e\",f")] == [
        (1, ["a", "b"]), (3, ["'c"]), (4, ["d,e", "f"]),
    ]  # fmt: skip


def test_a_byte_order_mark_is_no_part_of_the_first_cell(read):
    assert read(b"\xef\xbb\xbfimage,identity\n")[0].cells == ["image", "identity"]


def test_an_open_quotation_mark_spoils_its_own_row_only(read):
    rows = read(b'a,"b\nc,d\n')
    assert "torn" in rows[0].problem
    assert rows[1] == (2, ["c", "d"], "")


@pytest.mark.parametrize(
    ("line", "problem"), [(b"a,\xe9\n", "not UTF-8"), (b"a,\0b\n", "NUL"), (b'"a"b,c\n', "torn")]
)
def test_a_bad_row_among_good_ones(read, line, problem):
    before, bad, after = read("é,1\n".encode() * 1 + line + "ü,2\n".encode())
    assert problem in bad.problem
    assert (before.cells, after.cells) == (["é", "1"], ["ü", "2"])
    assert not before.problem
    assert not after.problem


def test_an_endless_line_is_cut_short(read, monkeypatch):
    monkeypatch.setattr(csv_rows, "LONGEST_LINE", 50)
    rows = read(b"a" * 500 + b"\nb\n")
    assert "longer than 50" in rows[0].problem
    assert (rows[1].number, rows[1].cells) == (2, ["b"])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_file_in_another_encoding_is_refused_as_a_whole(read, encoding):
    with pytest.raises(ImportFailed, match=r"file\.csv is not UTF-8.*Save it as CSV in UTF-8"):
        read("image,identity\na.jpg,1\n".encode(encoding))


def test_an_empty_file_is_refused(read):
    with pytest.raises(ImportFailed, match="is empty"):
        read(b"")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ImportFailed, match=r"nowhere\.csv can not be read: No such file"):
        rows_of_missing(tmp_path / "nowhere.csv")


def rows_of_missing(path):
    with open_csv(path):
        pass


@settings(deadline=None)
@given(
    st.lists(st.binary(min_size=1, max_size=40).filter(lambda line: not set(line) & set(b"\r\n")), max_size=8)
)
def test_any_bytes_give_at_most_one_row_a_line(tmp_path_factory, lines):
    content = b"first,row\n" * 60 + b"\n".join(lines)
    rows = rows_of(tmp_path_factory.mktemp("any") / "file.csv", content)
    assert [row.number for row in rows] == sorted({row.number for row in rows})
    assert rows[59].cells == ["first", "row"]
    assert len(rows) <= 60 + len(lines)
