"""A morphable model of faces (Blanz & Vetter) and its fit to landmarks: expression without learning it.

Numbers only, no pictures: where landmarks come from is landmarks.py's. A face is neutral + identity
coefficients x identity shapes + expression coefficients x expression shapes; its camera has weak perspective.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from model.errors import ShapesError

# Expression coefficients lie in 0 .. 1 (a blend shape's weight), most of them near 0.
EXPRESSION_SPREAD = 0.35
# How far off a landmark is taken to be (share of the crop's side) where its detector does not say.
LANDMARK_NOISE = 0.01
# How far an eyeball turns at an eyeLook coefficient of 1, in degrees: the shapes move lids only.
EYE_TURN = {"Up": 25.0, "Down": 25.0, "In": 30.0, "Out": 30.0}


@dataclass(frozen=True)
class MorphableModel:
    """Displacements from the mean neutral face, V vertices: x to the picture's right, y up, z to the camera.

    `neutral` (V, 3), `identity` (I, V, 3) for coefficients about N(0, 1), `expression` (E, V, 3) for
    coefficients 0 to 1, named by `names` (E); `triangles` (T, 3) and `landmarks` (68,) index vertices,
    `parts` (V,) names the part of the head that a vertex belongs to.
    """

    neutral: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    names: tuple[str, ...]
    triangles: np.ndarray
    landmarks: np.ndarray
    parts: np.ndarray


def read_shapes(path: Path) -> MorphableModel:
    """The model in an .npz of neutral, identity, expression, expression_names, triangles, landmarks68,
    vertex_label and label_names. Raises ShapesError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            model = MorphableModel(
                neutral=file["neutral"].astype(np.float32),
                identity=file["identity"].astype(np.float32),
                expression=file["expression"].astype(np.float32),
                names=tuple(str(name) for name in file["expression_names"]),
                triangles=file["triangles"].astype(np.int64),
                landmarks=file["landmarks68"].astype(np.int64),
                parts=file["label_names"][file["vertex_label"]],
            )
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ShapesError(f"{path}: not a file of face shapes ({error})") from None
    count = len(model.neutral)
    shapes = (model.identity.shape[1:], model.expression.shape[1:])
    if any(shape != (count, 3) for shape in shapes) or len(model.names) != len(model.expression):
        raise ShapesError(f"{path}: its shapes do not belong to one mesh of {count} vertices")
    return model


@dataclass(frozen=True)
class LandmarkShapes:
    """The model at P = 70 points: the 68 landmarks and, last, the iris centres (x < 0, then x > 0).

    `neutral` (P, 3), `identity` (I, P, 3), `expression` (E, P, 3); float64.
    """

    neutral: np.ndarray
    identity: np.ndarray
    expression: np.ndarray

    @classmethod
    def of(cls, shapes: MorphableModel) -> Self:
        """An iris centre is the eyeball's foremost point; it turns with the eyeLook coefficients."""
        neutral, identity, expression = (
            basis.astype(np.float64)[..., shapes.landmarks, :]
            for basis in (shapes.neutral, shapes.identity, shapes.expression)
        )
        for right in (False, True):
            ball = eyeball(shapes, right)
            neutral = np.concatenate([neutral, [ball.centre + np.array([0, 0, ball.radius])]])
            moved = shapes.identity[:, ball.vertices].astype(np.float64).mean(axis=1, keepdims=True)
            identity = np.concatenate([identity, moved], axis=1)
            turned = np.stack([ball.radius * gaze(name, right) for name in shapes.names])[:, None]
            expression = np.concatenate([expression, turned], axis=1)
        return cls(neutral, identity, expression)

    def at(self, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
        """The points (F, P, 3) of faces with coefficients (F, I) and (F, E)."""
        return (
            self.neutral
            + np.tensordot(identity, self.identity, axes=1)
            + np.tensordot(expression, self.expression, axes=1)
        )


class Eyeball(NamedTuple):
    """One eyeball of the mean face: its vertices' indices, centre (3,) and radius in model units."""

    vertices: np.ndarray
    centre: np.ndarray
    radius: float


def eyeball(shapes: MorphableModel, right: bool) -> Eyeball:
    """The eyeball at the picture's right (x > 0) or left."""
    side = (shapes.neutral[:, 0] > 0) == right
    vertices = np.flatnonzero((shapes.parts == "sclera") & side)
    positions = shapes.neutral[vertices].astype(np.float64)
    low, high = positions.min(axis=0), positions.max(axis=0)
    centre = (low + high) / 2
    return Eyeball(vertices, centre, float(high[2] - centre[2]))


def gaze(name: str, right: bool) -> np.ndarray:
    """(3,) Where an expression coefficient of 1 moves the iris of a unit eyeball: zero unless it is an
    eyeLook of that eye (_L is the person's left, at the picture's right)."""
    turn = np.zeros(3)
    direction = name.removeprefix("eyeLook").removesuffix("_L").removesuffix("_R")
    if name.startswith("eyeLook") and direction in EYE_TURN and name.endswith("_L") == right:
        reach = math.sin(math.radians(EYE_TURN[direction]))
        if direction in ("Up", "Down"):
            turn[1] = reach if direction == "Up" else -reach
        else:
            turn[0] = reach if (direction == "Out") == right else -reach
    return turn


@dataclass(frozen=True)
class Fit:
    """F fitted faces: `rotation` (F, 3, 3); `scale` (F,) crop sides a model unit; `shift` (F, 2) of the
    origin, as shares of the crop from its left top; `identity` (F, I), `expression` (F, E)."""

    rotation: np.ndarray
    scale: np.ndarray
    shift: np.ndarray
    identity: np.ndarray
    expression: np.ndarray


def project(points: np.ndarray, rotation: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Points (F, P, 3) on the crop (F, P, 2), as shares of its side, y down: weak perspective."""
    turned = points @ rotation.transpose(0, 2, 1)
    flat: np.ndarray = turned[..., :2] * [1, -1] * scale[:, None, None] + shift[:, None]
    return flat


def rotations(vectors: np.ndarray) -> np.ndarray:
    """Rotation matrices (F, 3, 3) of axis-angle vectors (F, 3), in radians (Rodrigues)."""
    angle = np.linalg.norm(vectors, axis=1)[:, None, None]
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
    sine = np.sinc(angle / np.pi)
    cosine = np.sinc(angle / (2 * np.pi)) ** 2 / 2
    turned: np.ndarray = np.eye(3) + sine * cross + cosine * (cross @ cross)
    return turned


def fit(
    landmarks: np.ndarray, points: LandmarkShapes, noise: np.ndarray | None = None, steps: int = 8
) -> Fit:
    """The most probable camera, identity and expression of landmarks (F, P, 2), shares of the crop.

    Gauss-Newton: each step linearises the camera, then solves exactly for camera, identity (prior N(0, 1))
    and expression (prior of spread EXPRESSION_SPREAD, bounded to 0 .. 1) together. `noise` (2P, 2P) is the
    landmarks' covariance (default: LANDMARK_NOISE each).
    """
    if noise is None:
        noise = np.eye(2 * len(points.neutral)) * LANDMARK_NOISE**2
    whiten = np.linalg.inv(np.linalg.cholesky(noise))
    faces = _start(landmarks, points)
    for _ in range(steps):
        faces = _step(faces, landmarks, points, whiten)
    return faces


def _start(landmarks: np.ndarray, points: LandmarkShapes) -> Fit:
    """A frontal mean face of the landmarks' size and place."""
    count = len(landmarks)
    flat = points.neutral[:, :2] * [1, -1]
    centre = flat.mean(axis=0)
    middle = landmarks.mean(axis=1)
    size = np.sqrt(((landmarks - middle[:, None]) ** 2).sum(axis=(1, 2)))
    scale = size / np.sqrt(((flat - centre) ** 2).sum())
    return Fit(
        rotation=np.broadcast_to(np.eye(3), (count, 3, 3)),
        scale=scale,
        shift=middle - scale[:, None] * centre,
        identity=np.zeros((count, len(points.identity))),
        expression=np.zeros((count, len(points.expression))),
    )


def _step(faces: Fit, landmarks: np.ndarray, points: LandmarkShapes, whiten: np.ndarray) -> Fit:
    count, bounded = len(landmarks), len(points.expression)
    free, shapes = _jacobians(faces, points)
    # Linear in the coefficients: the residual is that of the face without them, at this camera.
    rest = landmarks - project(
        np.broadcast_to(points.neutral, (count, *points.neutral.shape)),
        faces.rotation,
        faces.scale,
        faces.shift,
    )
    design = whiten @ np.concatenate([free, shapes], axis=2)
    wanted = (whiten @ rest.reshape(count, -1, 1))[..., 0]
    people = len(points.identity)
    # The camera has next to no prior: just enough to keep a degenerate step finite.
    prior = np.concatenate([np.full(6, 1e-6), np.ones(people), np.full(bounded, EXPRESSION_SPREAD**-2)])
    solution = bounded_least_squares(design, wanted, prior, bounded)
    return Fit(
        rotation=rotations(solution[:, :3]) @ faces.rotation,
        scale=faces.scale * np.exp(solution[:, 3].clip(-0.5, 0.5)),
        shift=faces.shift + solution[:, 4:6],
        identity=solution[:, 6 : 6 + people],
        expression=solution[:, 6 + people :],
    )


def _jacobians(faces: Fit, points: LandmarkShapes) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of the projection (F, 2P, ...): by turn (3), log scale and shift (2); by coefficients."""
    at = points.at(faces.identity, faces.expression) @ faces.rotation.transpose(0, 2, 1)
    x, y, z = at[..., 0], at[..., 1], at[..., 2]
    zero, one = np.zeros_like(x), np.ones_like(x)
    size = faces.scale[:, None, None]
    by_x = np.stack([zero, z, -y, x, zero, zero], axis=2) * size
    by_y = np.stack([z, zero, -x, -y, zero, zero], axis=2) * size
    by_x[..., 4], by_y[..., 5] = one, one
    camera = np.stack([by_x, by_y], axis=2).reshape(len(at), -1, 6)
    basis = np.concatenate([points.identity, points.expression])
    screen = faces.rotation[:, :2] * np.array([1, -1])[:, None] * size
    moved = np.einsum("fij,kpj->fpik", screen, basis, optimize=True)
    return camera, moved.reshape(len(at), -1, len(basis))


def bounded_least_squares(
    design: np.ndarray, wanted: np.ndarray, prior: np.ndarray, bounded: int, sweeps: int = 60
) -> np.ndarray:
    """argmin |design u - wanted|^2 + sum(prior u^2) with the last `bounded` of u in 0 .. 1, for F systems.

    design (F, M, N), wanted (F, M), prior (N,); u (F, N). The free unknowns are eliminated exactly;
    coordinate descent settles the bounded ones, which are few and have a prior, so it converges.
    """
    normal = design.transpose(0, 2, 1) @ design + np.diag(prior)
    right = np.einsum("fmn,fm->fn", design, wanted)
    free = design.shape[2] - bounded
    across = normal[:, :free, free:]
    solved = np.linalg.solve(normal[:, :free, :free], np.concatenate([across, right[:, :free, None]], axis=2))
    reduced = normal[:, free:, free:] - across.transpose(0, 2, 1) @ solved[..., :-1]
    goal = right[:, free:] - np.einsum("fab,fa->fb", across, solved[..., -1])
    inside = np.zeros_like(goal)
    for _ in range(sweeps):
        for one in range(bounded):
            gradient = np.einsum("fb,fb->f", reduced[:, one], inside) - goal[:, one]
            inside[:, one] = (inside[:, one] - gradient / reduced[:, one, one]).clip(0, 1)
    outside = solved[..., -1] - np.einsum("fab,fb->fa", solved[..., :-1], inside)
    return np.concatenate([outside, inside], axis=1)


def displacement_metric(points: LandmarkShapes) -> np.ndarray:
    """(E, E) M with |M (c - d)| = the root mean square displacement of the landmarks of the mean face between
    expressions c and d, in model units: coefficients weighted by what they move."""
    moves = points.expression.reshape(len(points.expression), -1) / math.sqrt(len(points.neutral))
    values, vectors = np.linalg.eigh(moves @ moves.T)
    metric: np.ndarray = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    return metric
