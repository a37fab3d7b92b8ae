"""The morphable model's fit against naive references, and landmarks learnt from renderings alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from model import morphable
from tests.model.test_alignment import LONDON

SHAPES = LONDON.parent / "ict_shapes" / "shapes.npz"


@pytest.fixture(scope="module")
def shapes():
    if not SHAPES.exists():
        pytest.skip("the morphable model is not beside this checkout")
    return morphable.read_shapes(SHAPES)


def small_points(rng, people=4, expressions=5, count=12):
    """A random model of few points, deep enough that its pose can be seen."""
    neutral = rng.normal(size=(count, 3)) * [5, 6, 3]
    return morphable.LandmarkShapes(
        neutral, rng.normal(size=(people, count, 3)) * 0.3, rng.normal(size=(expressions, count, 3))
    )


def random_faces(rng, points, count):
    """Coefficients and cameras as pictures have them: yaw 20, pitch 12, roll 6 degrees are two sigma."""
    identity = rng.normal(size=(count, len(points.identity)))
    expression = rng.uniform(size=(count, len(points.expression)))
    expression *= rng.random(expression.shape) < 0.2
    turns = np.radians([12, 20, 6]) * rng.normal(size=(count, 3)) / 2
    shift = 0.5 + 0.05 * rng.normal(size=(count, 2))
    return morphable.Fit(
        morphable.rotations(turns), rng.uniform(0.045, 0.06, count), shift, identity, expression
    )


def seen(faces, points):
    at = points.at(faces.identity, faces.expression)
    return morphable.project(at, faces.rotation, faces.scale, faces.shift)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 6))
def test_bounded_least_squares_is_what_a_general_solver_finds(seed, free, bounded):
    rng = np.random.default_rng(seed)
    design = rng.normal(size=(3, 15, free + bounded))
    wanted = rng.normal(size=(3, 15)) * 3
    prior = rng.uniform(0.1, 2, free + bounded)
    found = morphable.bounded_least_squares(design, wanted, prior, bounded)
    low = np.r_[np.full(free, -np.inf), np.zeros(bounded)]
    high = np.r_[np.full(free, np.inf), np.ones(bounded)]
    for one in range(3):
        stacked = np.vstack([design[one], np.diag(np.sqrt(prior))])
        goal = np.r_[wanted[one], np.zeros(free + bounded)]
        naive = lsq_linear(stacked, goal, (low, high), tol=1e-12).x
        assert found[one] == pytest.approx(naive, abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_derivatives_are_those_of_finite_differences(seed):
    rng = np.random.default_rng(seed)
    points = small_points(rng)
    faces = random_faces(rng, points, 2)
    camera, shapes = morphable._jacobians(faces, points)
    step = 1e-6

    def moved(turn=(0, 0, 0), size=0.0, shift=(0, 0), identity=0.0, expression=0.0):
        return seen(
            morphable.Fit(
                morphable.rotations(np.broadcast_to(turn, (2, 3)).astype(float)) @ faces.rotation,
                faces.scale * np.exp(size),
                faces.shift + shift,
                faces.identity + identity,
                faces.expression + expression,
            ),
            points,
        ).reshape(2, -1)

    changes = [{"turn": step * np.eye(3)[axis]} for axis in range(3)] + [{"size": step}]
    changes += [{"shift": step * np.eye(2)[axis]} for axis in range(2)]
    changes += [{"identity": step * row} for row in np.eye(len(points.identity))]
    changes += [{"expression": step * row} for row in np.eye(len(points.expression))]
    naive = np.stack([(moved(**change) - moved()) / step for change in changes], axis=2)
    assert np.concatenate([camera, shapes], axis=2) == pytest.approx(naive, abs=1e-4)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3))
def test_rotations_keep_lengths_and_turn_by_their_angle(vector):
    (rotation,) = morphable.rotations(np.array([vector]))
    angle = np.linalg.norm(vector)
    assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1)
    assert np.trace(rotation) == pytest.approx(1 + 2 * np.cos(angle), abs=1e-9)
    assert rotation @ vector == pytest.approx(vector, abs=1e-9)


# What the fit must reach: noise (share of the crop's side), then medians over 24 faces: the error of the
# expression's displacement as a share of the displacement itself, and of the pose in degrees.
@pytest.mark.parametrize(("noise", "displacement", "degrees"), [(0.0005, 0.2, 0.8), (0.005, 0.4, 1.5)])
def test_a_fit_recovers_expression_and_pose(shapes, noise, displacement, degrees):
    rng = np.random.default_rng(0)
    points = morphable.LandmarkShapes.of(shapes)
    true = random_faces(rng, points, 24)
    landmarks = seen(true, points)
    found = morphable.fit(
        landmarks + noise * rng.normal(size=landmarks.shape), points, noise**2 * np.eye(140)
    )
    metric = morphable.displacement_metric(points)
    error = np.linalg.norm((found.expression - true.expression) @ metric, axis=1)
    assert np.median(error) < displacement * np.median(np.linalg.norm(true.expression @ metric, axis=1))
    cosine = (np.einsum("fij,fij->f", found.rotation, true.rotation) - 1) / 2
    assert np.median(np.degrees(np.arccos(cosine.clip(-1, 1)))) < degrees
    assert found.expression.min() >= 0
    assert found.expression.max() <= 1


def test_a_fit_does_not_lean_on_where_the_face_is_and_how_large(shapes):
    rng = np.random.default_rng(1)
    points = morphable.LandmarkShapes.of(shapes)
    landmarks = seen(random_faces(rng, points, 6), points)
    one = morphable.fit(landmarks, points)
    moved = morphable.fit(landmarks + np.array([0.1, -0.05]), points)
    assert moved.expression == pytest.approx(one.expression, abs=1e-3)
    larger = morphable.fit(1.2 * landmarks, points, noise=np.eye(140) * (1.2 * morphable.LANDMARK_NOISE) ** 2)
    assert larger.expression == pytest.approx(one.expression, abs=1e-3)


def test_the_metric_is_the_displacement_of_the_landmarks(shapes):
    rng = np.random.default_rng(2)
    points = morphable.LandmarkShapes.of(shapes)
    one, other = rng.uniform(size=(2, 1, len(shapes.names)))
    nobody = np.zeros((1, len(shapes.identity)))
    apart = points.at(nobody, one) - points.at(nobody, other)
    naive = np.sqrt((apart**2).sum() / len(points.neutral))
    metric = morphable.displacement_metric(points)
    assert np.linalg.norm((one - other) @ metric) == pytest.approx(naive)


def test_an_eye_looks_where_its_coefficients_say(shapes):
    points = morphable.LandmarkShapes.of(shapes)
    nobody = np.zeros((1, len(shapes.identity)))
    names = list(shapes.names)

    def irises(**weights):
        expression = np.zeros((1, len(names)))
        for name, weight in weights.items():
            expression[0, names.index(name)] = weight
        return points.at(nobody, expression)[0, 68:]

    rest = irises()
    assert rest[0, 0] < 0 < rest[1, 0]
    to_the_right = irises(eyeLookIn_R=1, eyeLookOut_L=1) - rest
    assert (to_the_right[:, 0] > 0.5).all()
    up = irises(eyeLookUp_L=1) - rest
    assert up[1, 1] > 0.5
    assert up[0] == pytest.approx(np.zeros(3))


def test_a_file_without_shapes_is_refused_by_name(tmp_path):
    path = tmp_path / "shapes.npz"
    for write in (
        lambda: None,
        lambda: path.write_text("no archive"),
        lambda: np.savez(path, neutral=np.zeros((3, 3))),
    ):
        write()
        with pytest.raises(morphable.ShapesError, match=r"shapes\.npz: not a file of face shapes"):
            morphable.read_shapes(path)
