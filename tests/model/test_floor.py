"""The floors' vectors against their definitions, and their score on the rendered development set."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model.cli import main
from model.cli_arguments import FLOORS as CHOICES
from model.errors import SnapshotError
from model.floor import FLOORS, floor_vectors, hog_vectors, pixel_vectors
from model.snapshot import read_snapshot
from tests.model.ictfec import build

RENDERED = Path(__file__).parents[3] / "shared" / "data" / "ictfec"


def test_the_command_offers_every_floor():
    assert set(CHOICES) == set(FLOORS)


def test_pixels_are_the_picture(drawn):
    snapshot = read_snapshot(drawn)
    vectors = floor_vectors(snapshot, "pixels")
    assert (vectors.shape, vectors.dtype) == ((120, 32 * 32 * 3), np.float32)
    with Image.open(drawn / snapshot.faces.crops[7]) as image:
        whole = image.resize((32, 32), Image.Resampling.BOX)
    difference = vectors[7].reshape(32, 32, 3) - np.asarray(whole) / 255
    assert np.abs(difference).mean() < 0.01


def test_hog_of_every_face(drawn):
    vectors = floor_vectors(read_snapshot(drawn), "hog")
    assert (vectors.shape, vectors.dtype) == ((120, 1764), np.float32)
    assert np.isfinite(vectors).all()
    assert len(np.unique(vectors, axis=0)) > 100


def test_hog_sees_where_edges_are_and_how_they_run():
    upright = np.zeros((64, 64, 3), dtype=np.uint8)
    upright[:, 36:] = 200
    lying = upright.transpose(1, 0, 2).copy()
    # Blocks (7, 7) of cells (2, 2) of 9 orientations, the first around 0 to 20 degrees of the gradient.
    strength = hog_vectors(np.stack([upright, lying])).reshape(2, 7, 7, 2, 2, 9)
    across = strength.sum(axis=(3, 4))
    assert across[0].sum(axis=(0, 1)).argmax() != across[1].sum(axis=(0, 1)).argmax()
    assert across[0].sum(axis=(0, 2)).nonzero()[0].tolist() == [3, 4]
    assert across[1].sum(axis=(1, 2)).nonzero()[0].tolist() == [3, 4]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_distances_of_pixels_and_the_blindness_of_hog(seed):
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 100, (2, 64, 64, 3), dtype=np.uint8)
    pixels = pixel_vectors(np.stack([one, other]))
    expected = (((one.astype(float) - other) / 255) ** 2).sum()
    assert ((pixels[0] - pixels[1]) ** 2).sum() == pytest.approx(expected, rel=1e-4)
    # Light and contrast change nothing in HOG (but for its epsilon), and everything in pixels.
    brighter = (one * 2 + 50).astype(np.uint8)
    first, second = hog_vectors(np.stack([one, brighter]))
    assert np.abs(first - second).max() < 1e-3


def test_a_crop_that_cannot_be_read_is_named(mixed_snapshot):
    (mixed_snapshot / "crops" / "f4.jpg").unlink()
    with pytest.raises(SnapshotError, match=r"faces\.csv, line 6: .*f4\.jpg cannot be read$"):
        floor_vectors(read_snapshot(mixed_snapshot), "pixels")


@pytest.mark.long
@pytest.mark.skipif(not RENDERED.exists(), reason="the rendered set is not beside this checkout")
def test_floors_of_the_rendered_set(tmp_path_factory, capsys):
    folder = build(RENDERED, tmp_path_factory.mktemp("rendered") / "snapshot")
    for kind, published in (("pixels", 0.328), ("hog", 0.348)):
        assert main(["evaluate", "--floor", kind, "--snapshot", str(folder)]) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["strong"]["counts"]["all"] == 3520
        # The set's README gives no parameters of its HOG; three standard errors are 0.024.
        assert report["strong"]["accuracy"]["mean"] == pytest.approx(published, abs=0.024)
