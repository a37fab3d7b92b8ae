"""Random changes of a training picture that leave its expression as it is.

Applied to a batch already on its device; evaluation and embedding never pass here.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Augmentation:
    """Largest change of each kind; 0 or False turns it off. Crops are aligned, so all are light.

    `turn` in degrees; `zoom` and `shift` as shares of the side; `light`, `contrast` and `tint` as shares of
    the input's range. `mirror` flips a whole batch or none of it: which of two smirks is nearer to a
    third holds in the mirror only if all three are in it.
    """

    mirror: bool = True
    turn: float = 7.0
    zoom: float = 0.1
    shift: float = 0.1
    light: float = 0.2
    contrast: float = 0.25
    tint: float = 0.075


NONE = Augmentation(mirror=False, turn=0, zoom=0, shift=0, light=0, contrast=0, tint=0)


def augment(images: Tensor, by: Augmentation, *, mirrored: bool) -> Tensor:
    """Float images (N, 3, S, S) in [-1, 1], each changed at random (torch's global generator); same shape.

    `mirrored` is drawn by the caller, for a whole batch and only `by.mirror`: its parts may be elsewhere.
    """
    if by.turn or by.zoom or by.shift:
        images = _moved(images, by)
    if by.mirror and mirrored:
        images = images.flip(3)
    if by.contrast or by.light or by.tint:
        offset = _uniform(images, 1, 2 * by.light) + _uniform(images, 3, 2 * by.tint)
        images = torch.addcmul(offset, images, 1 + _uniform(images, 1, by.contrast))
    return images


def _moved(images: Tensor, by: Augmentation) -> Tensor:
    count = len(images)
    angle = (2 * torch.rand(count) - 1) * math.radians(by.turn)
    scale = 1 + (2 * torch.rand(count) - 1) * by.zoom
    cosine, sine = scale * angle.cos(), scale * angle.sin()
    shift = (2 * torch.rand(2, count) - 1) * by.shift
    rows = torch.stack([cosine, -sine, shift[0], sine, cosine, shift[1]], dim=1).reshape(count, 2, 3)
    grid = functional.affine_grid(rows.to(images), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _uniform(images: Tensor, channels: int, largest: float) -> Tensor:
    values = (2 * torch.rand(len(images), channels, 1, 1) - 1) * largest
    return values.to(images)
