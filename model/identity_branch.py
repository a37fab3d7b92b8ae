"""The frozen identity branch of a trained network as an embedding of its own: what the deviation starts from.

A baseline to measure beside the network; training never sees it.
"""

from pathlib import Path
from typing import ClassVar

from torch import Tensor
from torch.nn import functional

from model.backbone import FEATURES
from model.checkpoint import load_checkpoint
from model.device import chosen_device
from model.errors import CheckpointError
from model.inference import Embedder
from model.network import EmbeddingNetwork


class IdentityBranch(EmbeddingNetwork):
    """Float images (N, 3, S, S) to V_id (N, 512), scaled to length 1 as FaceNet's own output is."""

    FROZEN: ClassVar[str] = "network."
    KEEPS_FEATURES: ClassVar[bool] = True
    DIMENSIONS: ClassVar[int] = FEATURES

    def __init__(self, network: EmbeddingNetwork) -> None:
        """Of a network whose frozen part says one vector of each face."""
        super().__init__(network.config)
        self.network = network

    def features(self, images: Tensor) -> Tensor:
        """(N, 512)."""
        return self.network.features(images)

    def vectors(self, images: Tensor, features: Tensor | None = None) -> Tensor:
        """(N, 512)."""
        return self.features(images) if features is None else features

    def place(self, vectors: Tensor) -> Tensor:
        """(N, 512) to (N, 512) of length 1."""
        return functional.normalize(vectors.float(), dim=1)


def identity_embedder(checkpoint: Path, device: str | None = None) -> Embedder:
    """The identity branch of a checkpoint, ready to embed. Raises CheckpointError or DeviceError."""
    network, _, description = load_checkpoint(checkpoint)
    if not network.KEEPS_FEATURES:
        raise CheckpointError(f"{checkpoint}: {description.network.method} has no identity branch to measure")
    return Embedder(IdentityBranch(network), description, chosen_device(device))
