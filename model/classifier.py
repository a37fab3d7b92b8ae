"""AFFNet-CL, the baseline: a classifier of expression labels whose penultimate layer is the embedding.

It learns from labels, not from triplets; it starts from the same identity backbone as the other methods.
"""

from typing import ClassVar, cast

from torch import Tensor, nn
from torch.nn import functional

from model.backbone import FEATURES, frozen
from model.network import EmbeddingNetwork, NetworkConfig


class ExpressionClassifier(EmbeddingNetwork):
    """The backbone's vector (N, 512), scaled to length 1. No triplet trains it: all of it is frozen."""

    FROZEN: ClassVar[str] = "backbone."
    KEEPS_FEATURES: ClassVar[bool] = True
    DIMENSIONS: ClassVar[int] = FEATURES

    def __init__(self, config: NetworkConfig, identity: nn.Module) -> None:
        """`identity`: the backbone, trained by identity.learn_labels or to be so."""
        super().__init__(config)
        self.backbone = frozen(identity)

    def train(self, mode: bool = True) -> "ExpressionClassifier":
        """As nn.Module.train, but never thaws the backbone."""
        super().train(mode)
        self.backbone.eval()
        return self

    def features(self, images: Tensor) -> Tensor:
        """(N, 512)."""
        return cast(Tensor, self.backbone(images))

    def vectors(self, images: Tensor, features: Tensor | None = None) -> Tensor:
        """(N, 512)."""
        return self.features(images) if features is None else features

    def place(self, vectors: Tensor) -> Tensor:
        """(N, 512) to (N, 512) of length 1."""
        return functional.normalize(vectors.float(), dim=1)
