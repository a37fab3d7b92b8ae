"""The generator: a source face and a target's embedding to the source's person with the target's expression.

What it is trained by is losses.py's and trainer.py's.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.network import EMBEDDING

CODE = 64
BLOCKS = 2
GROUPS = 8
# How far, as a share of half the side, a place of the picture may be moved.
REACH = 0.25


@dataclass(frozen=True)
class GeneratorConfig:
    """What must be known to rebuild a generator; stored beside its weights."""

    size: int = 64
    width: int = 32
    dimensions: int = EMBEDDING


class Modulated(nn.Module):
    """A convolution whose normalised channels are scaled and shifted by the code (FiLM, Perez 2018)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(GROUPS, width, affine=False)
        self.modulation = nn.Linear(CODE, 2 * width)

    def forward(self, maps: Tensor, code: Tensor) -> Tensor:
        """Maps (N, C, H, W) and code (N, CODE) to maps (N, width, H, W)."""
        scale, shift = self.modulation(code)[:, :, None, None].chunk(2, dim=1)
        normed = self.norm(self.convolution(maps))
        return functional.silu(normed * (1 + scale) + shift)


class Generator(nn.Module):
    """An encoder and a decoder with skip connections, each layer of the decoder modulated by the embedding.

    It draws no picture from nothing: it moves the places of the source by a smooth field, and paints over
    the result where its mask is open. So pose, light, background and skin come from the source, and the
    expression, which moves lips, lids and brows and bares teeth, from the embedding.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        # Of the train faces' embeddings; see `take_units`.
        self.register_buffer("centre", torch.zeros(config.dimensions))
        self.register_buffer("spread", torch.ones(()))
        self.code = nn.Sequential(
            nn.Linear(config.dimensions, CODE), nn.SiLU(), nn.Linear(CODE, CODE), nn.SiLU()
        )
        self.halve = nn.ModuleList(
            [_halving(3, width), _halving(width, 2 * width), _halving(2 * width, 4 * width)]
        )
        self.blocks = nn.ModuleList(
            nn.ModuleList([Modulated(4 * width, 4 * width), Modulated(4 * width, 4 * width)])
            for _ in range(BLOCKS)
        )
        self.to_quarter = Modulated(6 * width, 2 * width)
        self.to_half = Modulated(3 * width, width)
        self.flow = nn.Conv2d(2 * width, 2, 3, padding=1)
        self.to_whole = Modulated(width + 3, width // 2)
        self.paint = nn.Conv2d(width // 2, 4, 3, padding=1)  # colour and mask
        self._begin_with_the_source()

    def take_units(self, embeddings: Tensor) -> None:
        """Take centre and spread from embeddings (F, D): those of the train faces, once, at the start."""
        with torch.no_grad():
            cast(Tensor, self.centre).copy_(embeddings.mean(dim=0))
            cast(Tensor, self.spread).copy_(embeddings.std(dim=0).square().mean().sqrt().clamp_min(1e-6))

    def standardised(self, embeddings: Tensor) -> Tensor:
        """Embeddings (N, D) from their centre, in units of their spread, one for all dimensions."""
        return (embeddings - cast(Tensor, self.centre)) / cast(Tensor, self.spread)

    def forward(self, sources: Tensor, embeddings: Tensor) -> Tensor:
        """Float faces (N, 3, S, S) in [-1, 1] and embeddings (N, D) to faces like the former."""
        code = self.code(self.standardised(embeddings))
        half, quarter, maps = self._encoded(sources)
        for first, second in cast("list[nn.ModuleList]", self.blocks):
            maps = maps + second(first(maps, code), code)
        quarter = self.to_quarter(torch.cat([_doubled(maps), quarter], dim=1), code)
        half = self.to_half(torch.cat([_doubled(quarter), half], dim=1), code)
        whole = self.to_whole(torch.cat([_doubled(half), sources.to(half.dtype)], dim=1), code)
        flow, paint = self.flow(quarter), self.paint(whole)
        # Places and colours need more digits than bfloat16 has.
        with torch.autocast(sources.device.type, enabled=False):
            moved = _moved(sources, flow.float())
            colour, mask = paint.float().split([3, 1], dim=1)
            return moved + mask.sigmoid() * (colour.tanh() - moved)

    def _encoded(self, sources: Tensor) -> list[Tensor]:
        """Maps at 1/2, 1/4 and 1/8 of the side."""
        maps = [sources]
        for layer in self.halve:
            maps.append(layer(maps[-1]))
        return maps[1:]

    def _begin_with_the_source(self) -> None:
        nn.init.zeros_(self.flow.weight)
        nn.init.zeros_(cast(Tensor, self.flow.bias))
        with torch.no_grad():
            cast(Tensor, self.paint.bias)[3] = -2.0  # nearly shut


def _halving(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.GroupNorm(GROUPS, width), nn.SiLU()
    )


def _doubled(maps: Tensor) -> Tensor:
    return functional.interpolate(maps, scale_factor=2, mode="nearest")


def _moved(pictures: Tensor, flow: Tensor) -> Tensor:
    """Pictures (N, 3, S, S), each place taken from where the flow (N, 2, s, s), enlarged, points."""
    count, _, height, width = pictures.shape
    flow = functional.interpolate(flow, size=(height, width), mode="bilinear", align_corners=False)
    still = torch.eye(2, 3, device=flow.device).expand(count, 2, 3)
    grid = functional.affine_grid(still, [count, 3, height, width], align_corners=False)
    grid = grid + REACH * flow.tanh().permute(0, 2, 3, 1)
    return functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
