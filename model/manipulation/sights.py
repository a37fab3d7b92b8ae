"""What the guide sees in every face of a snapshot, computed once: a picture's embedding never changes."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from model.backbone import to_input
from model.crops import take
from model.manipulation.guide import Guide

AT_ONCE = 64


class Sights(NamedTuple):
    """`embeddings` (2, F, D): of each face as it is, and mirrored. `identities` (F, 512): V_id, length 1."""

    embeddings: Tensor
    identities: Tensor

    def people(self, identity: np.ndarray, faces: np.ndarray) -> Tensor:
        """The mean V_id (P, 512) of each person over these faces, by the codes in `identity` (F,)."""
        codes = torch.from_numpy(identity[faces].astype(np.int64))
        sums = torch.zeros(int(identity.max()) + 1, self.identities.shape[1])
        sums.index_add_(0, codes, self.identities[torch.from_numpy(faces)])
        return functional.normalize(sums)


@torch.no_grad()
def look(guide: Guide, crops: np.ndarray, device: torch.device, progress: Callable[[int], None]) -> Sights:
    """Sights of all `crops` (F, S, S, 3) uint8, S the guide's; `progress` is told how many are done."""
    plain, mirrored, people = [], [], []
    for start in range(0, len(crops), AT_ONCE):
        faces = np.arange(start, min(start + AT_ONCE, len(crops)))
        images = to_input(take(crops, faces, device))
        seen = guide(images)
        plain.append(seen.embeddings.cpu())
        people.append(functional.normalize(seen.identities).cpu())
        mirrored.append(guide(images.flip(3)).embeddings.cpu())
        progress(int(faces[-1]) + 1)
    return Sights(torch.stack([torch.cat(plain), torch.cat(mirrored)]), torch.cat(people))
