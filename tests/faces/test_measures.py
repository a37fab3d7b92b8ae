"""What is measured on a crop: near for near pictures, far for others, and the same as the database counts."""

import io

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from PIL import Image, ImageFilter

from annotate.faces.fec_import import import_triplets
from annotate.faces.measures import measure
from annotate.faces.models import Face
from tests.factories import draw_face, make_dataset, make_face


def again(jpeg, *, quality=90, **changes):
    image = Image.open(io.BytesIO(jpeg))
    if blur := changes.get("blur"):
        image = image.filter(ImageFilter.GaussianBlur(blur))
    if light := changes.get("light"):
        image = image.point(lambda value: value * light)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def distance(one, two):
    return (one & (1 << 64) - 1 ^ two & (1 << 64) - 1).bit_count()


def test_a_crop_saved_again_is_near_and_another_is_far():
    first = measure(draw_face(0.9, 200))
    assert distance(first.phash, measure(again(draw_face(0.9, 200), quality=50)).phash) <= 2
    assert distance(first.phash, measure(draw_face(-0.9, 60)).phash) > 5


def test_blur_darkness_and_flatness_show():
    first = measure(draw_face(0.5, 200))
    assert measure(again(draw_face(0.5, 200), blur=4)).sharpness < first.sharpness / 4
    dark = measure(again(draw_face(0.5, 200), light=0.2))
    assert dark.brightness < first.brightness / 3
    assert dark.contrast < first.contrast / 3
    flat = io.BytesIO()
    Image.new("RGB", (224, 224), (90, 90, 90)).save(flat, "JPEG")
    assert measure(flat.getvalue())[2:5] == (0.0, 90.0, 0.0)


def test_the_database_counts_the_same_distance(db):
    one, two = measure(draw_face(0.9, 200)).phash, measure(draw_face(-0.9, 60)).phash
    with connection.cursor() as cursor:
        cursor.execute("SELECT bit_count((%s::bigint # %s::bigint)::bit(64))", [one, two])
        assert cursor.fetchone()[0] == distance(one, two)


def test_an_import_measures_what_it_stores(db, tmp_path):
    for name, tone in (("a", 200), ("b", 120), ("c", 60)):
        (tmp_path / f"{name}.jpg").write_bytes(draw_face(0.3, tone))
    cells = [f"http://faces.invalid/{name}.jpg,0.25,0.75,0.1,0.6" for name in "abc"]
    (tmp_path / "t.csv").write_text(
        ",".join([*cells, "ONE_CLASS_TRIPLET", *(f"{rater},3" for rater in range(6))]) + "\n"
    )
    import_triplets(tmp_path / "t.csv", dataset="d", images=tmp_path, split="train",
                    rejects=tmp_path / "rejects.csv")  # fmt: skip
    assert Face.objects.count() == 3
    for face in Face.objects.all():
        with default_storage.open(face.crop) as file:
            expected = measure(file.read())
        assert (face.phash, face.dhash, face.sharpness, face.brightness, face.contrast) == expected[:5]
        assert (face.detection, face.source_side) == (None, 112.0)
    assert not Face.objects.unmeasured().exists()


@pytest.mark.parametrize(
    "values",
    [
        {"status": "gone"},
        {"status": "set_aside"},
        {"set_aside_reason": "other"},
        {"status": "set_aside", "set_aside_reason": "whim", "set_aside_at": timezone.now()},
        {"phash": 1},
        {"phash": 1, "dhash": 1, "brightness": 1, "contrast": 1},
        {"phash": 1, "dhash": 1, "sharpness": 1, "brightness": 256, "contrast": 1},
        {"detection": 1.5},
        {"source_side": 0},
    ],
)
def test_the_database_refuses_half_a_measure_and_half_a_status(curator, values):
    face = make_face(make_dataset(), "a")
    with pytest.raises(IntegrityError), transaction.atomic():
        Face.objects.filter(pk=face.pk).update(
            **values, set_aside_by=curator if values.get("set_aside_at") else None
        )
