"""Where a face is drawn: from face units through the pose to pixels, flat shapes at three times the size,
then light and soft shading on the reduced picture. Knows shapes, not faces.

Face units: x right, y down, z out of the picture; the eyes lie on y = 0 and the cheeks reach x = -1 and 1."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

SUPERSAMPLE = 3
UNIT = 0.302
"""Pixels of a face unit, as a share of the picture's size."""
EYE_LINE = 0.458
"""Where the eyes' line lies, as a share of the picture's height."""

Points = np.ndarray
Ink = tuple[int, ...]
Tint = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Pose:
    """How the head is held. Angles in radians; shifts in face units."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    scale: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Pose":
        """As in a snapshot cropped by the eyes: mostly frontal, seldom more than 15 degrees."""
        turn = np.clip(rng.normal(0.0, (0.13, 0.07, 0.06)), (-0.28, -0.15, -0.13), (0.28, 0.15, 0.13))
        return cls(*map(float, turn), *map(float, (rng.uniform(0.95, 1.05), *rng.normal(0.0, 0.025, 2))))


@dataclass(frozen=True, slots=True)
class Light:
    """Where the light comes from (-1 left or above .. 1), how hard it is, and its tint."""

    x: float = -0.4
    y: float = -0.5
    hardness: float = 0.34
    tint: Tint = (1.0, 1.0, 1.0)

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Light":
        """Daylight, lamplight or shade, from anywhere above."""
        warmth, level = rng.normal(0.0, 0.03), rng.uniform(0.92, 1.07)
        tint = (level * (1 + warmth), level, level * (1 - warmth))
        return cls(rng.uniform(-0.8, 0.8), rng.uniform(-0.8, -0.2), rng.uniform(0.24, 0.46), tint)


@dataclass(slots=True)
class Blob:
    """A soft patch: channels are multiplied by 1 + gain * tint at its middle."""

    x: float
    y: float
    width: float
    height: float
    gain: float
    tint: Tint = (1.0, 1.0, 1.0)


@lru_cache(maxsize=64)
def _weights(count: int, closed: bool, steps: int) -> np.ndarray:
    """Catmull-Rom weights, (points, count), for a curve through `count` control points."""
    spans = count if closed else count - 1
    at = np.linspace(0, spans, spans * steps + (not closed), endpoint=not closed)
    start = np.minimum(at.astype(int), spans - 1)
    t = at - start
    cubic = (
        np.stack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]) / 2
    )
    weights = np.zeros((len(at), count))
    for offset in range(4):
        index = start + offset - 1
        index = index % count if closed else np.clip(index, 0, count - 1)
        np.add.at(weights, (np.arange(len(at)), index), cubic[offset])
    return weights


def spline(points: Sequence[Sequence[float]] | Points, *, closed: bool = False, steps: int = 8) -> Points:
    """A smooth curve (n, 2) through the points."""
    control = np.asarray(points, float)
    return _weights(len(control), closed, steps) @ control


def mirrored(points: Sequence[Sequence[float]] | Points) -> Points:
    """The points, then their mirror images in reverse order: a symmetrical outline."""
    right = np.asarray(points, float)
    left = right[::-1] * (-1, 1)
    return np.concatenate([right, left])


def ellipse(x: float, y: float, width: float, height: float, steps: int = 28) -> Points:
    """An ellipse (n, 2) with these half axes."""
    angle = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    return np.stack([x + width * np.cos(angle), y + height * np.sin(angle)], axis=1)


@dataclass(slots=True)
class Canvas:
    """A picture being drawn. Regions ("skin", "hair") are kept beside it, to be shaded at the end."""

    size: int
    pose: Pose
    light: Light
    image: Image.Image = field(init=False)
    draw: ImageDraw.ImageDraw = field(init=False)
    blobs: list[Blob] = field(init=False, default_factory=list)
    regions: dict[str, ImageDraw.ImageDraw] = field(init=False)
    masks: dict[str, Image.Image] = field(init=False)

    def __post_init__(self) -> None:
        wide = (self.size * SUPERSAMPLE,) * 2
        self.image = Image.new("RGB", wide)
        self.draw = ImageDraw.Draw(self.image, "RGBA")
        self.masks = {name: Image.new("L", wide) for name in ("skin", "hair")}
        self.regions = {name: ImageDraw.Draw(mask) for name, mask in self.masks.items()}

    @property
    def unit(self) -> float:
        """Pixels of the large picture to a face unit."""
        return self.size * SUPERSAMPLE * UNIT * self.pose.scale

    def project(self, points: Points, depth: float | Points | None = None, lift: float = 0.0) -> Points:
        """Face units (n, 2) to pixels of the large picture (n, 2).

        `depth` is z; without it the points lie on the face's surface, `lift` above it.
        """
        x, y = points[:, 0], points[:, 1]
        if depth is None:
            depth = 0.95 * np.sqrt(np.clip(1 - (x / 1.2) ** 2 - ((y - 0.1) / 1.75) ** 2, 0, None)) + lift
        pose = self.pose
        # The crop follows the features, so half of what they move by is taken back.
        turned_x = x * np.cos(pose.yaw) + (depth - 0.5) * np.sin(pose.yaw)
        turned_y = y * np.cos(pose.pitch) - (depth - 0.5) * np.sin(pose.pitch)
        cos, sin = np.cos(pose.roll), np.sin(pose.roll)
        right = turned_x * cos - turned_y * sin + pose.shift_x
        down = turned_x * sin + turned_y * cos + pose.shift_y
        edge = self.size * SUPERSAMPLE
        return np.stack([right * self.unit + edge / 2, down * self.unit + edge * EYE_LINE], axis=1)

    def polygon(
        self,
        points: Points,
        ink: Ink,
        *,
        depth: float | Points | None = None,
        lift: float = 0.0,
        region: str | None = None,
    ) -> None:
        """Fill an outline given in face units. `region` "" takes what it covers out of every region."""
        pixels = self.project(points, depth, lift).ravel().tolist()
        self.draw.polygon(pixels, fill=ink)
        if region is not None:
            for name, mask in self.regions.items():
                mask.polygon(pixels, fill=255 if name == region else 0)

    def ribbon(
        self,
        points: Points,
        width: float | Points,
        ink: Ink,
        *,
        depth: float | Points | None = None,
        lift: float = 0.0,
    ) -> None:
        """A line (n, 2) of the given width (one or n, face units); pointed if the width ends at 0."""
        along = np.gradient(points, axis=0)
        normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
        half = normal * (np.broadcast_to(width, len(points))[:, None] / 2)
        if isinstance(depth, np.ndarray):
            depth = np.concatenate([depth, depth[::-1]])
        self.polygon(np.concatenate([points + half, (points - half)[::-1]]), ink, depth=depth, lift=lift)

    def line(self, points: Sequence[Sequence[float]], width: float, ink: Ink, *, lift: float = 0.0) -> None:
        """A smooth line through the points that thins out towards both ends."""
        curve = spline(points)
        taper = np.sin(np.linspace(0.04, np.pi - 0.04, len(curve))) ** 0.7
        self.ribbon(curve, width * taper, ink, lift=lift)

    def masked(self, tile: Image.Image, corner: tuple[int, int], outline: Points) -> None:
        """Paste a tile at a pixel, but only inside an outline given in pixels."""
        mask = Image.new("L", tile.size)
        ImageDraw.Draw(mask).polygon((outline - corner).ravel().tolist(), fill=255)
        self.image.paste(tile, corner, mask)

    def blob(
        self, x: float, y: float, width: float, height: float, gain: float, tint: Tint = (1.0, 1.0, 1.0)
    ) -> None:
        """Remember a soft patch on the skin, in face units; see `Blob`."""
        self.blobs.append(Blob(x, y, width, height, gain, tint))

    def finish(self) -> Image.Image:
        """Reduce the picture and light it: the head as a ball, soft skin, strands of hair."""
        small = (self.size, self.size)
        picture = np.asarray(self.image.resize(small, Image.Resampling.LANCZOS), np.float32)
        skin, hair = (
            np.asarray(self.masks[name].reduce(SUPERSAMPLE), np.float32) / 255 for name in self.masks
        )
        gain = self._patches() * skin
        gain += 1 + self._ball() * (skin + hair) + self._strands() * hair
        gain *= np.array(self.light.tint, np.float32)[:, None, None]
        lit = np.clip(picture * gain.transpose(1, 2, 0), 0, 255)
        return Image.fromarray(np.ascontiguousarray(lit.astype(np.uint8)))

    def _grid(self) -> tuple[Points, Points]:
        """x and y in face units, straightened by the roll, of every pixel of the small picture."""
        unit = self.unit / SUPERSAMPLE
        right = ((np.arange(self.size, dtype=np.float32) + 0.5 - self.size / 2) / unit - self.pose.shift_x)[
            None
        ]
        down = (
            np.arange(self.size, dtype=np.float32) + 0.5 - self.size * EYE_LINE
        ) / unit - self.pose.shift_y
        cos, sin = np.float32(np.cos(self.pose.roll)), np.float32(np.sin(self.pose.roll))
        return right * cos + down[:, None] * sin, down[:, None] * cos - right * sin

    def _ball(self) -> Points:
        """How much the light adds to an egg of the head's size, about -hardness .. hardness / 4."""
        x, y = self._grid()
        u, v = x / 1.22, (y - 0.05) / 1.62
        out = np.sqrt(np.clip(1 - u * u - v * v, 0, None))
        towards = np.array([self.light.x, self.light.y, 1.1], np.float32)
        towards /= np.linalg.norm(towards)
        facing = u * towards[0] + v * towards[1] + out * towards[2]
        return np.float32(self.light.hardness) * (np.clip(facing, 0, 1) * np.float32(1.5) - np.float32(1.25))

    def _patches(self) -> Points:
        """The sum of all soft patches (3, size, size): Gaussian hills where they lie on the face."""
        if not self.blobs:
            return np.zeros((3, self.size, self.size), np.float32)
        places = np.array([(blob.x, blob.y) for blob in self.blobs])
        centres = self.project(places)[:, :, None] / SUPERSAMPLE
        extents = np.array([(blob.width, blob.height) for blob in self.blobs])[:, :, None]
        extents = extents * self.unit / SUPERSAMPLE
        at = np.arange(self.size) + 0.5
        hills = np.exp(-(((at - centres) / extents) ** 2)).astype(np.float32)
        patches = np.zeros((3, self.size, self.size), np.float32)
        # Not one product of matrices: BLAS would start its threads in each of the processes that draw.
        for blob, (across, downward) in zip(self.blobs, hills, strict=True):
            hill = np.outer(downward * np.float32(blob.gain), across)
            for channel, tint in enumerate(blob.tint):
                patches[channel] += hill if tint == 1 else hill * np.float32(tint)
        return patches

    def _strands(self) -> Points:
        """Shine in an arc over the crown, and strands that run from it."""
        x, y = self._grid()
        radius = np.hypot(x, (y + 0.1) * 0.85)
        angle = np.arctan2(x, -(y + 0.35))
        shine = np.exp(-(((radius - 0.98) / 0.1) ** 2)) * np.clip(-y, 0, 1) * (1 + 0.5 * self.light.x * x)
        strands = np.sin(angle * 37 + 2 * np.sin(angle * 9)) * 0.5 + np.sin(angle * 83 + radius * 5) * 0.35
        return 0.17 * shine * (1 + 0.8 * strands) + 0.06 * strands
