"""The London photographs: real faces through detection and alignment."""

import pytest
from django.core.files.storage import default_storage
from PIL import Image

from annotate.faces.folder_import import import_folder
from annotate.faces.models import Face
from tests.faces.conftest import SHARED, picture, read_rejects, write_csv

LONDON = SHARED / "london"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db,
    pytest.mark.skipif(not LONDON.exists(), reason="the London photographs are not beside this checkout"),
]


def open_crop(face):
    with default_storage.open(face.crop) as file:
        image = Image.open(file)
        image.load()
    return image


def test_all_photographs_are_aligned(tmp_path):
    """204 in, 204 faces: none is rejected; each keeps its label; a second import adds nothing."""
    arguments = {"dataset": "london", "split": "train", "rejects": tmp_path / "rejects.csv", "workers": 2}
    outcome = import_folder(LONDON, **arguments)
    assert read_rejects(tmp_path / "rejects.csv") == []
    assert (outcome.faces_added, outcome.rejected) == (204, 0)
    faces = Face.objects.filter(dataset__name="london")
    assert faces.values("identity").distinct().count() == 102
    assert [(row["expression"], row["train"]) for row in faces.count_by_expression()] == [
        ("happiness", 102), ("neutral", 102),
    ]  # fmt: skip
    assert faces.get(image="001_neutral.jpg").key == "london:001_neutral.jpg"
    for face in faces:
        image = open_crop(face)
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (224, 224))
    again = import_folder(LONDON, **arguments)
    assert (again.faces_added, again.faces_there, again.rejected) == (0, 204, 0)


def test_two_faces_and_none_are_rejected_by_their_row(tmp_path):
    folder = tmp_path / "people"
    picture(folder / "wall.png", size=(300, 300))
    with Image.open(LONDON / "001_neutral.jpg") as one, Image.open(LONDON / "003_neutral.jpg") as other:
        one.save(folder / "one.jpg")
        pair = Image.new("RGB", (one.width + other.width, one.height))
        pair.paste(one, (0, 0))
        pair.paste(other, (one.width, 0))
        pair.save(folder / "pair.jpg")
    write_csv(folder / "labels.csv", [["image"], ["one.jpg"], ["pair.jpg"], ["wall.png"]])
    outcome = import_folder(folder, dataset="people", split="train", rejects=tmp_path / "rejects.csv")
    assert read_rejects(tmp_path / "rejects.csv") == [
        ("labels.csv", 3, "pair.jpg: the picture shows 2 faces; one is needed"),
        ("labels.csv", 4, "wall.png: no face was found in the picture"),
    ]
    assert outcome.faces_added == 1
    assert Face.objects.get().image == "one.jpg"
