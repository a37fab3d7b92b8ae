"""The frozen DLN as training asks it: what embedding, and whose identity vector, a made face has.

Its parameters take no gradient; gradients pass through both of its branches to the face.
"""

from pathlib import Path
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.augmentation import Augmentation, augment
from model.backbone import frozen
from model.checkpoint import load_checkpoint
from model.dln import DeviationLearningNetwork
from model.errors import CheckpointError
from model.inference import Embedder

# What a face may be changed by before the DLN sees it: what it has learnt to see through. So a pattern
# of single pixels that happens to move the embedding does not last.
_SEEN = Augmentation(mirror=False, light=0.1, contrast=0.1, tint=0.05)


class Seen(NamedTuple):
    """E_exp (N, 16) and V_id (N, 512) of faces."""

    embeddings: Tensor
    identities: Tensor


class Guide(nn.Module):
    """A trained DLN that tells the generator how far its faces are from what is asked for."""

    def __init__(self, network: DeviationLearningNetwork) -> None:
        super().__init__()
        self.network = frozen(network)
        self.size = network.config.size

    def train(self, mode: bool = True) -> "Guide":
        """As nn.Module.train, but the DLN stays as it is."""
        super().train(mode)
        self.network.eval()
        return self

    def forward(self, faces: Tensor, *, changed: bool = False) -> Seen:
        """What the DLN finds in float faces (N, 3, S, S); `changed`: lightly augmented first."""
        if faces.shape[-1] != self.size:
            faces = functional.interpolate(
                faces, size=(self.size, self.size), mode="bilinear", antialias=True, align_corners=False
            )
        if changed:
            faces = augment(faces, _SEEN, mirrored=False)
        network = cast(DeviationLearningNetwork, self.network)
        identities = network.features(faces)
        return Seen(network(faces, identities), identities)


def load_guide(checkpoint: Path, device: torch.device) -> tuple[Guide, Embedder]:
    """The DLN in `checkpoint`, to learn by and to embed by. Raises CheckpointError if it is none."""
    network, _, description = load_checkpoint(checkpoint)
    if not isinstance(network, DeviationLearningNetwork):
        raise CheckpointError(
            f"{checkpoint} holds a {network.config.method}: manipulation takes a DLN, whose identity branch "
            "says whose face it is"
        )
    embedder = Embedder(network, description, device)
    return Guide(network).to(device), embedder
