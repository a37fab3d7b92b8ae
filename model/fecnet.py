"""FECNet, the baseline (Vemulapalli and Agarwala 2019): a frozen face network's maps under a DenseNet head.

Its trunk is the lower part of the same identity backbone that the DLN starts from.
"""

from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.backbone import BackboneName, feature_maps, frozen
from model.network import EMBEDDING, EmbeddingNetwork, NetworkConfig

LAYERS = 5
# Filters of the 1 x 1 convolutions, and what each layer of the dense block adds. FaceNet's are the
# paper's; the small backbone has a tenth of FaceNet's channels.
WIDTHS: dict[BackboneName, tuple[int, int]] = {"facenet": (512, 64), "small": (128, 32)}


class DenseBlock(nn.Module):
    """Each layer (3 x 3 convolution) sees the maps of all before it (Huang et al. 2017)."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(channels + number * growth),
                nn.ReLU(inplace=False),
                nn.Conv2d(channels + number * growth, growth, 3, padding=1, bias=False),
            )
            for number in range(LAYERS)
        )

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C + 5 growth, H, W)."""
        for layer in self.layers:
            maps = torch.cat([maps, layer(maps)], dim=1)
        return maps


class FECNet(EmbeddingNetwork):
    """Trunk, 1 x 1 convolution, dense block, 1 x 1 convolution, mean over the map, 512, 16, length 1."""

    FROZEN: ClassVar[str] = "trunk."
    KEEPS_FEATURES: ClassVar[bool] = False

    def __init__(self, config: NetworkConfig, identity: nn.Module) -> None:
        """The trunk is taken from `identity`, a backbone of the config's kind and size."""
        super().__init__(config)
        trunk, channels = feature_maps(identity, config.backbone)
        width, growth = WIDTHS[config.backbone]
        self.trunk = frozen(trunk)
        self.head = nn.Sequential(
            nn.Conv2d(channels, width, 1, bias=False),
            DenseBlock(width, growth),
            nn.BatchNorm2d(width + LAYERS * growth),
            nn.ReLU(inplace=True),
            nn.Conv2d(width + LAYERS * growth, 512, 1),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(512, 512),
            nn.ReLU(inplace=True),
            nn.Linear(512, EMBEDDING),
        )

    def train(self, mode: bool = True) -> "FECNet":
        """As nn.Module.train, but never thaws the trunk."""
        super().train(mode)
        self.trunk.eval()
        return self

    def features(self, images: Tensor) -> Tensor:
        """Feature maps (N, C, H, W) of the trunk."""
        return cast(Tensor, self.trunk(images)).detach()

    def vectors(self, images: Tensor, features: Tensor | None = None) -> Tensor:
        """(N, 16), not yet of length 1."""
        return cast(Tensor, self.head(self.features(images) if features is None else features))

    def place(self, vectors: Tensor) -> Tensor:
        """(N, 16) to (N, 16) of length 1."""
        return functional.normalize(vectors.float(), dim=1)
