"""Landmarks: the frame of five points, renderings that show what they claim, what is learnt from them."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model import landmarks, renderings
from model.alignment import FaceAligner
from model.cli import main
from model.errors import DetectorError, ImagesError
from model.landmark_training import train_detector
from model.morphable import LandmarkShapes, project
from tests.model.snapshots import Face, write_snapshot
from tests.model.test_alignment import LONDON, needs_london, photograph
from tests.model.test_morphable import SHAPES, shapes, small_points  # noqa: F401 (a fixture)

needs_shapes = pytest.mark.skipif(
    not SHAPES.exists(), reason="the morphable model is not beside this checkout"
)
TINY = landmarks.DetectorConfig(size=40, renderings=512, epochs=14, batch=16)


@pytest.fixture(scope="module")
def points(shapes):  # noqa: F811
    return LandmarkShapes.of(shapes)


@pytest.fixture(scope="module")
def detector(shapes):  # noqa: F811
    return train_detector(shapes, TINY)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-3, 3), st.floats(0.01, 10))
def test_a_frame_undoes_any_turn_size_and_place(seed, angle, size):
    rng = np.random.default_rng(seed)
    points = small_points(rng, count=70)
    mean = landmarks.five_of(points.neutral)[:, :2] * [1, -1]
    turned = size * mean @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    five = (turned + rng.normal(size=2))[None]
    frames = landmarks.Frames.of(five, points)
    in_frame = 0.5 + (mean + np.array([0, landmarks.FRAME_HEIGHT])) / landmarks.FRAME_SIDE
    assert frames.back(in_frame[None]) == pytest.approx(five, abs=1e-6 * size)


@needs_shapes
def test_expressions_are_possible_ones(shapes):  # noqa: F811
    weights = renderings.random_expressions(500, shapes.names, np.random.default_rng(0))
    named = dict(zip(shapes.names, weights.T, strict=True))
    assert weights.min() >= 0
    assert weights.max() <= 1
    assert (named["mouthClose"] <= named["jawOpen"]).all()
    assert not (named["eyeLookUp_L"] * named["eyeLookDown_L"]).any()
    assert named["eyeLookOut_L"] == pytest.approx(named["eyeLookIn_R"])
    assert (weights > 0).mean(axis=0).min() > 0.02


@needs_shapes
def test_landmarks_lie_where_the_rendering_shows_them(shapes, points):  # noqa: F811
    """Eyes that look anywhere: it is black within a pixel of the iris centres, elsewhere in the eye not."""
    rng = np.random.default_rng(3)
    scenes = renderings.random_scenes(24, shapes, points, 1.0, rng)
    lids = [number for number, name in enumerate(shapes.names) if not name.startswith("eyeLook")]
    scenes.expression[:, lids] = 0
    at = points.at(scenes.identity, scenes.expression)
    on_crop = project(at, scenes.rotation, scenes.scale, scenes.shift)
    side = 80
    grey = renderings.Renderer(shapes).draw(scenes, side, rng).float().mean(dim=1).numpy()

    def black(offset):
        column, row = np.moveaxis((on_crop[:, 68:] * side).astype(int) + offset, 2, 0)
        around = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1)]
        faces = np.arange(24)[:, None]
        return np.min([grey[faces, row + down, column + across] for down, across in around], axis=0) < 25

    assert black((0, 0)).mean() > 0.85
    assert black((5, 0)).mean() < 0.4
    assert black((-5, 0)).mean() < 0.4


@needs_shapes
def test_the_nearest_surface_hides_what_lies_behind(shapes, points):  # noqa: F811
    scenes = renderings.random_scenes(4, shapes, points, 1.0, np.random.default_rng(4))
    renderer = renderings.Renderer(shapes)
    place = renderer._placed(scenes)
    side = 64
    seen = renderer._visible(place, side)
    nose = place[:, shapes.landmarks[30]]
    for face in range(4):
        column, row = (nose[face, :2] * side).long().tolist()
        corners = renderer._corners[:, seen[face, row * side + column]]
        assert place[face, corners].mean(dim=0) == pytest.approx(nose[face].numpy(), abs=0.04)
    assert (seen >= 0).float().mean() > 0.5


@needs_shapes
@pytest.mark.slow
@pytest.mark.long
def test_a_network_learns_landmarks_from_renderings(shapes, points, detector):  # noqa: F811
    """On new renderings it is nearer than the mean landmarks are, and states how near."""
    rng = np.random.default_rng(99)
    scenes = renderings.random_scenes(64, shapes, points, 1.0, rng)
    pictures = renderings.Renderer(shapes).draw(scenes, TINY.size, rng)
    at = points.at(scenes.identity, scenes.expression)
    true = project(at, scenes.rotation, scenes.scale, scenes.shift)
    found = detector.network(landmarks.to_input(pictures)).detach().numpy()
    error = np.sqrt(((found - true) ** 2).mean())
    assert error < 0.9 * np.sqrt(true.var(axis=0).mean())
    assert error == pytest.approx(np.sqrt(np.diag(detector.noise).mean()), rel=0.3)


@needs_shapes
@pytest.mark.slow
@pytest.mark.long
def test_a_detector_comes_back_from_its_file(tmp_path, detector):
    path = tmp_path / "landmarks.safetensors"
    landmarks.save_detector(path, detector)
    again = landmarks.load_detector(path)
    assert again.config == detector.config
    assert again.noise == pytest.approx(detector.noise)
    images = landmarks.to_input(landmarks.torch.randint(0, 256, (2, 3, TINY.size, TINY.size)))
    assert again.network(images).detach().numpy() == pytest.approx(
        detector.network(images).detach().numpy(), abs=1e-5
    )


def test_a_file_that_is_no_detector_is_refused_by_name(tmp_path):
    path = tmp_path / "landmarks.safetensors"
    for write in (lambda: None, lambda: path.write_text("no detector")):
        write()
        with pytest.raises(DetectorError, match=r"landmarks\.safetensors: no landmark detector"):
            landmarks.load_detector(path)


@needs_shapes
@needs_london
@pytest.mark.slow
@pytest.mark.long
def test_coefficients_of_photographs(shapes, detector):  # noqa: F811
    """Each face by itself, bounded; a crop without a face takes its place from the others."""
    aligner = FaceAligner()
    names = sorted(path.name for path in LONDON.glob("00[1-2]*.jpg"))
    crops = np.stack([np.asarray(aligner.align(photograph(name))) for name in names])
    found = landmarks.expression_coefficients(crops, shapes, detector)
    assert found.shape == (len(crops), len(shapes.names))
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1
    alone = landmarks.expression_coefficients(crops[:1], shapes, detector)
    assert alone == pytest.approx(found[:1], abs=1e-3)
    blank = np.full_like(crops[:1], 128)
    assert landmarks.expression_coefficients(np.concatenate([crops, blank]), shapes, detector).shape[0] == 5
    with pytest.raises(ImagesError, match="no face"):
        landmarks.expression_coefficients(blank, shapes, detector)


@needs_shapes
@needs_london
@pytest.mark.slow
@pytest.mark.long
def test_evaluate_measures_the_fit_as_it_measures_a_network(shapes, detector, tmp_path, capsys):  # noqa: F811
    aligner, kept = FaceAligner(), tmp_path / "landmarks.safetensors"
    landmarks.save_detector(kept, detector)
    names = sorted(path.name for path in LONDON.glob("00[1-2]*.jpg"))[:3]
    faces = [Face(name[:-4], aligner.align(photograph(name)), "val") for name in names]
    three = dict(zip(("anchor", "positive", "negative"), (face.name for face in faces), strict=True))
    row = {**three, "source": "imported", "kind": "TWO_CLASS_TRIPLET", "strength": "strong"}
    folder = write_snapshot(tmp_path / "snapshot", faces, [row], [])
    given = ["--shapes", str(SHAPES), "--detector", str(kept), "--snapshot", str(folder)]
    assert main(["evaluate", *given]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["strong"]["counts"]["all"] == 1
    assert main(["evaluate", *given, "--split", "train"]) == 0
    assert json.loads(capsys.readouterr().out)["strong"]["counts"]["all"] == 0
    crops = np.stack([np.asarray(face.crop) for face in faces])
    anchor, positive, negative = landmarks.expression_coefficients(crops, shapes, detector)
    pairs = ((anchor, positive), (anchor, negative), (positive, negative))
    near, far, across = (np.sum((one - other) ** 2) for one, other in pairs)
    assert found["strong"]["accuracy"]["mean"] == float(near < far and near < across)
