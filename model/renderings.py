"""Shaded pictures of a morphable model with random person, expression, pose, light and paint.

Only what a landmark network learns from: crude on purpose and quick on a CPU. Knows no data set; nothing
here is fitted to pictures.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from model.landmarks import Frames, five_of
from model.morphable import LandmarkShapes, MorphableModel, eyeball, gaze, project, rotations

# The surface is drawn as samples this far apart (model units; a head is about 15 wide), each one pixel,
# in a picture of OVERSAMPLING times the side asked for.
SPACING = 0.15
OVERSAMPLING = 2
# How far off MTCNN's five points are taken to be, in model units.
FIVE_OFF = 0.3
_UNSEEN = ("eye_occlusion", "lacrimal", "iris")  # the iris is painted on the eyeball, where it can turn
_DEPTHS = 1 << 16
# Deeper than its surroundings by this many of those depths (0.02 of the crop): a hole.
_HOLE = _DEPTHS // 100
# Half the angle at the eyeball's centre that iris and pupil take, in radians.
_IRIS, _PUPIL = 0.5, 0.2


Drawn = Callable[..., Tensor]  # (lowest, highest, channels=1) to one random value a picture


class Scenes(NamedTuple):
    """Random faces: `identity` (B, I), `expression` (B, E), and their cameras as in morphable.Fit."""

    identity: np.ndarray
    expression: np.ndarray
    rotation: np.ndarray
    scale: np.ndarray
    shift: np.ndarray


def random_scenes(
    count: int, shapes: MorphableModel, points: LandmarkShapes, wider: float, rng: np.random.Generator
) -> Scenes:
    """Identities N(0, 1), expressions from `random_expressions`; yaw to 25, pitch to 15 degrees.

    Each face stands in the frame (landmarks.py) as five points that are a little off would put it; the
    picture is `wider` than the frame, about the same middle.
    """
    identity = rng.normal(size=(count, len(shapes.identity)))
    expression = random_expressions(count, shapes.names, rng)
    rotation = rotations(np.radians([15, 25, 0]) * rng.uniform(-1, 1, (count, 3)))
    flat = project(points.at(identity, expression), rotation, np.ones(count), np.zeros((count, 2)))
    five = five_of(flat) + FIVE_OFF * rng.normal(size=(count, 5, 2))
    turn, shift = Frames.of(five, points)
    # The frame's turn is on a picture, whose y points down: in space it is the other way round.
    roll = rotations(np.angle(turn)[:, None] * [0, 0, -1])
    shift = 0.5 + (np.stack([shift.real, shift.imag], axis=1) - 0.5) / wider
    return Scenes(identity, expression, roll @ rotation, np.abs(turn) / wider, shift)


def random_expressions(count: int, names: tuple[str, ...], rng: np.random.Generator) -> np.ndarray:
    """(count, E): few shapes at once, mostly alike at the left and the right; both eyes look one way."""
    column = {name: number for number, name in enumerate(names)}
    busy = rng.uniform(0.05, 0.4, (count, 1))
    weights = rng.beta(1, 1.2, (count, len(names))) * (rng.random((count, len(names))) < busy)
    for name, number in column.items():
        twin = column.get(f"{name.removesuffix('_L')}_R") if name.endswith("_L") else None
        if twin is not None:
            even = rng.random(count) < 0.75
            weights[even, twin] = weights[even, number] * rng.uniform(0.8, 1, even.sum())
    look = rng.uniform(-0.8, 0.8, (count, 2)) * (rng.random((count, 1)) < 0.5)
    for name, number in column.items():
        if name.startswith("eyeLook"):
            way = gaze(name, name.endswith("_L"))[:2]
            weights[:, number] = (look @ np.sign(way)).clip(0, 1)
    if {"mouthClose", "jawOpen"} <= column.keys():  # it undoes an open jaw, no more
        weights[:, column["mouthClose"]] *= weights[:, column["jawOpen"]]
    return weights.clip(0, 1)


class Renderer:
    """Draws scenes: surface samples through a depth buffer, shaded by one light, painted at random."""

    def __init__(self, shapes: MorphableModel) -> None:
        basis = np.concatenate([shapes.identity, shapes.expression])
        self._basis = torch.from_numpy(basis.reshape(len(basis), -1))
        self._neutral = torch.from_numpy(shapes.neutral)
        corners, shares = _samples(shapes)
        self._corners, self._shares = torch.from_numpy(corners), torch.from_numpy(shares)
        self._paint = _Paint(shapes, corners, shares)

    def draw(self, scenes: Scenes, size: int, rng: np.random.Generator) -> Tensor:
        """uint8 pictures (B, 3, size, size) of B scenes."""
        side = OVERSAMPLING * size
        place = self._placed(scenes)
        seen = self._visible(place, side)
        normals = self._normals(place, seen)
        colour = self._paint.colours(seen, normals, scenes, rng)
        background = _backgrounds(len(seen), side, rng)
        picture = torch.where((seen >= 0)[..., None], colour, background.reshape(len(seen), -1, 3))
        picture = picture.reshape(len(seen), side, side, 3).permute(0, 3, 1, 2)
        small = functional.avg_pool2d(picture, OVERSAMPLING)
        return (small * 255).round().clamp(0, 255).to(torch.uint8)

    def _placed(self, scenes: Scenes) -> Tensor:
        """All vertices (B, V, 3): x and y as shares of the crop (y down), z towards the camera, same unit."""
        weights = torch.from_numpy(np.concatenate([scenes.identity, scenes.expression], axis=1)).float()
        vertices = self._neutral + (weights @ self._basis).reshape(len(weights), -1, 3)
        camera = scenes.rotation * np.array([[1], [-1], [1]]) * scenes.scale[:, None, None]
        placed: Tensor = vertices @ torch.from_numpy(camera).float().transpose(1, 2)
        placed[..., :2] += torch.from_numpy(scenes.shift).float()[:, None]
        return placed

    def _visible(self, place: Tensor, side: int) -> Tensor:
        """The foremost sample of each pixel (B, side * side), -1 where there is none."""
        samples = self._shares[0, :, None] * place[:, self._corners[0]]
        for corner in (1, 2):
            samples += self._shares[corner, :, None] * place[:, self._corners[corner]]
        pixel = (samples[..., :2] * side).floor().long()
        inside = ((pixel >= 0) & (pixel < side)).all(dim=2)
        depth = ((samples[..., 2] + 1) * (_DEPTHS / 2)).long().clamp(0, _DEPTHS)
        count = samples.shape[1]
        key = torch.where(inside, depth * count + torch.arange(count), -1)
        flat = pixel[..., 1].clamp(0, side - 1) * side + pixel[..., 0].clamp(0, side - 1)
        front = torch.full((len(place), side * side), -1).scatter_reduce(1, flat, key, "amax")
        # Close the holes between samples. Only floats can be pooled; doubles hold these keys exactly.
        square = front.double().reshape(-1, 1, side, side)
        closed = -functional.max_pool2d(-functional.max_pool2d(square, 3, 1, 1), 3, 1, 1)
        front = torch.where(closed - square > _HOLE * count, closed, square).reshape(front.shape).long()
        return torch.where(front < 0, -1, front % count)

    def _normals(self, place: Tensor, seen: Tensor) -> Tensor:
        """Unit normals (B, pixels, 3) of the triangles seen, turned to the camera."""
        first, second, third = (
            place.gather(1, self._corners[corner][seen][..., None].expand(-1, -1, 3)) for corner in range(3)
        )
        normal = functional.normalize(torch.linalg.cross(second - first, third - first), dim=2)
        return normal * torch.where(normal[..., 2:] < 0, -1, 1)


def _samples(shapes: MorphableModel) -> tuple[np.ndarray, np.ndarray]:
    """Points on the mesh: corner vertices (3, M) and their shares (3, M); none on what always faces away."""
    corners = shapes.neutral[shapes.triangles]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    double = np.linalg.norm(across, axis=1)
    drawn = ~np.isin(shapes.parts[shapes.triangles[:, 0]], _UNSEEN) & (across[:, 2] >= -0.4 * double)
    count = np.ceil(double[drawn] / 2 / SPACING**2).astype(int)
    triangle = np.repeat(shapes.triangles[drawn], count, axis=0)
    number = np.arange(len(triangle)) - np.repeat(count.cumsum() - count, count)
    # The first is the centroid; the R2 sequence spreads the others evenly (Roberts 2018).
    u, v = (1 / 3 + 0.7548776662 * number) % 1, (1 / 3 + 0.5698402910 * number) % 1
    over = u + v > 1
    u, v = np.where(over, 1 - u, u), np.where(over, 1 - v, v)
    return triangle.T.copy(), np.stack([1 - u - v, u, v]).astype(np.float32)


class _Paint:
    """What colour a surface sample has: skin, lips, brows, beard, hair, eyes, mouth."""

    def __init__(self, shapes: MorphableModel, corners: np.ndarray, shares: np.ndarray) -> None:
        at = np.einsum("cm,cmk->mk", shares, shapes.neutral[corners])
        part = shapes.parts[corners[0]]
        marks = shapes.neutral[shapes.landmarks]
        skin = np.isin(part, ("face", "head_neck"))
        self._part = {name: _tensor(part == name) for name in ("sclera", "teeth")}
        self._inner = _tensor(np.isin(part, ("mouth_socket", "gums_tongue", "eye_socket")))
        lips = _inside(at, marks[48:60]) & ~_inside(at, marks[60:68]) & (at[:, 2] > marks[48, 2] - 1)
        self._lips = _tensor(skin & lips)
        brow = np.minimum(_distance(at, marks[17:22]), _distance(at, marks[22:27]))
        self._brow = _tensor(np.where(skin & (at[:, 2] > 5), brow, 9))
        low = (at[:, 1] < marks[33, 1] - 0.4) & (at[:, 1] > marks[8, 1] - 1.5) & (at[:, 2] > 1)
        self._beard = _tensor(skin & low & ~lips)
        self._hair = _tensor(np.where(skin, at[:, 1] - 0.45 * at[:, 2], -99))
        self._look = np.zeros((2, len(shapes.names), 3))
        direction = np.zeros_like(at)
        self._right = torch.from_numpy(at[:, 0] > 0)
        for right in (False, True):
            self._look[int(right)] = [gaze(name, right) for name in shapes.names]
            away = at - eyeball(shapes, right).centre
            own = (at[:, 0] > 0) == right
            direction[own] = (away / np.linalg.norm(away, axis=1, keepdims=True))[own]
        self._direction = _tensor(direction)

    def colours(self, seen: Tensor, normals: Tensor, scenes: Scenes, rng: np.random.Generator) -> Tensor:
        """RGB in 0 .. 1 (B, pixels, 3) of the samples seen (B, pixels), shaded."""
        count = len(seen)

        def drawn(low: float | list[float], high: float | list[float], channels: int = 1) -> Tensor:
            return _tensor(rng.uniform(low, high, (count, 1, channels)))

        def over(colour: Tensor, new: Tensor, share: Tensor) -> Tensor:
            return colour + share[..., None] * (new - colour)

        skin = drawn(0.3, 1.05) * drawn([0.9, 0.6, 0.45], [1.0, 0.85, 0.8], 3)
        hair = drawn(0.03, 0.6) * drawn([0.8, 0.6, 0.4], [1, 0.9, 0.8], 3)
        grain = _tensor(rng.random(seen.shape))
        colour = skin.expand(count, seen.shape[1], 3)
        beard = drawn(-1, 0.9).clamp(0)[..., 0] * (0.5 + 0.5 * grain)
        colour = over(colour, hair * 0.8, beard * self._beard[seen])
        colour = over(colour, skin * drawn([0.7, 0.3, 0.3], [1.05, 0.75, 0.8], 3), self._lips[seen])
        thin = drawn(0.15, 0.5)[..., 0]
        colour = over(colour, hair, (2 * (1.2 - self._brow[seen] / thin)).clamp(0, 1) * drawn(0.3, 1)[..., 0])
        colour = over(colour, hair, (self._hair[seen] > drawn(3, 9)[..., 0]).float())
        colour = over(colour, drawn(0.05, 0.45) * drawn([0.8, 0.3, 0.3], [1, 0.7, 0.7], 3), self._inner[seen])
        colour = over(colour, drawn(0.65, 1.0).expand(-1, -1, 3), self._part["teeth"][seen])
        colour = over(colour, self._eyes(seen, scenes, drawn), self._part["sclera"][seen])
        light = functional.normalize(drawn([-1, -1.2, 0.6], [1, 0.4, 1.5], 3), dim=2)
        ambient = drawn(0.3, 0.75)
        shade = ambient + (1 - ambient) * (normals * light).sum(dim=2, keepdim=True).clamp(0) * drawn(1, 1.6)
        return colour * shade * drawn(0.9, 1.1, 3)

    def _eyes(self, seen: Tensor, scenes: Scenes, drawn: Drawn) -> Tensor:
        look = np.stack([scenes.expression @ side for side in self._look])
        look[..., 2] = np.sqrt((1 - look[..., 0] ** 2 - look[..., 1] ** 2).clip(0.1))
        left, right = (_tensor(side)[:, None] for side in look)
        gazes = torch.where(self._right[seen][..., None], right, left)
        along = (gazes * self._direction[seen]).sum(dim=2, keepdim=True)
        iris = drawn(0.1, 0.6) * drawn(0.3, 1, 3)
        eye = torch.where(along > math.cos(_IRIS), iris, drawn(0.75, 1.0))
        return torch.where(along > math.cos(_PUPIL), 0.03, eye)


def _backgrounds(count: int, side: int, rng: np.random.Generator) -> Tensor:
    """(count, side, side, 3): a random slope between two colours."""
    way = rng.uniform(0, 2 * math.pi, (count, 1, 1, 1))
    rows, columns = np.mgrid[0:side, 0:side] / side
    along = (np.cos(way) * rows[..., None] + np.sin(way) * columns[..., None] + 1) / 2
    one, other = rng.random((2, count, 1, 1, 3))
    return _tensor(one + along * (other - one))


def _inside(at: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(M,) Whether points lie in the polygon of `corners`, seen from the front (even-odd rule)."""
    inside = np.zeros(len(at), dtype=bool)
    for one, other in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crosses = (one[1] > at[:, 1]) != (other[1] > at[:, 1])
        slope = (other[0] - one[0]) / (other[1] - one[1] if other[1] != one[1] else 1)
        inside ^= crosses & (at[:, 0] < one[0] + slope * (at[:, 1] - one[1]))
    return inside


def _distance(at: np.ndarray, line: np.ndarray) -> np.ndarray:
    """(M,) How far points lie from a line of points, seen from the front."""
    steps = np.linspace(0, 1, 12)[:, None, None]
    dense = (line[None, :-1, :2] * (1 - steps) + line[None, 1:, :2] * steps).reshape(-1, 2)
    nearest: np.ndarray = np.linalg.norm(at[:, None, :2] - dense, axis=2).min(axis=1)
    return nearest


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32))
