"""Trains the landmark network on renderings of a morphable model: no photograph, no data set, no label.

What the network is and how it is used: landmarks.py. How renderings are drawn: renderings.py.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from model.augmentation import Augmentation, augment
from model.backbone import to_input
from model.landmarks import DetectorConfig, LandmarkDetector, LandmarkNetwork, load_detector, save_detector
from model.morphable import LandmarkShapes, MorphableModel, project
from model.renderings import Renderer, Scenes, random_scenes

# Renderings are this much wider than the frames cut from them at random, in the network's pixels.
MARGIN = 8
# One of so many renderings is kept from training, to see how far off the network is.
CHECKED = 16
_AT_ONCE = 256
_LIGHT = Augmentation(mirror=False, turn=0, zoom=0, shift=0, light=0.1, contrast=0.3, tint=0.1)

Progress = Callable[[str, int, int], None]  # what is under way, how much is done, of how much


def train_detector(
    shapes: MorphableModel, config: DetectorConfig | None = None, progress: Progress | None = None
) -> LandmarkDetector:
    """Draws renderings of `shapes` and trains a network on them, on the CPU; the seed fixes the outcome."""
    config = config or DetectorConfig()
    points = LandmarkShapes.of(shapes)
    tell = progress or (lambda what, done, total: None)
    pictures, landmarks = _renderings(shapes, points, config, tell)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = LandmarkNetwork(config.size, len(points.neutral)).to(memory_format=torch.channels_last)
        network.mean.copy_(_middle(landmarks, config.size).mean(dim=0))
        learn = len(pictures) - len(pictures) // CHECKED
        _train(network, pictures[:learn], landmarks[:learn], _twins(points), config, tell)
        noise = _errors(network.eval(), pictures[learn:], landmarks[learn:], config)
    return LandmarkDetector(network, config, noise)


def trained_detector(
    shapes: MorphableModel, path: Path, config: DetectorConfig | None = None, progress: Progress | None = None
) -> LandmarkDetector:
    """The detector kept at `path`; trained and written there first if there is none. Raises DetectorError."""
    if not path.exists():
        save_detector(path, train_detector(shapes, config, progress))
    return load_detector(path)


def _renderings(
    shapes: MorphableModel, points: LandmarkShapes, config: DetectorConfig, tell: Progress
) -> tuple[Tensor, Tensor]:
    """uint8 pictures (N, 3, size + MARGIN, size + MARGIN) and their landmarks (N, P, 2)."""
    rng = np.random.default_rng(config.seed)
    renderer = Renderer(shapes)
    wider = 1 + MARGIN / config.size
    pictures, landmarks = [], []
    for start in range(0, config.renderings, 16):
        scenes = random_scenes(min(16, config.renderings - start), shapes, points, wider, rng)
        pictures.append(renderer.draw(scenes, config.size + MARGIN, rng))
        landmarks.append(_projected(scenes, points))
        tell("draw", start + len(pictures[-1]), config.renderings)
    return torch.cat(pictures), torch.from_numpy(np.concatenate(landmarks)).float()


def _projected(scenes: Scenes, points: LandmarkShapes) -> np.ndarray:
    return project(points.at(scenes.identity, scenes.expression), scenes.rotation, scenes.scale, scenes.shift)


def _train(
    network: LandmarkNetwork,
    pictures: Tensor,
    landmarks: Tensor,
    twins: Tensor,
    config: DetectorConfig,
    tell: Progress,
) -> None:
    steps = max(1, len(pictures) // config.batch)
    optimiser = torch.optim.AdamW(network.parameters(), config.rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.rate, total_steps=steps * config.epochs, pct_start=0.15
    )
    network.train()
    for epoch in range(config.epochs):
        for rows in torch.randperm(len(pictures))[: steps * config.batch].chunk(steps):
            images, wanted = _varied(pictures[rows], landmarks[rows], twins, config.size)
            # Scaled, so that it leaves Adam's epsilon far behind; linear beyond 2 % of the side.
            loss = 100 * functional.smooth_l1_loss(network(images), wanted, beta=0.02)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        tell("learn", epoch + 1, config.epochs)


def _varied(pictures: Tensor, landmarks: Tensor, twins: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """A batch as the network is to see it: cut and mirrored at random, in other light, blurred, noisy."""
    left, top = torch.randint(0, MARGIN + 1, (2,)).tolist()
    images = to_input(pictures[:, :, top : top + size, left : left + size])
    wanted = _cut(landmarks, torch.tensor([left, top]), size)
    if torch.rand(()) < 0.5:
        images, wanted = images.flip(3), wanted[:, twins] * torch.tensor([-1, 1]) + torch.tensor([1, 0])
    images = augment(images, _LIGHT, mirrored=False)
    if torch.rand(()) < 0.5:
        soft = functional.avg_pool2d(functional.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)
        images = 0.6 * soft + 0.4 * images
    images = images + torch.randn_like(images) * torch.rand(len(images), 1, 1, 1) * 0.06
    return images.contiguous(memory_format=torch.channels_last), wanted


def _cut(landmarks: Tensor, corner: Tensor, size: int) -> Tensor:
    """Landmarks on a rendering as shares of the crop of `size` px that starts at `corner` (left, top)."""
    return (landmarks * (size + MARGIN) - corner) / size


def _middle(landmarks: Tensor, size: int) -> Tensor:
    return _cut(landmarks, torch.tensor([MARGIN // 2, MARGIN // 2]), size)


def _twins(points: LandmarkShapes) -> Tensor:
    """(P,) Which landmark each one is in the mirror: the nearest one on the mean face."""
    mirrored = points.neutral * [-1, 1, 1]
    apart = np.linalg.norm(mirrored[:, None] - points.neutral, axis=2)
    return torch.from_numpy(apart.argmin(axis=1))


@torch.no_grad()
def _errors(
    network: LandmarkNetwork, pictures: Tensor, landmarks: Tensor, config: DetectorConfig
) -> np.ndarray:
    """(2P, 2P) covariance of the network's errors, at least a twentieth of a pixel each way."""
    start = MARGIN // 2
    cut = pictures[:, :, start : start + config.size, start : start + config.size]
    found = torch.cat([network(to_input(part)) for part in cut.split(_AT_ONCE)])
    errors = (found - _middle(landmarks, config.size)).flatten(1).double().numpy()
    floor = np.eye(errors.shape[1]) * (0.05 / config.size) ** 2
    covariance: np.ndarray = errors.T @ errors / len(errors) + floor
    return covariance
