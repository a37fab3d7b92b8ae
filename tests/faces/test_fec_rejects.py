"""What is wrong in an FEC import is named by file and row, the rest goes in, and nothing is left behind."""

import pytest
from PIL import Image

from annotate.faces.models import Face, ImportedTriplet
from tests.faces.conftest import fec_row, picture, stored_crops, write_csv

GOOD = fec_row("a.png", "b.png", "c.png")


def import_with(import_fec, bad, tmp_path):
    """Import a good row, the bad one (cells, or raw bytes) and another good one."""
    write_csv(tmp_path / "good.csv", [GOOD])
    write_csv(tmp_path / "after.csv", [fec_row("b.png", "a.png", "c.png")])
    if not isinstance(bad, bytes):
        bad = write_csv(tmp_path / "bad.csv", [bad]).read_bytes()
    file = tmp_path / "triplets.csv"
    file.write_bytes((tmp_path / "good.csv").read_bytes() + bad + (tmp_path / "after.csv").read_bytes())
    return import_fec(file)


def changed(row, **cells):
    row = list(row)
    for place, value in cells.items():
        row[int(place[1:])] = value
    return row


DEF = fec_row("d.png", "e.png", "f.png")
LINE = ",".join(DEF).encode() + b"\n"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (DEF[:20], "annotators; at least 6"),
        (DEF[:-1], "torn"),
        (LINE[:100] + b"\n", "torn"),
        (LINE.replace(b"TWO", b'"TWO'), "torn"),
        (LINE.replace(b"d.png", b"d\xe9.png"), "not UTF-8"),
        (LINE.replace(b"d.png", b"d\0.png"), "NUL"),
        (changed(DEF, c15="NO_CLASS_TRIPLET"), "type 'NO_CLASS_TRIPLET' is unknown"),
        (changed(DEF, c17="4"), "answer '4' is unknown"),
        (changed(DEF, c1="wide"), "not a number: 'wide'"),
        (changed(DEF, c2="1.5"), "out of range"),
        (changed(DEF, c0="http://faces.invalid/..%2F..%2Fsecret.png"), "outside the folder"),
        (changed(DEF, c0="http://faces.invalid/%00.png"), "control characters"),
        (GOOD, "duplicate: row 1 names the same three faces"),
        (changed(GOOD, c17="2"), "duplicate: row 1 names the same three faces"),
        (changed(DEF, c0="http://faces.invalid/missing.png"), "face 1 (missing.png): the picture is missing"),
        (
            changed(DEF, c0="http://faces.invalid/empty.png"),
            "face 1 (empty.png): the file is empty (0 bytes)",
        ),
        (changed(DEF, c0="http://faces.invalid/torn.png"), "face 1 (torn.png): the picture is broken"),
        (changed(DEF, c0="http://faces.invalid/drawing.png"), "no JPEG, PNG, WebP, BMP or TIFF"),
        (
            changed(DEF, c0="http://elsewhere.invalid/a.png"),
            "so does http://faces.invalid/some/a.png in row 1",
        ),
    ],
)
def test_a_bad_row_leaves_nothing_behind(import_fec, images, storage, tmp_path, bad, reason):
    (images / "empty.png").touch()
    (images / "torn.png").write_bytes((images / "a.png").read_bytes()[:60])
    (images / "drawing.png").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "secret.png").write_bytes((images / "a.png").read_bytes())
    outcome = import_with(import_fec, bad, tmp_path)
    ((file, row, said),) = import_fec.rejects
    assert (file, row) == ("triplets.csv", 2)
    assert reason in said
    assert outcome.rejected == 1
    assert ImportedTriplet.objects.count() == outcome.triplets_added == 2
    # d, e and f are in the rejected row only.
    assert set(Face.objects.values_list("image", flat=True)) == {"a.png", "b.png", "c.png"}
    assert stored_crops(storage) == sorted(Face.objects.values_list("crop", flat=True))


def test_a_face_that_fails_is_named_for_each_of_its_rows(import_fec, images, storage):
    (images / "a.png").unlink()
    (images / "b.png").write_bytes(b"")
    outcome = import_fec.of_rows([GOOD, fec_row("d.png", "a.png", "e.png"), DEF])
    assert import_fec.rejects == [
        (
            "triplets.csv", 1,
            "face 1 (a.png): the picture is missing; face 2 (b.png): the file is empty (0 bytes)",
        ),
        ("triplets.csv", 2, "face 2 (a.png): the picture is missing"),
    ]  # fmt: skip
    assert (outcome.faces_added, outcome.triplets_added) == (3, 1)
    assert len(stored_crops(storage)) == 3


def test_a_face_of_the_other_split_stays_there(import_fec, storage):
    import_fec.of_rows([GOOD])
    outcome = import_fec.of_rows([fec_row("d.png", "b.png", "e.png"), DEF], split="val")
    assert import_fec.rejects == [
        ("triplets.csv", 1, "face 2 (b.png): it is in split train already, and no face is in both")
    ]
    assert (outcome.triplets_added, outcome.faces_added) == (1, 3)
    assert Face.objects.get(image="b.png").split == "train"
    assert set(Face.objects.filter(split="val").values_list("image", flat=True)) == {
        "d.png",
        "e.png",
        "f.png",
    }
    assert len(stored_crops(storage)) == 6


def test_other_answers_to_the_same_faces_are_not_taken(import_fec):
    import_fec.of_rows([GOOD])
    outcome = import_fec.of_rows([changed(GOOD, c17="2"), DEF])
    ((file, row, reason),) = import_fec.rejects
    assert (file, row) == ("triplets.csv", 1)
    assert "already, with other answers" in reason
    assert (outcome.triplets_added, outcome.triplets_there) == (1, 0)
    assert ImportedTriplet.objects.earliest("id").answers == [3, 3, 3, 3, 3, 1]


def test_two_urls_can_not_stand_for_one_file_across_imports(import_fec):
    import_fec.of_rows([GOOD])
    import_fec.of_rows([fec_row("http://elsewhere.invalid/a.png", "d.png", "e.png"), DEF])
    ((_, row, reason),) = import_fec.rejects
    assert row == 1
    assert "so does http://faces.invalid/some/a.png in the data set" in reason


def test_a_picture_that_is_too_large(import_fec, images):
    Image.new("1", (8000, 5001)).save(images / "d.png")
    import_fec.of_rows([GOOD, DEF])
    ((_, row, reason),) = import_fec.rejects
    assert row == 2
    assert "8000 x 5001 px are more than 40 megapixels" in reason


def test_bad_labels_are_named_and_their_faces_stay_without(import_fec, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_bytes(
        b"image,identity,e0\n"
        b"a.png,p1,0.5\n"
        b"b.png\n"
        b"c.png,p\xe9ter,1\n"
        b"../../etc/passwd,p1,1\n"
        b"a.png,p2,2\n"
        b"b.png,p2,close\n"
        b'c.png,"p3,1\n'
    )
    outcome = import_fec.of_rows([GOOD], labels=labels)
    assert [(file, row) for file, row, _ in import_fec.rejects] == [
        ("labels.csv", row) for row in range(3, 9)
    ]
    for (_, _, said), reason in zip(
        import_fec.rejects,
        ["torn", "not UTF-8", "outside the folder", "label in row 2 already", "e0 is not a number", "torn"],
        strict=True,
    ):
        assert reason in said
    assert outcome.triplets_added == 1
    assert dict(Face.objects.values_list("image", "identity")) == {"a.png": "p1", "b.png": "", "c.png": ""}


def test_the_rejects_are_in_the_order_of_their_rows(import_fec, images):
    (images / "a.png").unlink()
    rows = [GOOD, DEF[:-1], DEF, fec_row("b.png", "a.png", "c.png"), changed(DEF, c15="?")]
    import_fec.of_rows(rows)
    assert [row for _, row, _ in import_fec.rejects] == [1, 2, 4, 5]


def test_without_rejects_the_file_has_its_header_only(import_fec):
    assert import_fec.of_rows([GOOD]).rejected == 0
    assert import_fec.rejects_file.read_text() == "file,row,reason\n"


def test_a_symbolic_link_is_followed(import_fec, images, tmp_path):
    """Some systems keep large files elsewhere and link to them; what a URL says can not make a link."""
    picture(tmp_path / "store" / "x.png")
    (images / "d.png").unlink()
    (images / "d.png").symlink_to(tmp_path / "store" / "x.png")
    assert import_fec.of_rows([DEF]).triplets_added == 1
