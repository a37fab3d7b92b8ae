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

    Annotators that it does not know (index UNSEEN) see the common embedding itself. `centred` keeps the
    mean of all maps at the identity: what all annotators have in common must then be learnt by the
    embedding, which stays, and not by the maps, which are dropped.
    """

    def __init__(self, annotators: Sequence[str], *, centred: bool = False) -> None:
        super().__init__()
        self.annotators = tuple(annotators)
        self.centred = centred
        self.maps = nn.Parameter(torch.eye(EMBEDDING).repeat(len(self.annotators), 1, 1))
        self._index = {annotator: index for index, annotator in enumerate(self.annotators)}

    @property
    def views(self) -> Tensor:
        """M_k (A, 16, 16) as they act."""
        if not self.centred:
            return self.maps
        return self.maps - self.maps.mean(dim=0) + self._identity()

    def take_over(self, earlier: "CrowdLayer") -> None:
        """Begin with an earlier layer's map for each annotator that it knows."""
        for row, annotator in enumerate(self.annotators):
            if (known := earlier._index.get(annotator)) is not None:
                self.maps.data[row] = earlier.views.detach()[known]

    def indices(self, annotators: Iterable[str]) -> Tensor:
        """Index of each annotator (n,), UNSEEN for those that the layer does not know."""
        return torch.tensor([self._index.get(name, UNSEEN) for name in annotators], dtype=torch.long)

    def forward(self, embeddings: Tensor, annotators: Tensor) -> Tensor:
        """Every embedding (F, 16) as every one of `annotators` (A,) (indices) sees it: (A, F, 16)."""
        views = torch.cat([self.views, self._identity()[None]])  # UNSEEN, -1, picks the last
        return torch.einsum("fi,aoi->afo", embeddings, views[annotators])

    def bias(self) -> Tensor:
        """How far the maps are from the identity: mean over annotators of |M_k - I|^2, a scalar."""
        return (self.views - self._identity()).square().sum(dim=(1, 2)).mean()

    def _identity(self) -> Tensor:
        return torch.eye(EMBEDDING, dtype=self.maps.dtype, device=self.maps.device)
