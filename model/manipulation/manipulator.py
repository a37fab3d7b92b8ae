"""A trained manipulator in use: faces and embeddings in, faces out. Nothing here trains or reads pictures."""

from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from model.backbone import to_input
from model.device import chosen_device
from model.errors import CheckpointError, ImagesError
from model.inference import Embedder
from model.manipulation.files import About, load_manipulator
from model.manipulation.generator import Generator

# Faces made at once: what a CPU has in hand should fit its caches.
ON_CPU, ON_GPU = 16, 128


class Manipulator:
    """A generator ready to make faces of `size` px a side; `about` says where it came from."""

    def __init__(self, generator: Generator, about: About, device: torch.device) -> None:
        self.about = about
        self.size = generator.config.size
        self.dimensions = generator.config.dimensions
        self._device = device
        self._generator = generator.eval().to(device).to(memory_format=torch.channels_last)

    @classmethod
    def load(cls, folder: Path, device: str | None = None) -> Self:
        """From a manipulator's folder, on the GPU if there is one. Raises CheckpointError, DeviceError."""
        generator, about = load_manipulator(folder)
        return cls(generator, about, chosen_device(device))

    @torch.no_grad()
    def manipulate(self, sources: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
        """Each source with the expression of its embedding, uint8 (N, size, size, 3).

        Aligned crops, uint8 RGB (N, size, size, 3), and E_exp (N, 16) of the network that `about` names.
        Raises ImagesError for crops or embeddings of another shape.
        """
        count = len(sources)
        if sources.shape != (count, self.size, self.size, 3) or embeddings.shape != (count, self.dimensions):
            raise ImagesError(
                f"sources {sources.shape} and embeddings {embeddings.shape}: this manipulator takes "
                f"(N, {self.size}, {self.size}, 3) and (N, {self.dimensions})"
            )
        at_once = ON_CPU if self._device.type == "cpu" else ON_GPU
        made = np.empty_like(sources)
        for start in range(0, count, at_once):
            rows = slice(start, start + at_once)
            crops = torch.from_numpy(np.array(sources[rows])).to(self._device).permute(0, 3, 1, 2)
            wanted = torch.from_numpy(np.array(embeddings[rows], dtype=np.float32)).to(self._device)
            made[rows] = to_crops(self._generator(to_input(crops), wanted)).permute(0, 2, 3, 1).cpu().numpy()
        return made

    def check_embedding(self, embedder: Embedder) -> None:
        """Raise CheckpointError unless this is the network whose embeddings the generator has learnt."""
        if self.about.embedding.get("digest") != embedder.digest:
            raise CheckpointError(
                "the manipulator was trained with the embedding of another checkpoint: name that one"
            )


def to_crops(faces: Tensor) -> Tensor:
    """Float faces (N, 3, S, S) as backbone.to_input makes them, as uint8 again."""
    return (faces.float() * 128 + 127.5).round().clamp(0, 255).to(torch.uint8)


def between(start: np.ndarray, end: np.ndarray, steps: int, *, on_sphere: bool) -> np.ndarray:
    """`steps` embeddings (steps, D) in equal parts of the way from one (D,) to the other, both included.

    `on_sphere`: embeddings of length 1, as the default DLN's, keep it: the way is then an arc.
    """
    shares = np.linspace(0, 1, steps)[:, None]
    straight: np.ndarray = (1 - shares) * start + shares * end
    if not on_sphere:
        return straight.astype(np.float32)
    angle = np.arccos(np.clip(start @ end, -1, 1))
    if angle < 1e-4 or np.pi - angle < 1e-4:
        # No arc, or no single one.
        lengths = np.linalg.norm(straight, axis=1, keepdims=True)
        return (straight / np.maximum(lengths, 1e-6)).astype(np.float32)
    arc: np.ndarray = (np.sin((1 - shares) * angle) * start + np.sin(shares * angle) * end) / np.sin(angle)
    return arc.astype(np.float32)
