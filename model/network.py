"""What every embedding network of this package is: a frozen part, a learning part, and one 16-d embedding.

The Deviation Learning Network is dln.py's, the baselines are fecnet.py's and classifier.py's.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn

from model.backbone import BackboneName

EMBEDDING = 16

Method = Literal["dln", "fecnet", "classifier"]


@dataclass(frozen=True)
class NetworkConfig:
    """What must be known to rebuild a network; stored in its checkpoint. The last four are the DLN's alone.

    `normalize_vectors` takes V_face and V_id after their L2 normalisation (FaceNet's own output) instead
    of before it; the paper does not say which. `normalize_embedding` ends with OnSphere; the paper does
    not say that it does, but margins of 0.1 and 0.2 are FECNet's, whose embeddings have length 1.
    `dropout` None is the backbone's own.
    """

    method: Method = "dln"
    backbone: BackboneName = "small"
    size: int = 64
    order: int = 3
    normalize_vectors: bool = False
    normalize_embedding: bool = True
    dropout: float | None = None


class EmbeddingNetwork(nn.Module):
    """Float images (N, 3, S, S) to embeddings (N, DIMENSIONS), before any crowd layer.

    FROZEN is the prefix, in the state, of what is never trained; KEEPS_FEATURES whether what that part
    says of a face is small enough to be kept for every face of a snapshot.
    """

    FROZEN: ClassVar[str]
    KEEPS_FEATURES: ClassVar[bool]
    DIMENSIONS: ClassVar[int] = EMBEDDING

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config

    def features(self, images: Tensor) -> Tensor:
        """What the frozen part says of each face, first dimension N. Constant for a given picture."""
        raise NotImplementedError

    def vectors(self, images: Tensor, features: Tensor | None = None) -> Tensor:
        """One vector a face (N, D), to which no other face of the batch contributes but by batch norms of
        the backbone; with `features` if they are known already."""
        raise NotImplementedError

    def place(self, vectors: Tensor) -> Tensor:
        """Embeddings (N, 16) of vectors (N, D); while training, by statistics over all N."""
        raise NotImplementedError

    def forward(self, images: Tensor, features: Tensor | None = None) -> Tensor:
        """Embeddings (N, 16)."""
        return self.place(self.vectors(images, features))
