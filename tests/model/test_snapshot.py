"""Reading a snapshot: what it gives, and how a bad folder is refused: with file, line and reason."""

import csv
import hashlib
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from model.columns import Doubt
from model.crops import load_crops
from model.errors import SnapshotError
from model.snapshot import (
    ANSWERS,
    KINDS,
    SOURCES,
    STRENGTHS,
    UNKNOWN,
    answers_by_columns,
    read_snapshot,
    triplets_by_columns,
)
from tests.model.snapshots import Face, write_manifest, write_snapshot


@pytest.fixture
def folder(tmp_path):
    faces = [
        Face(name, Image.new("RGB", (224, 224), (shade, 0, 0)), split, identity, expression)
        for name, shade, split, identity, expression in (
            ("a", 10, "train", "x", "smile"),
            ("b", 60, "train", "y", ""),
            ("c", 110, "train", "", "frown"),
            ("d", 160, "train", "x", "smile"),
            ("v", 210, "val", "z", "frown"),
        )
    ]
    labels = {"kind": "ONE_CLASS_TRIPLET", "strength": "weak", "weight": "0.5"}
    triplets = [
        {"anchor": "a", "positive": "b", "negative": "c"} | labels,
        {"anchor": "d", "positive": "c", "negative": "a", "source": "inferred"},
    ]
    answers = [
        {"triplet": 1, "annotator": "user:1", "answer": "negative", "weight": "0.5"},
        {"triplet": 1, "annotator": "user:2", "answer": "anchor", "weight": "0.9"},
        {"triplet": 1, "annotator": "user:3", "answer": "uncertain"},
    ]
    return write_snapshot(tmp_path / "snapshot", faces, triplets, answers)


def edit(folder, name, line, column, value):
    """Change one cell (lines counted from the header's 1) and let the manifest agree."""
    path = folder / name
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    rows[line - 1][rows[0].index(column)] = value
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    write_manifest(folder)


def test_what_is_read(folder):
    snapshot = read_snapshot(folder)
    assert snapshot.faces.keys == ("drawn:a", "drawn:b", "drawn:c", "drawn:d", "drawn:v")
    assert snapshot.faces.split.tolist() == [0, 0, 0, 0, 1]
    assert snapshot.faces.identity.tolist() == [0, 1, UNKNOWN, 0, 2]
    assert snapshot.faces.identities == ("x", "y", "z")
    assert snapshot.faces.expression.tolist() == [0, UNKNOWN, 1, 0, 1]
    assert snapshot.faces.expressions == ("smile", "frown")
    assert snapshot.triplets.faces.tolist() == [[0, 1, 2], [3, 2, 0]]
    assert snapshot.triplets.kind.tolist() == [KINDS["ONE_CLASS_TRIPLET"], KINDS[""]]
    assert snapshot.triplets.source.tolist() == [SOURCES["imported"], SOURCES["inferred"]]
    assert snapshot.triplets.strength.tolist() == [STRENGTHS["weak"], STRENGTHS[""]]
    assert snapshot.triplets.weight.tolist() == [0.5, 1.0]
    assert snapshot.answers.start.tolist() == [0, 3, 3]
    assert snapshot.answers.annotators == ("user:1", "user:2", "user:3")
    assert snapshot.answers.odd.tolist() == [ANSWERS[odd] for odd in ("negative", "anchor", "uncertain")]
    assert np.allclose(snapshot.answers.weight, [0.5, 0.9, 1])
    assert snapshot.triplets_of("train").tolist() == [0, 1]
    assert snapshot.triplets_of("val").tolist() == []


def test_without_a_column_of_expressions_none_is_known(folder):
    edit(folder, "faces.csv", 1, "expression", "mood")
    faces = read_snapshot(folder).faces
    assert (faces.expression.tolist(), faces.expressions) == ([UNKNOWN] * 5, ())
    assert faces.identities == ("x", "y", "z")


def test_what_only_rows_can_tell_is_read_by_rows(folder):
    whole = read_snapshot(folder)
    edit(folder, "triplets.csv", 2, "anchor_image", "two\nlines.jpg")
    edit(folder, "answers.csv", 2, "weight", "0.5_0")
    with pytest.raises(Doubt):
        triplets_by_columns(folder / "triplets.csv", whole.faces)
    with pytest.raises(Doubt):
        answers_by_columns(folder / "answers.csv", 2)
    again = read_snapshot(folder)
    assert np.array_equal(again.triplets.faces, whole.triplets.faces)
    assert np.array_equal(again.answers.weight, whole.answers.weight)


def test_what_is_read_is_held_in_its_smallest_types(folder):
    snapshot = read_snapshot(folder)
    triplets, answers = snapshot.triplets, snapshot.answers
    assert triplets.faces.nbytes == 2 * 3 * 4
    assert [triplets.kind.nbytes, triplets.source.nbytes, triplets.strength.nbytes] == [2, 2, 2]
    assert [triplets.weight.nbytes, answers.annotator.nbytes, answers.odd.nbytes] == [2 * 4, 3 * 4, 3]
    assert answers.weight.nbytes == 3 * 4


def test_holding_out_identities_leaves_mixed_triplets_out(folder):
    snapshot = read_snapshot(folder).held_out({"x"})
    assert snapshot.faces.split.tolist() == [1, 0, 0, 1, 0]
    assert snapshot.triplets_of("train").tolist() == []
    assert snapshot.triplets_of("val").tolist() == []


def test_crops_are_decoded_in_order(folder, tmp_path):
    snapshot = read_snapshot(folder)
    crops = load_crops(snapshot, 32)
    assert (crops.shape, crops.dtype) == ((5, 32, 32, 3), np.uint8)
    assert np.abs(crops[:, 16, 16, 0].astype(int) - [10, 60, 110, 160, 210]).max() < 4
    mapped = load_crops(snapshot, 32, store=tmp_path / "crops.npy")
    assert np.array_equal(mapped, crops)


@pytest.mark.parametrize(
    ("name", "line", "column", "value", "message"),
    [
        ("faces.csv", 3, "face", "drawn:a", r"faces.csv, line 3: face 'drawn:a' appears twice"),
        ("faces.csv", 2, "split", "test", r"faces.csv, line 2: split is 'test', not one of 'train', 'val'"),
        ("faces.csv", 2, "crop", "../a.jpg", r"faces.csv, line 2: crop '../a.jpg' is not a path inside"),
        (
            "triplets.csv",
            2,
            "anchor",
            "drawn:q",
            r"triplets.csv, line 2: anchor 'drawn:q' is not in faces.csv",
        ),
        (
            "triplets.csv",
            2,
            "positive",
            "drawn:a",
            r"triplets.csv, line 2: the three faces are not different",
        ),
        ("triplets.csv", 2, "negative", "drawn:v", r"triplets.csv, line 2: its faces are of both splits"),
        ("triplets.csv", 3, "triplet", "7", r"triplets.csv, line 3: triplet is '7', expected 2"),
        ("triplets.csv", 3, "kind", "FOUR", r"triplets.csv, line 3: kind is 'FOUR', not one of"),
        ("triplets.csv", 3, "source", "guessed", r"triplets.csv, line 3: source is 'guessed'"),
        (
            "triplets.csv",
            2,
            "weight",
            "1.5",
            r"triplets.csv, line 2: weight is '1.5', not a number from 0 to 1",
        ),
        ("answers.csv", 4, "triplet", "3", r"answers.csv, line 4: triplet '3' is not in triplets.csv"),
        ("answers.csv", 2, "triplet", "2", r"answers.csv, line 3: not in the order of triplets"),
        ("answers.csv", 2, "annotator", "", r"answers.csv, line 2: no annotator"),
        ("answers.csv", 2, "answer", "4", r"answers.csv, line 2: answer is '4', not one of 'anchor'"),
        ("answers.csv", 2, "weight", "nan", r"answers.csv, line 2: weight is 'nan'"),
    ],
)
def test_bad_cells_are_named(folder, name, line, column, value, message):
    edit(folder, name, line, column, value)
    with pytest.raises(SnapshotError, match=message):
        read_snapshot(folder)


def test_torn_row(folder):
    with (folder / "triplets.csv").open("a") as file:
        file.write("3,drawn:a,drawn:b\n")
    write_manifest(folder)
    with pytest.raises(SnapshotError, match=r"triplets.csv, line 4: 3 cells where the header has 18"):
        read_snapshot(folder)


def test_wrong_encoding(folder):
    (folder / "answers.csv").write_bytes(b"triplet,annotator,answer,weight\n1,user:\xff,negative,1\n")
    manifest = json.loads((folder / "manifest.json").read_text())
    with pytest.raises(SnapshotError, match=r"answers.csv: its SHA-256"):
        read_snapshot(folder)
    rehash(folder, manifest)
    with pytest.raises(SnapshotError, match=r"answers.csv, line 1: not UTF-8"):
        read_snapshot(folder)


def rehash(folder, manifest):
    files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in manifest["files"]}
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
    manifest |= {"files": files, "sha256": hashlib.sha256(lines.encode()).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_missing_column(folder):
    (folder / "answers.csv").write_text("triplet,annotator,answer\n")
    write_manifest(folder)
    with pytest.raises(SnapshotError, match=r"answers.csv, line 1: no column 'weight'"):
        read_snapshot(folder)


@pytest.mark.parametrize("name", ["manifest.json", "faces.csv", "triplets.csv", "answers.csv"])
def test_missing_file(folder, name):
    (folder / name).unlink()
    with pytest.raises(SnapshotError, match=name):
        read_snapshot(folder)


def test_changed_file(folder):
    with (folder / "faces.csv").open("a") as file:
        file.write("\n")
    with pytest.raises(SnapshotError, match=r"faces.csv: its SHA-256 is not the manifest's"):
        read_snapshot(folder)


def test_a_torn_file_is_named_before_any_other_fault(folder):
    edit(folder, "faces.csv", 2, "split", "test")
    with (folder / "answers.csv").open("a") as file:
        file.write("1,")
    with pytest.raises(SnapshotError, match=r"answers.csv: its SHA-256 is not the manifest's"):
        read_snapshot(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}'])
def test_a_manifest_that_is_none(folder, text):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(SnapshotError, match=r"manifest.json: not a snapshot's manifest"):
        read_snapshot(folder)


def test_another_format(folder):
    manifest = json.loads((folder / "manifest.json").read_text()) | {"format": 2}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(SnapshotError, match="format 2, but this program reads format 1"):
        read_snapshot(folder)


def test_a_snapshot_without_triplets_or_faces(tmp_path):
    with pytest.raises(SnapshotError, match=r"faces.csv, line 1: no faces"):
        read_snapshot(write_snapshot(tmp_path / "empty", [], [], []))


def test_missing_changed_and_unreadable_crops(folder):
    snapshot = read_snapshot(folder)
    crop = folder / "crops" / "b.jpg"
    shutil.copy(folder / "crops" / "a.jpg", crop)
    with pytest.raises(
        SnapshotError, match=r"faces.csv, line 3: crop .*b.jpg is not the one that crop_sha256"
    ):
        load_crops(snapshot, 32)
    crop.unlink()
    with pytest.raises(SnapshotError, match=r"faces.csv, line 3: crop .*b.jpg cannot be read"):
        load_crops(snapshot, 32)
    crop.write_bytes(b"no picture")
    edit(folder, "faces.csv", 3, "crop_sha256", hashlib.sha256(b"no picture").hexdigest())
    with pytest.raises(SnapshotError, match=r"faces.csv, line 3: crop .*b.jpg is not a readable picture"):
        load_crops(read_snapshot(folder), 32)
