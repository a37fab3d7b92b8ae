"""FEC files into the database: what goes in, and that it goes in once."""

import hashlib

import pytest
from PIL import Image

from annotate.faces.models import Dataset, Face, ImportedTriplet
from tests.faces.conftest import fec_row, picture, read_crop, stored_crops, write_csv

ROWS = [fec_row("a.png", "b.png", "c.png"), fec_row("b.png", "c.png", "d.png", answers=(1, 1, 1, 2, 0, 3))]


def keys(faces):
    return [face.key for face in faces]


def test_a_file_becomes_faces_and_triplets(import_fec, storage):
    outcome = import_fec.of_rows(ROWS)
    assert (outcome.faces_added, outcome.triplets_added, outcome.rejected) == (4, 2, 0)
    assert Dataset.objects.get().name == "set"
    first, second = ImportedTriplet.objects.select_related("face_1", "face_2", "face_3").order_by("id")
    assert keys([first.face_1, first.face_2, first.face_3]) == [
        f"set:{name}.png#0.100-0.900-0.050-0.950" for name in "abc"
    ]
    assert (first.kind, first.split) == ("TWO_CLASS_TRIPLET", "train")
    assert (first.raters, first.answers) == (["r1", "r2", "r3", "r4", "r5", "r6"], [3, 3, 3, 3, 3, 1])
    assert (first.odd, first.strength, first.votes_for, first.votes_against) == (3, "strong", 5, 1)
    assert (second.odd, second.strength, second.votes_for, second.votes_against) == (1, "weak", 3, 2)


def test_a_face_says_where_it_came_from(import_fec, storage):
    import_fec.of_rows(ROWS)
    face = Face.objects.get(image="a.png")
    assert face.url == "http://faces.invalid/some/a.png"
    assert face.box == [0.1, 0.9, 0.05, 0.95]
    assert (face.split, face.identity, face.expression, face.known_expression) == ("train", "", "", None)
    name = hashlib.sha256(face.key.encode()).hexdigest()
    assert face.crop == f"set/{name[:2]}/{name}.jpg"
    assert face.crop_sha256 == hashlib.sha256(read_crop(face)).hexdigest()
    assert stored_crops(storage) == sorted(Face.objects.values_list("crop", flat=True))


def test_no_majority_is_kept_as_such(import_fec):
    import_fec.of_rows([fec_row("a.png", "b.png", "c.png", answers=(1, 1, 1, 2, 2, 2))])
    assert ImportedTriplet.objects.values_list("odd", "strength").get() == (None, "none")


def test_rows_may_have_any_number_of_raters(import_fec):
    raters = [f'{number}"\\,{{}}é' for number in range(9)]
    import_fec.of_rows([fec_row("a.png", "b.png", "c.png", raters=raters, answers=(2,) * 9), ROWS[1]])
    triplet = ImportedTriplet.objects.earliest("id")
    assert (triplet.raters, triplet.answers) == (raters, [2] * 9)


def test_an_annotator_may_be_called_null(import_fec):
    raters = ["NULL", "null", "2", "3", "4", "5"]
    import_fec.of_rows([fec_row("a.png", "b.png", "c.png", raters=raters)])
    assert ImportedTriplet.objects.get().raters == raters


def test_a_second_import_adds_nothing(import_fec, storage):
    import_fec.of_rows(ROWS)
    before = list(Face.objects.values()), list(ImportedTriplet.objects.values()), stored_crops(storage)
    outcome = import_fec.of_rows(ROWS)
    assert (outcome.faces_added, outcome.triplets_added) == (0, 0)
    assert (outcome.faces_there, outcome.triplets_there, outcome.rejected) == (4, 2, 0)
    assert before == (
        list(Face.objects.values()), list(ImportedTriplet.objects.values()), stored_crops(storage)
    )  # fmt: skip


def test_an_import_goes_on_where_another_ended(import_fec):
    import_fec.of_rows(ROWS[:1])
    crop = Face.objects.get(image="b.png").crop
    outcome = import_fec.of_rows([*ROWS, fec_row("a.png", "e.png", "f.png")])
    assert (outcome.faces_added, outcome.faces_there) == (3, 3)
    assert (outcome.triplets_added, outcome.triplets_there) == (2, 1)
    assert Face.objects.get(image="b.png").crop == crop


def test_two_boxes_of_one_picture_are_two_faces(import_fec, images):
    halves = Image.new("RGB", (64, 64), (220, 30, 30))
    halves.paste((30, 30, 220), (32, 0, 64, 64))
    halves.save(images / "a.png")
    row = fec_row("a.png", "a.png", "c.png")
    row[1:5], row[6:10] = ("0.0", "0.4", "0.0", "0.4"), ("0.6", "1.0", "0.0", "0.4")
    import_fec.of_rows([row])
    left, right = Face.objects.filter(image="a.png").order_by("id")
    assert (left.key, right.key) == ("set:a.png#0.000-0.400-0.000-0.400", "set:a.png#0.600-1.000-0.000-0.400")
    assert left.crop_sha256 != right.crop_sha256


def test_the_same_rows_in_two_data_sets(import_fec):
    import_fec.of_rows(ROWS)
    outcome = import_fec.of_rows(ROWS, dataset="other")
    assert (outcome.faces_added, outcome.triplets_added, outcome.triplets_there) == (4, 2, 0)


def test_labels_are_joined_by_the_pictures_name(import_fec, tmp_path):
    labels = write_csv(
        tmp_path / "labels.csv",
        [
            ["image", "identity", "expression", "e0", "e1", "split"],
            ["images/a.png", "p1", "glad", "0.5", "-1", "val"],
            ["b.png", "p2", "", "", "", ""],
            ["unused.png", "p3", "sad", "", "", ""],
        ],
    )
    outcome = import_fec.of_rows(ROWS, labels=labels)
    assert outcome.rejected == 0
    labelled = {
        face.image: (face.identity, face.expression, face.known_expression, face.split)
        for face in Face.objects.all()
    }
    assert labelled["a.png"] == ("p1", "glad", [0.5, -1.0], "train")
    assert labelled["b.png"] == ("p2", "", None, "train")
    assert labelled["c.png"] == ("", "", None, "train")


def test_labels_may_come_later(import_fec, tmp_path):
    import_fec.of_rows(ROWS)
    labels = write_csv(tmp_path / "labels.csv", [["image", "identity", "e0"], ["a.png", "p1", "2"]])
    outcome = import_fec.of_rows(ROWS, labels=labels)
    assert (outcome.labelled, outcome.faces_added, outcome.triplets_there) == (1, 0, 2)
    assert Face.objects.values_list("identity", "known_expression").get(image="a.png") == ("p1", [2.0])
    assert import_fec.of_rows(ROWS, labels=labels).labelled == 0


def test_another_label_is_rejected_and_changes_nothing(import_fec, tmp_path):
    first = write_csv(tmp_path / "labels.csv", [["image", "expression"], ["a.png", "glad"]])
    import_fec.of_rows(ROWS, labels=first)
    other = write_csv(tmp_path / "other.csv", [["image", "expression"], ["b.png", "sad"], ["a.png", "sad"]])
    outcome = import_fec.of_rows(ROWS, labels=other)
    assert outcome.labelled == 1
    ((file, row, reason),) = import_fec.rejects
    assert (file, row) == ("other.csv", 3)
    assert "a.png has another label already" in reason
    assert Face.objects.get(image="a.png").expression == "glad"


def test_more_faces_than_are_kept_in_mind(import_fec, monkeypatch):
    """A face that was forgotten while the file was read is still one face."""
    monkeypatch.setattr("annotate.faces.fec_import.NAMES_KEPT", 2)
    trios = [
        ("a", "b", "c"),
        ("d", "e", "f"),
        ("b", "c", "d"),
        ("a", "f", "e"),
        ("c", "b", "a"),
        ("a", "b", "c"),
    ]
    outcome = import_fec.of_rows([fec_row(*(f"{name}.png" for name in trio)) for trio in trios])
    assert (outcome.faces_added, outcome.triplets_added) == (6, 5)
    assert import_fec.rejects == [("triplets.csv", 6, "duplicate: row 1 names the same three faces")]


def test_a_file_in_several_batches(import_fec, monkeypatch):
    monkeypatch.setattr("annotate.faces.fec_import.ROWS_A_BATCH", 2)
    monkeypatch.setattr("annotate.faces.staging.BATCH", 2)
    rows = [fec_row(f"{a}.png", f"{b}.png", "f.png") for a in "abc" for b in "de"]
    seen = []
    outcome = import_fec.of_rows([*rows, []], progress=lambda *step: seen.append(step))
    assert outcome.triplets_added == 6
    places = list(ImportedTriplet.objects.order_by("id").values_list("face_1__image", "face_2__image"))
    assert places == [(f"{a}.png", f"{b}.png") for a in "abc" for b in "de"]
    for doing in ("rows", "faces"):
        steps = [step for step in seen if step[0] == doing]
        assert steps[-1][1] == steps[-1][2] > 0


@pytest.mark.parametrize("url", ["http://h.invalid/x/b%20c.png?s=1", "https://h.invalid/b c.png"])
def test_the_picture_of_a_url_is_its_last_component_decoded(import_fec, images, url):
    picture(images / "b c.png")
    import_fec.of_rows([fec_row("a.png", "b.png", url)])
    assert Face.objects.get(image="b c.png").url == url
