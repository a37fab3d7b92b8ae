"""The discriminator: tells, patch by patch, real faces with their embeddings from made ones (PatchGAN).

It also reads embeddings from faces; both heads share its lower layers.
"""

from typing import NamedTuple, cast

from torch import Tensor, nn
from torch.nn import functional

from model.manipulation.generator import GROUPS, GeneratorConfig


class Opinion(NamedTuple):
    """What the discriminator says of N faces.

    `patches`: small ones (N, s, s) and, seen together with their surroundings, large ones (N, s/2, s/2), s an
    eighth of the side; 1 for a patch that passes for real, and as one of this expression; 0 for a made one.
    `reading` (N, D): the standardised embedding read from the face. `features` (N, C, s, s).
    """

    patches: tuple[Tensor, Tensor]
    reading: Tensor
    features: Tensor


class Verdict(nn.Module):
    """Judges each place of the maps. The embedding enters by projection (Miyato and Koyama 2018): the place's
    features times a vector that follows from the embedding."""

    def __init__(self, channels: int, dimensions: int) -> None:
        super().__init__()
        self.plain = nn.Conv2d(channels, 1, 1)
        self.project = nn.Linear(dimensions, channels, bias=False)

    def forward(self, maps: Tensor, embeddings: Tensor) -> Tensor:
        """Maps (N, C, H, W) and embeddings (N, D) to (N, H, W)."""
        asked = self.project(embeddings)[:, :, None, None]
        return cast(
            Tensor, (self.plain(maps)[:, 0] + (asked * maps).sum(dim=1) / maps.shape[1] ** 0.5).float()
        )


class Discriminator(nn.Module):
    """Four strided convolutions; patches are judged after the third and after the fourth.

    The reader is taught on real faces only, so that what the generator does to please the frozen DLN alone
    is not read as an expression here.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        width = config.width
        self.trunk = nn.ModuleList(
            [
                nn.Conv2d(3, width, 4, stride=2, padding=1),
                _halving(width, 2 * width),
                _halving(2 * width, 4 * width),
            ]
        )
        self.last = _halving(4 * width, 4 * width)
        self.small = Verdict(4 * width, config.dimensions)
        self.large = Verdict(4 * width, config.dimensions)
        self.read = nn.Linear(4 * width * (config.size // 16) ** 2, config.dimensions)

    def forward(self, faces: Tensor, embeddings: Tensor) -> Opinion:
        """Of float faces (N, 3, S, S) in [-1, 1], each with the standardised embedding (N, D) asked for."""
        maps = faces
        for layer in self.trunk:
            maps = functional.leaky_relu(layer(maps), 0.2)
        last = functional.leaky_relu(self.last(maps), 0.2)
        patches = (self.small(maps, embeddings), self.large(last, embeddings))
        return Opinion(patches, self.read(last.flatten(1)).float(), maps.float())


def _halving(channels: int, width: int) -> nn.Sequential:
    # Not instance normalisation: it makes every face's mean of each channel the same, and with it nearly the
    # mean of what is said of its patches, so that no face as a whole could pass for real, or fail.
    return nn.Sequential(nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.GroupNorm(GROUPS, width))
