"""Every format gives back names and vectors; a file is whole or not there."""

import csv

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from model.embedding_files import KeptParts, Part, check_output, key_of, write_embeddings
from model.errors import OutputError

NAMES = ["a.jpg", "b/ü, 'x'.jpg", "drawn:1"]
VECTORS = np.random.default_rng(0).normal(size=(3, 16)).astype(np.float32)


def test_parquet(tmp_path):
    write_embeddings(tmp_path / "e.parquet", NAMES, VECTORS)
    table = parquet.read_table(tmp_path / "e.parquet")
    assert table.schema.names == ["name", "embedding"]
    assert table.schema.field("name").type == pa.string()
    assert table.schema.field("embedding").type.equals(pa.list_(pa.float32(), 16))
    assert table["name"].to_pylist() == NAMES
    assert np.array_equal(np.array(table["embedding"].to_pylist(), dtype=np.float32), VECTORS)


def test_the_other_formats(tmp_path):
    for suffix in ("npz", "npy", "csv"):
        write_embeddings(tmp_path / f"e.{suffix}", NAMES, VECTORS)
    with np.load(tmp_path / "e.npz") as file:
        assert file["names"].tolist() == NAMES
        assert np.array_equal(file["embeddings"], VECTORS)
    assert np.array_equal(np.load(tmp_path / "e.npy"), VECTORS)
    assert (tmp_path / "e.npy.names.txt").read_text(encoding="utf-8").splitlines() == NAMES
    with (tmp_path / "e.csv").open(newline="", encoding="utf-8") as text:
        rows = list(csv.reader(text))
    assert [row[0] for row in rows] == ["name", *NAMES]
    assert np.allclose(np.array([row[1:] for row in rows[1:]], dtype=float), VECTORS, atol=1e-6)
    assert {path.name for path in tmp_path.iterdir()} == {"e.npz", "e.npy", "e.npy.names.txt", "e.csv"}


@pytest.mark.parametrize("suffix", ["npz", "npy", "csv", "parquet"])
def test_a_failed_write_leaves_the_old_file(tmp_path, suffix):
    path = tmp_path / f"e.{suffix}"
    path.write_text("old")
    bad = VECTORS[:2] if suffix == "csv" else np.array([[object()] * 16] * 3)
    if suffix in ("npz", "npy"):  # numpy would pickle it
        bad = _Unreadable()
    with pytest.raises(Exception):  # noqa: B017 (whatever each library says)
        write_embeddings(path, NAMES, bad)
    assert path.read_text() == "old"
    assert not list(tmp_path.glob("*.part"))


class _Unreadable:
    """An array whose values cannot be had, as of a file on a disk that is gone."""

    shape = (3, 16)

    def __array__(self, *_, **__):
        raise OSError("the disk is gone")


def test_where_nothing_can_be_written(tmp_path):
    with pytest.raises(OutputError, match=r"e\.txt: its suffix is none of \.npz, \.npy, \.csv, \.parquet$"):
        check_output(tmp_path / "e.txt")
    with pytest.raises(OutputError, match=r"nowhere: no such folder$"):
        check_output(tmp_path / "nowhere" / "e.npz")
    check_output(tmp_path / "e.parquet")


def test_parts_are_given_back(tmp_path):
    keep = KeptParts(tmp_path / "e.csv")
    part = Part(np.array([3, 5]), VECTORS[:2], ("4.jpg: not a readable picture",))
    keep.store("k", part)
    found = keep.load("k")
    assert found.rows.tolist() == [3, 5]
    assert np.array_equal(found.embeddings, part.embeddings)
    assert found.rejects == part.rejects
    assert keep.load("other") is None
    keep.store("k", Part(part.rows, part.embeddings))
    assert keep.load("k").rejects == ()
    keep.drop()
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=200)
@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
def test_keys_tell_lists_apart(one, other):
    assert (key_of(one) == key_of(other)) == (one == other)
