"""Folders of pictures into the database: keys, labels, splits, once each; and what is rejected."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from annotate.faces.models import Face, Split
from annotate.faces.problems import ImportFailed
from tests.faces.conftest import picture, read_crop, stored_crops, write_csv


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "people"
    for number, name in enumerate(["a.png", "b.JPG", "deep/er/c.webp", "deep/d.tiff"]):
        picture(folder / name, colour=(50 * number, 90, 90))
    (folder / "notes.txt").write_text("no picture")
    return folder


def labels(folder, *rows, header=("image", "identity", "expression"), name="labels.csv"):
    return write_csv(folder / name, [header, *rows])


def images():
    return sorted(Face.objects.values_list("image", flat=True))


def test_pictures_are_found_by_suffix_in_all_folders(import_faces, folder, storage):
    outcome = import_faces(folder)
    assert (outcome.faces_added, outcome.rejected) == (4, 0)
    assert images() == ["a.png", "b.JPG", "deep/d.tiff", "deep/er/c.webp"]
    face = Face.objects.get(image="deep/d.tiff")
    assert face.key == "set:deep/d.tiff"
    assert (face.split, face.url, face.box, face.identity) == ("train", "", None, "")
    assert stored_crops(storage) == sorted(Face.objects.values_list("crop", flat=True))


def test_a_prealigned_crop_is_only_resized(import_faces, tmp_path):
    path = tmp_path / "people" / "a.png"
    path.parent.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    Image.fromarray(pixels).save(path)
    import_faces(tmp_path / "people")
    stored = np.asarray(Image.open(io.BytesIO(read_crop(Face.objects.get())))).astype(int)
    assert np.abs(stored - pixels).mean() < 8


def test_labels_in_the_folder_are_taken(import_faces, folder):
    labels(
        folder,
        ["a.png", "p1", "glad", "val", "0.5", "1e-3", "x"],
        ["./deep//d.tiff", "p2", "", "", "", "", ""],
        ["b.JPG", "p3", "sad", "train", "1", "2", ""],
        ["deep/er/c.webp", "", "", "", "", "", ""],
        header=("Image", "identity", "expression", "split", "e0", "e1", "age"),
    )
    assert import_faces(folder).rejected == 0
    faces = {face.image: face for face in Face.objects.all()}
    assert faces["a.png"].known_expression == [0.5, 0.001]
    assert (faces["a.png"].identity, faces["a.png"].expression, faces["a.png"].split) == ("p1", "glad", "val")
    assert (faces["deep/d.tiff"].identity, faces["deep/d.tiff"].split) == ("p2", "train")
    assert faces["b.JPG"].split == "train"


def test_labels_may_lie_elsewhere(import_faces, folder, tmp_path):
    other = labels(tmp_path, ["a.png", "p9", ""], name="other.csv")
    labels(folder, ["a.png", "p1", ""])
    import_faces(folder, labels=other)
    assert Face.objects.get(image="a.png").identity == "p9"


def test_the_split_of_a_whole_folder(import_faces, folder):
    import_faces(folder, split="val")
    assert set(Face.objects.values_list("split", flat=True)) == {"val"}


def test_a_second_import_adds_nothing(import_faces, folder, storage):
    labels(folder, ["a.png", "p1", "glad"])
    import_faces(folder)
    before = list(Face.objects.order_by("id").values()), stored_crops(storage)
    outcome = import_faces(folder)
    assert (outcome.faces_added, outcome.faces_there, outcome.rejected, outcome.labelled) == (0, 4, 0, 0)
    assert before == (list(Face.objects.order_by("id").values()), stored_crops(storage))


def test_new_pictures_and_later_labels(import_faces, folder):
    import_faces(folder)
    picture(folder / "new.png")
    labels(folder, ["a.png", "p1", "glad"], ["new.png", "p2", ""])
    outcome = import_faces(folder)
    assert (outcome.faces_added, outcome.faces_there, outcome.labelled) == (1, 4, 1)
    assert Face.objects.get(image="a.png").expression == "glad"


def test_hidden_files_are_passed_over(import_faces, folder):
    picture(folder / ".thumbnails" / "a.png")
    (folder / "._a.png").write_bytes(b"\0\5\x16\7")
    assert import_faces(folder).faces_added == 4
    assert not import_faces.rejects


def test_bad_pictures_are_named(import_faces, folder):
    (folder / "a.png").write_bytes(b"")
    (folder / "b.JPG").write_bytes((folder / "b.JPG").read_bytes()[:300])
    (folder / "drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    Image.new("RGB", (30, 40)).save(folder / "oblong.png")
    outcome = import_faces(folder)
    rejects = {file: (row, reason) for file, row, reason in import_faces.rejects}
    assert set(rejects) == {"a.png", "b.JPG", "drawing.svg", "phone.HEIC", "oblong.png"}
    assert rejects["a.png"] == ("", "a.png: the file is empty (0 bytes)")
    assert "broken" in rejects["b.JPG"][1]
    assert "no JPEG, PNG, WebP, BMP or TIFF" in rejects["drawing.svg"][1]
    assert "square" in rejects["oblong.png"][1]
    assert (outcome.faces_added, outcome.rejected) == (2, 5)
    assert images() == ["deep/d.tiff", "deep/er/c.webp"]


def test_a_labelled_picture_is_rejected_by_its_row(import_faces, folder, storage):
    (folder / "a.png").write_bytes(b"")
    labels(folder, ["b.JPG", "p1", ""], ["a.png", "p2", ""])
    import_faces(folder)
    assert import_faces.rejects == [("labels.csv", 3, "a.png: the file is empty (0 bytes)")]
    assert len(stored_crops(storage)) == 3


def test_bad_rows_of_labels_are_named(import_faces, folder):
    path = folder / "labels.csv"
    path.write_bytes(
        b"\xef\xbb\xbfimage,identity,expression\n"
        b"a.png,p1,glad\n"
        b"../people/b.JPG,p1,glad\n"
        b"missing.png,p1,glad\n"
        b"notes.txt,p1,glad\n"
        b"a.png,p2,sad\n"
        b"/etc/passwd,p1,glad\n"
        b"deep/d.tiff,p\xe9ter,glad\n"
        b"b\0.JPG,p1,glad\n"
        b"deep/er/c.webp,p4\n"
    )
    outcome = import_faces(folder)
    reasons = [
        "outside the folder", "missing.png is missing", "notes.txt is missing", "label in row 2 already",
        "outside the folder", "not UTF-8", "NUL", "torn",
    ]  # fmt: skip
    assert [(file, row) for file, row, _ in import_faces.rejects] == [("labels.csv", n) for n in range(3, 11)]
    for (_, _, said), reason in zip(import_faces.rejects, reasons, strict=True):
        assert reason in said
    # Whose label can not be read does not go in without it: the split could be wrong.
    assert images() == ["a.png", "b.JPG"]
    assert Face.objects.get(image="a.png").identity == "p1"
    assert outcome.faces_added == 2


def test_where_labels_tell_splits_no_picture_goes_in_without(import_faces, folder):
    labels(folder, ["a.png", "val"], ["b.JPG", "train"], ["deep/d.tiff", ""], header=("image", "split"))
    import_faces(folder)
    assert images() == ["a.png", "b.JPG", "deep/d.tiff"]
    ((file, _, reason),) = import_faces.rejects
    assert file == "c.webp"
    assert "does not name this picture" in reason


def test_a_face_does_not_change_its_split(import_faces, folder):
    import_faces(folder)
    labels(folder, ["a.png", "p1", "val"], header=("image", "identity", "split"))
    import_faces(folder)
    reasons = {row: reason for _, row, reason in import_faces.rejects}
    assert "in split train, and stays there" in reasons[2]
    assert set(Face.objects.values_list("split", flat=True)) == {Split.TRAIN}


def test_names_that_no_file_could_hold(import_faces, folder):
    (folder / "new\nline.png").write_bytes((folder / "a.png").read_bytes())
    (folder / ("x" * 246 + ".png")).write_bytes((folder / "a.png").read_bytes())
    (folder / ("y" * 100) / ("z" * 200)).mkdir(parents=True)
    (folder / ("y" * 100) / ("z" * 200) / "a.png").write_bytes((folder / "a.png").read_bytes())
    with open(os.fsencode(folder) + b"/\xe9.png", "wb") as file:  # noqa: PTH123
        file.write((folder / "a.png").read_bytes())
    assert import_faces(folder).faces_added == 5
    reasons = sorted(reason for _, _, reason in import_faces.rejects)
    assert len(reasons) == 3
    assert sum("control characters" in reason for reason in reasons) == 2
    assert sum("longer than 250" in reason for reason in reasons) == 1


def test_a_folder_without_pictures(import_faces, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImportFailed, match=r"There is no picture .* in .*empty"):
        import_faces(tmp_path / "empty")
    assert not Face.objects.exists()
