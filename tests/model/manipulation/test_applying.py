"""A manipulator in use: arrays in and out, the way between two expressions, grids and single pictures."""

import numpy as np
import pytest
from PIL import Image

from model.errors import CheckpointError, ImagesError
from model.inference import Embedder
from model.manipulation.applying import NOTE, STRIP, apply, frames, grid_picture, side_of
from model.manipulation.manipulator import Manipulator, between
from tests.model.manipulation.conftest import SIZE, write_dln


@pytest.fixture(scope="module")
def manipulator(manipulator_folder):
    return Manipulator.load(manipulator_folder, "cpu")


@pytest.fixture(scope="module")
def embedder(dln):
    return Embedder.load(dln, "cpu")


@pytest.fixture(scope="module")
def sides(manipulator, embedder, drawn, tmp_path_factory):
    """Three sources, two targets, as folders of crops."""
    folders = []
    for name, chosen in (("sources", ("p15-0", "p16-1", "p17-2")), ("targets", ("p18-0", "p18-5"))):
        folder = tmp_path_factory.mktemp(name)
        for face in chosen:
            (folder / f"{face}.jpg").hardlink_to(drawn / "crops" / f"{face}.jpg")
        folders.append(side_of(folder, manipulator, embedder))
    return folders


def test_faces_do_not_depend_on_how_many_are_made_at_once(manipulator, faces, embeddings):
    sources, wanted = faces[1][:40], np.tile(embeddings, (8, 1))
    made = manipulator.manipulate(sources, wanted)
    assert (made.dtype, made.shape) == (np.uint8, (40, SIZE, SIZE, 3))
    one = manipulator.manipulate(sources[23:24], wanted[23:24])
    assert np.abs(one[0].astype(int) - made[23]).max() <= 1
    assert manipulator.manipulate(sources[:0], wanted[:0]).shape == (0, SIZE, SIZE, 3)


def test_what_does_not_fit_is_refused(manipulator, faces, embeddings, tmp_path):
    with pytest.raises(ImagesError, match=r"takes \(N, 32, 32, 3\) and \(N, 16\)"):
        manipulator.manipulate(faces[1][:5, :16], embeddings)
    with pytest.raises(ImagesError, match="this manipulator takes"):
        manipulator.manipulate(faces[1][:4], embeddings)
    other = Embedder.load(write_dln(tmp_path / "other", seed=1), "cpu")
    with pytest.raises(CheckpointError, match="embedding of another checkpoint"):
        manipulator.check_embedding(other)


def test_the_way_between_two_expressions_keeps_to_the_sphere(embeddings):
    start, end = embeddings[:2]
    way = between(start, end, 9, on_sphere=True)
    assert np.allclose(way[[0, -1]], [start, end], atol=1e-6)
    assert np.allclose(np.linalg.norm(way, axis=1), 1)
    steps = np.linalg.norm(np.diff(way, axis=0), axis=1)
    assert np.allclose(steps, steps[0], rtol=1e-4)
    assert np.allclose(between(start, start, 3, on_sphere=True), start, atol=1e-6)
    assert np.isfinite(between(start, -start, 3, on_sphere=True)).all()
    straight = between(start, 3 * end, 3, on_sphere=False)
    assert np.allclose(straight[1], (start + 3 * end) / 2, atol=1e-6)


def test_the_grid_has_sources_down_and_targets_across(manipulator, sides, tmp_path):
    sources, targets = sides
    [written] = apply(manipulator, sources, targets, tmp_path / "new" / "grid.png", None)
    with Image.open(written) as picture:
        assert picture.info == {"Comment": NOTE}
        grid = np.asarray(picture)
    step = SIZE + 2
    assert grid.shape == (4 * step - 2 + STRIP, 3 * step - 2, 3)
    assert np.array_equal(grid[step : step + SIZE, :SIZE], sources.crops[0])
    assert np.array_equal(grid[:SIZE, 2 * step :], targets.crops[1])
    made = manipulator.manipulate(sources.crops[[2]], targets.embeddings[[1]])[0]
    there = grid[3 * step : 3 * step + SIZE, 2 * step :].astype(int)
    assert np.abs(there - made).max() <= 1
    assert grid[-STRIP:].min() < 64, "it says that it is synthetic"
    many = grid_picture(sources.crops, targets.crops, np.zeros((3, 2, SIZE, SIZE, 3), np.uint8))
    assert many.size == (3 * step - 2, 4 * step - 2 + STRIP)


def test_interpolation_goes_from_the_sources_own_expression_to_the_targets(manipulator, sides, tmp_path):
    sources, targets = sides
    way = frames(manipulator, sources.crops[0], sources.embeddings[0], targets.embeddings[0], 5)
    ends = np.stack([sources.embeddings[0], targets.embeddings[0]])
    alone = manipulator.manipulate(np.repeat(sources.crops[:1], 2, axis=0), ends)
    assert np.abs(way[[0, -1]].astype(int) - alone).max() <= 1
    written = apply(manipulator, sources, targets, tmp_path / "singles", 4)
    assert len(written) == 3 * 2 * 4
    assert written[0].name == "p15-0--p18-0-00.png"
    with Image.open(written[0]) as picture:
        assert (picture.size, picture.info["Comment"]) == ((SIZE, SIZE), NOTE)
    [grid] = apply(manipulator, sources, targets, tmp_path / "way.png", 4)
    with Image.open(grid) as picture:
        assert picture.width == 6 * (SIZE + 2) - 2
    with pytest.raises(ImagesError, match=r"a grid is a .png file"):
        apply(manipulator, sources, targets, tmp_path / "grid.jpg", None)
