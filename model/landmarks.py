"""Where the landmarks of a face lie on its crop, and through them its expression coefficients.

MTCNN's five points turn and scale the crop into a frame; a small network finds all landmarks in it. It learns
from renderings alone (landmark_training.py); the fit to what it finds is morphable.py's.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple, Self, cast

import numpy as np
import torch
from PIL import Image, ImageOps
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from model.alignment import CROP_SIZE
from model.backbone import FEATURES, SmallBackbone, to_input
from model.errors import DetectorError, ImagesError
from model.morphable import LandmarkShapes, MorphableModel, fit

# The frame shows this many model units of the mean face about this height (brows to below the chin).
FRAME_SIDE, FRAME_HEIGHT = 15.5, -0.7
# MTCNN wants some room around a face; less than this share of a crop is no face that it should find.
_ROOM, _SMALLEST = 0.18, 0.35
# On other pictures than renderings a landmark is farther off, by about so many model units each way.
PICTURES_OFF = 0.3
_AT_ONCE = 256


def five_of(points: np.ndarray) -> np.ndarray:
    """MTCNN's five points (..., 5, k) of landmarks (..., P, k): eyes, tip of the nose, mouth's corners."""
    eyes = (points[..., 36:42, :].mean(axis=-2), points[..., 42:48, :].mean(axis=-2))
    others = (points[..., 30, :], points[..., 48, :], points[..., 54, :])
    return np.stack([*eyes, *others], axis=-2)


class Frames(NamedTuple):
    """Similarities from F pictures to the frame, complex: a point x + iy goes to turn (x + iy) + shift."""

    turn: np.ndarray
    shift: np.ndarray

    @classmethod
    def of(cls, five: np.ndarray, points: LandmarkShapes) -> Self:
        """That bring five points (F, 5, 2) nearest to those of the mean face in the frame (least squares)."""
        mean = five_of(points.neutral)[:, :2] - [0, FRAME_HEIGHT]
        goal = _complex(0.5 + mean * [1, -1] / FRAME_SIDE)
        found = _complex(five)
        centred = found - found.mean(axis=1, keepdims=True)
        turn = (centred.conj() * (goal - goal.mean())).sum(axis=1) / (np.abs(centred) ** 2).sum(axis=1)
        return cls(turn, goal.mean() - turn * found.mean(axis=1))

    def back(self, points: np.ndarray) -> np.ndarray:
        """From the frame to the pictures: points (F, n, 2)."""
        found = (_complex(points) - self.shift[:, None]) / self.turn[:, None]
        return np.stack([found.real, found.imag], axis=2)


def _complex(points: np.ndarray) -> np.ndarray:
    made: np.ndarray = points[..., 0] + 1j * points[..., 1]
    return made


def five_points(crops: np.ndarray) -> np.ndarray:
    """MTCNN's five points (F, 5, 2), shares of the side, of crops uint8 RGB (F, S, S, 3).

    Where it finds no face they are where they mostly are in the other crops. Raises ImagesError if it finds
    none anywhere.
    """
    # Imported here: importing facenet_pytorch costs seconds.
    from facenet_pytorch import MTCNN

    room = round(_ROOM * CROP_SIZE)
    detector = MTCNN(keep_all=False, min_face_size=round(_SMALLEST * CROP_SIZE), device="cpu")
    found = np.full((len(crops), 5, 2), np.nan)
    for number, crop in enumerate(crops):
        image = Image.fromarray(crop).resize((CROP_SIZE, CROP_SIZE), Image.Resampling.BILINEAR)
        _, _, points = detector.detect(ImageOps.expand(image, room, (128, 128, 128)), landmarks=True)
        if points is not None:
            found[number] = (points[0] - room) / CROP_SIZE
    missing = np.isnan(found).any(axis=(1, 2))
    if len(crops) and missing.all():
        raise ImagesError("no face was found in any of the crops")
    if missing.any():
        found[missing] = np.median(found[~missing], axis=0)
    return found


def into_frame(crops: np.ndarray, frames: Frames, size: int) -> Tensor:
    """Crops uint8 (F, S, S, 3), turned and scaled into the frame: float (F, 3, size, size), as to_input."""
    # Twice the side, then averaged: the frame mostly shows less than the crop has.
    steps = torch.from_numpy((np.arange(2 * size) + 0.5) / (2 * size))
    rows, columns = (part.reshape(-1) for part in torch.meshgrid(steps, steps, indexing="ij"))
    grid = frames.back(np.broadcast_to(torch.stack([columns, rows], dim=1), (len(crops), 4 * size**2, 2)))
    places = torch.from_numpy(2 * grid - 1).float().reshape(-1, 2 * size, 2 * size, 2)
    images = to_input(torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2))
    sampled = functional.grid_sample(images, places, padding_mode="border", align_corners=False)
    return functional.avg_pool2d(sampled, 2)


@dataclass(frozen=True)
class DetectorConfig:
    """`size`: side of the frame that the network sees, px; `renderings` are each seen `epochs` times."""

    size: int = 72
    renderings: int = 6500
    epochs: int = 12
    batch: int = 64
    rate: float = 3e-3
    seed: int = 2


class LandmarkNetwork(nn.Module):
    """Crops to P landmarks: the compact backbone and one linear layer, around the mean landmarks."""

    mean: Tensor

    SPREAD = 0.05  # the order of a landmark's way from its mean, as a share of the crop

    def __init__(self, size: int, points: int) -> None:
        super().__init__()
        self.backbone = SmallBackbone(size, dropout=0.1)
        self.last = nn.Linear(FEATURES, 2 * points)
        self.register_buffer("mean", torch.zeros(points, 2))

    def forward(self, images: Tensor) -> Tensor:
        """Float images (N, 3, size, size) to landmarks (N, P, 2), shares of the side from the left top."""
        # Each picture in its own mean and contrast: renderings have another light than photographs.
        middle = images.mean((1, 2, 3), keepdim=True)
        even = (images - middle) / (images.std((1, 2, 3), keepdim=True) + 0.05)
        moved = self.last(functional.relu(self.backbone(even)))
        return cast(Tensor, moved.reshape(len(images), -1, 2) * self.SPREAD + self.mean)


@dataclass(frozen=True)
class LandmarkDetector:
    """A trained network and `noise` (2P, 2P): the covariance of its errors on renderings never seen."""

    network: LandmarkNetwork
    config: DetectorConfig
    noise: np.ndarray

    @torch.no_grad()
    def in_frame(self, crops: np.ndarray, points: LandmarkShapes) -> tuple[np.ndarray, Frames]:
        """Landmarks (F, P, 2) as shares of the frame, and the frames, of crops uint8 RGB (F, S, S, 3).

        Raises ImagesError if no crop shows a face.
        """
        frames = Frames.of(five_points(crops), points)
        found = np.empty((len(crops), len(points.neutral), 2))
        for start in range(0, len(crops), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            here = Frames(frames.turn[part], frames.shift[part])
            found[part] = self.network(into_frame(crops[part], here, self.config.size)).double().numpy()
        return found, frames


def expression_coefficients(
    crops: np.ndarray, shapes: MorphableModel, detector: LandmarkDetector
) -> np.ndarray:
    """The 3DMM baseline: expression coefficients (F, E) float32, 0 to 1, of aligned crops uint8 (F, S, S, 3).

    Landmarks by `detector`, then the model fitted to them, face by face: no face is told whose it is. Best
    from crops of CROP_SIZE. Raises ImagesError if no crop shows a face.
    """
    points = LandmarkShapes.of(shapes)
    landmarks, _ = detector.in_frame(crops, points)
    noise = detector.noise + np.eye(len(detector.noise)) * (PICTURES_OFF / FRAME_SIDE) ** 2
    parts = [
        fit(landmarks[start : start + _AT_ONCE], points, noise).expression
        for start in range(0, len(landmarks), _AT_ONCE)
    ]
    return np.concatenate([np.empty((0, len(shapes.names))), *parts]).astype(np.float32)


def save_detector(path: Path, detector: LandmarkDetector) -> None:
    """Writes one safetensors file with network, noise and config; the file is whole or not there."""
    tensors = detector.network.state_dict() | {"noise": torch.from_numpy(detector.noise)}
    part = path.with_name(f".{path.name}.part")
    save_file(
        {name: tensor.contiguous() for name, tensor in tensors.items()},
        part,
        {"config": json.dumps(asdict(detector.config))},
    )
    part.replace(path)


def load_detector(path: Path) -> LandmarkDetector:
    """What `save_detector` wrote. Raises DetectorError naming the file."""
    try:
        with safe_open(path, "pt") as file:
            config = DetectorConfig(**json.loads((file.metadata() or {})["config"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        noise = tensors.pop("noise").numpy()
        network = LandmarkNetwork(config.size, len(noise) // 2)
        network.load_state_dict(tensors)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise DetectorError(f"{path}: no landmark detector ({reason})") from None
    return LandmarkDetector(network.eval().to(memory_format=torch.channels_last), config, noise)
