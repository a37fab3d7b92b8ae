"""The weighted two-term triplet loss (eq. 3 and 4) over a batch's embeddings.

Which triplets a batch holds is sampler.py's; distances are squared Euclidean throughout.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from model.crowd import CrowdLayer

MARGIN_ONE_CLASS = 0.1
MARGIN = 0.2


@dataclass(frozen=True)
class Judgements:
    """One row (n in all) for each annotator's own triplet, faces and triplets numbered within the batch.

    `anchor`, `positive`, `negative` (n,): as this annotator judged them: a dissenter's triplet is another
    one. `annotator` (n,): index in the crowd layer. `weight` (n,): W_k. `margin` (n,). `two_terms` (n,):
    whether the second term of eq. 4 counts. `triplet` (n,): the triplet judged, 0 to `triplets` - 1.
    """

    anchor: Tensor
    positive: Tensor
    negative: Tensor
    annotator: Tensor
    weight: Tensor
    margin: Tensor
    two_terms: Tensor
    triplet: Tensor
    triplets: int


def triplet_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: Tensor,
    two_terms: Tensor,
    sharpness: float | None = None,
) -> Tensor:
    """L_tri (n,) of embeddings (n, 16), eq. 4: r(|a-p|^2 - |a-n|^2 + m) + r(|a-p|^2 - |p-n|^2 + m).

    r is max(0, x) as in the paper, or with a sharpness s its smooth relative log(1 + exp(s x)) / s, whose
    gradient does not end at the margin.
    """
    near = (anchor - positive).square().sum(dim=-1)
    first = near - (anchor - negative).square().sum(dim=-1) + margin
    second = near - (positive - negative).square().sum(dim=-1) + margin
    return _rectified(first, sharpness) + _rectified(second, sharpness) * two_terms


def _rectified(values: Tensor, sharpness: float | None) -> Tensor:
    if sharpness is None:
        return functional.relu(values)
    return functional.softplus(values, beta=sharpness, threshold=40)  # its own 20 is off by 4e-10


def crowd_loss(
    embeddings: Tensor,
    judgements: Judgements,
    crowd: CrowdLayer | None = None,
    sharpness: float | None = None,
) -> Tensor:
    """Mean over the batch's triplets of eq. 3: (1 / K) sum over its K annotators of W_k L_tri(T^(k)).

    `embeddings` (F, 16) of the batch's faces, seen through each annotator's map if there is a crowd layer.
    K counts the annotators who named one (an "uncertain" has no triplet). Returns a scalar.
    """
    j = judgements
    offset: Tensor | int = 0
    seen = embeddings
    if crowd is not None:
        # All faces through the maps of the batch's annotators: cheaper than each triplet through its own.
        present, which = torch.unique(j.annotator, return_inverse=True)
        seen = crowd(embeddings, present).flatten(0, 1)
        offset = which * len(embeddings)
    losses = triplet_loss(
        seen[j.anchor + offset],
        seen[j.positive + offset],
        seen[j.negative + offset],
        j.margin,
        j.two_terms,
        sharpness,
    )
    raters = torch.bincount(j.triplet, minlength=j.triplets).to(losses.dtype)
    return (j.weight * losses / raters[j.triplet]).sum() / j.triplets
