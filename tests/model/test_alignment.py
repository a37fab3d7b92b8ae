"""Cropping by box and by detection, on drawn squares and on real photographs."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.alignment import BOX_MARGIN, FaceAligner, NoFaceFound, SeveralFacesFound, crop_box

LONDON = Path(__file__).parents[2].parent / "shared" / "data" / "london"
needs_london = pytest.mark.skipif(
    not LONDON.exists(), reason="the London photographs are not beside this checkout"
)


@pytest.fixture(scope="module")
def aligner():
    return FaceAligner()


def photograph(name):
    with Image.open(LONDON / name) as image:
        return image.convert("RGB")


def square_picture(width=400, height=300, box=(100, 80, 200, 180)):
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    picture[box[1] : box[3], box[0] : box[2]] = (255, 128, 0)
    return Image.fromarray(picture)


def test_box_fills_the_crop_but_for_its_margin():
    crop = crop_box(square_picture(), left=0.25, right=0.5, top=80 / 300, bottom=0.6)
    assert (crop.size, crop.mode) == ((224, 224), "RGB")
    lit = np.asarray(crop)[:, :, 0] > 128
    assert lit.any(axis=0).sum() == pytest.approx(224 / (1 + 2 * BOX_MARGIN), abs=3)
    assert lit.any(axis=1).sum() == pytest.approx(224 / (1 + 2 * BOX_MARGIN), abs=3)


def test_tall_box_is_squared_about_its_centre():
    crop = np.asarray(crop_box(square_picture(), left=0.3, right=0.45, top=80 / 300, bottom=0.6, size=110))
    lit = np.flatnonzero((crop[:, :, 0] > 128).any(axis=0))
    assert (lit[0] + lit[-1]) / 2 == pytest.approx(54.5, abs=1.5)
    assert len(lit) == pytest.approx(100, abs=3)


def test_outside_the_picture_repeats_the_border():
    picture = Image.new("L", (100, 100), 77)
    crop = np.asarray(crop_box(picture, left=-0.2, right=0.8, top=0.5, bottom=1.1))
    assert crop.shape == (224, 224, 3)
    assert (np.abs(crop.astype(int) - 77) <= 1).all()


@pytest.mark.parametrize(
    ("left", "right", "top", "bottom"),
    [(0.5, 0.5, 0, 1), (0.6, 0.4, 0, 1), (0, 1, 1.2, 1.4), (float("nan"), 1, 0, 1), (0, float("inf"), 0, 1)],
)
def test_impossible_boxes_are_refused(left, right, top, bottom):
    with pytest.raises(ValueError, match="the box"):
        crop_box(Image.new("RGB", (50, 50)), left=left, right=right, top=top, bottom=bottom)


@pytest.mark.parametrize("size", [(300, 300), (20, 20), (1, 1), (2000, 10)])
def test_picture_without_a_face(aligner, size):
    with pytest.raises(NoFaceFound):
        aligner.align(Image.new("RGB", size, (90, 120, 150)))


@needs_london
def test_eyes_are_level_and_placed_alike_whatever_the_tilt(aligner):
    upright = photograph("001_neutral.jpg")
    for tilt in (-20, 0, 20):
        tilted = upright.rotate(tilt, resample=Image.Resampling.BICUBIC, fillcolor=(230, 230, 230))
        crop = aligner.align(tilted)
        assert (crop.size, crop.mode) == ((224, 224), "RGB")
        _, left_eye, right_eye, _ = aligner._one_face(crop)
        assert abs(right_eye[1] - left_eye[1]) < 6
        assert 50 < right_eye[0] - left_eye[0] < 110
        assert 60 < left_eye[1] < 110


@needs_london
def test_large_photographs_are_cropped_from_their_own_pixels(aligner):
    small = photograph("002_neutral.jpg")
    large = small.resize((2048, 2048), Image.Resampling.BICUBIC)
    eyes, same_eyes = (np.stack(aligner._one_face(aligner.align(picture))[1:3]) for picture in (small, large))
    assert np.abs(eyes - same_eyes).max() < 8


@needs_london
@pytest.mark.parametrize("side", [160, 512, 1500])
def test_two_people_side_by_side(aligner, side):
    pair = Image.new("RGB", (2 * side, side))
    for column, name in enumerate(("003_neutral.jpg", "004_happiness.jpg")):
        pair.paste(photograph(name).resize((side, side)), (column * side, 0))
    with pytest.raises(SeveralFacesFound, match="2 faces") as caught:
        aligner.align(pair)
    assert caught.value.count == 2


@needs_london
def test_a_bystander_is_no_second_subject(aligner):
    picture = photograph("005_neutral.jpg").resize((800, 800))
    picture.paste(photograph("006_neutral.jpg").resize((130, 130)), (0, 0))
    assert aligner.align(picture).size == (224, 224)


@needs_london
def test_every_photograph_aligns(aligner):
    names = sorted(path.name for path in LONDON.glob("*.jpg"))
    assert len([aligner.align(photograph(name), size=64) for name in names]) == 204
