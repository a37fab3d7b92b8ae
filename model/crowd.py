"""The crowd layer: one 16 x 16 linear map per annotator, between the embedding and the loss.

It exists while training only; an embedding never passes through it at inference.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from model.network import EMBEDDING

UNSEEN = -1


class CrowdLayer(nn.Module):
    """Each annotator's view of the common embedding (section 3.3): E_k = M_k E, M_k the identity at first.

    Annotators that it does not know (index UNSEEN) see the common embedding itself.
    """

    def __init__(self, annotators: Sequence[str]) -> None:
        super().__init__()
        self.annotators = tuple(annotators)
        self.maps = nn.Parameter(torch.eye(EMBEDDING).repeat(len(self.annotators), 1, 1))
        self._index = {annotator: index for index, annotator in enumerate(self.annotators)}

    def take_over(self, earlier: "CrowdLayer") -> None:
        """Begin with an earlier layer's map for each annotator that it knows."""
        for row, annotator in enumerate(self.annotators):
            if (known := earlier._index.get(annotator)) is not None:
                self.maps.data[row] = earlier.maps.data[known]

    def indices(self, annotators: Iterable[str]) -> Tensor:
        """Index of each annotator (n,), UNSEEN for those that the layer does not know."""
        return torch.tensor([self._index.get(name, UNSEEN) for name in annotators], dtype=torch.long)

    def forward(self, embeddings: Tensor, annotators: Tensor) -> Tensor:
        """Every embedding (F, 16) as every one of `annotators` (A,) (indices) sees it: (A, F, 16)."""
        identity = torch.eye(EMBEDDING, dtype=self.maps.dtype, device=self.maps.device)
        maps = torch.cat([self.maps, identity[None]])  # UNSEEN, -1, picks the last
        return torch.einsum("fi,aoi->afo", embeddings, maps[annotators])

    def bias(self) -> Tensor:
        """How far the maps are from the identity: mean over annotators of |M_k - I|^2, a scalar."""
        identity = torch.eye(EMBEDDING, dtype=self.maps.dtype, device=self.maps.device)
        return (self.maps - identity).square().sum(dim=(1, 2)).mean()
