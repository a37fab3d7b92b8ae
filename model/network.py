"""The Deviation Learning Network: deviation (eq. 1), high-order module (eq. 2), and the two together.

The crowd layer is crowd.py's, the loss loss.py's; neither is needed to embed a face.
"""

from dataclasses import dataclass
from typing import Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.backbone import FEATURES, BackboneName, build_backbone, frozen

EMBEDDING = 16


@dataclass(frozen=True)
class NetworkConfig:
    """What must be known to rebuild a network; stored in its checkpoint.

    `normalize_vectors` takes V_face and V_id after their L2 normalisation (FaceNet's own output) instead
    of before it; the paper does not say which. `normalize_embedding` ends with OnSphere; the paper does
    not say that it does, but margins of 0.1 and 0.2 are FECNet's, whose embeddings have length 1.
    `dropout` None is the backbone's own.
    """

    backbone: BackboneName = "small"
    size: int = 64
    order: int = 3
    normalize_vectors: bool = False
    normalize_embedding: bool = True
    dropout: float | None = None


class Deviation(nn.Module):
    """V_exp = V_face - V_id (eq. 1): a trainable face branch and a frozen identity branch of one build.

    Both start from the same weights, so in eval mode the deviation of a new network is exactly 0. The
    identity branch stays in eval mode, and its buffers as they are, even under .train().
    """

    def __init__(self, face: nn.Module, identity: nn.Module, *, normalize: bool) -> None:
        super().__init__()
        self.face = face
        self.identity = frozen(identity)
        self.normalize = normalize

    def train(self, mode: bool = True) -> Self:
        """As nn.Module.train, but never thaws the identity branch."""
        super().train(mode)
        self.identity.eval()
        return self

    def identity_vectors(self, images: Tensor) -> Tensor:
        """V_id (N, 512) of float images (N, 3, S, S). Constant for a given picture: worth keeping."""
        return self._scaled(self.identity(images)).detach()

    def forward(self, images: Tensor, identity_vectors: Tensor | None = None) -> Tensor:
        """V_exp (N, 512) of float images (N, 3, S, S), with V_id (N, 512) if it is known already."""
        if identity_vectors is None:
            identity_vectors = self.identity_vectors(images)
        return self._scaled(self.face(images)) - identity_vectors

    def _scaled(self, vectors: Tensor) -> Tensor:
        # A difference of nearly equal vectors needs its digits: never in half precision.
        vectors = vectors.float() if vectors.dtype == torch.bfloat16 else vectors
        return functional.normalize(vectors, dim=1) if self.normalize else vectors


class OnSphere(nn.Module):
    """Vectors (N, 16): each dimension normalised over the batch as in eq. 2, then each vector to length 1.

    A new network lowers its loss fastest by moving all embeddings to one point (there it is 2m). Length 1
    alone leaves it a point on the sphere, unit variance alone a few far outliers; together neither.
    """

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(EMBEDDING, affine=False)

    def forward(self, vectors: Tensor) -> Tensor:
        """(N, 16) to (N, 16)."""
        return functional.normalize(self.norm(vectors), dim=1)


class HighOrder(nn.Module):
    """E_exp = l_K [f^1; ...; f^K] with f^k = N(f^(k-1) * f^1) elementwise, f^1 = N(l_1 V_exp) (eq. 2).

    N is the mean-variance normalisation of each order: over the batch while training, by running
    statistics after. Its epsilon keeps a batch in which every deviation is equal (as all are, in eval
    mode, at the start) at finite zeros. `normalize_embedding`: E_exp passes through OnSphere.
    """

    def __init__(self, order: int = 3, *, normalize_embedding: bool = False) -> None:
        super().__init__()
        if not 1 <= order <= 5:
            raise ValueError(f"the order must be 1 to 5, not {order}")
        self.first = nn.Linear(FEATURES, EMBEDDING)
        self.norms = nn.ModuleList(nn.BatchNorm1d(EMBEDDING, affine=False) for _ in range(order))
        self.last = nn.Linear(EMBEDDING * order, EMBEDDING)
        self.placed = OnSphere() if normalize_embedding else nn.Identity()

    def forward(self, deviations: Tensor) -> Tensor:
        """E_exp (N, 16) of V_exp (N, 512)."""
        first = self.norms[0](self.first(deviations))
        orders = [first]
        for norm in list(self.norms)[1:]:
            orders.append(norm(orders[-1] * first))
        return cast(Tensor, self.placed(self.last(torch.cat(orders, dim=1))))


class DeviationLearningNetwork(nn.Module):
    """Float images (N, 3, S, S) to expression embeddings E_exp (N, 16)."""

    def __init__(self, config: NetworkConfig, face: nn.Module, identity: nn.Module) -> None:
        super().__init__()
        self.config = config
        self.deviation = Deviation(face, identity, normalize=config.normalize_vectors)
        self.high_order = HighOrder(config.order, normalize_embedding=config.normalize_embedding)

    def forward(self, images: Tensor, identity_vectors: Tensor | None = None) -> Tensor:
        """E_exp (N, 16), before the crowd layer; `identity_vectors` as in Deviation.forward."""
        deviations = self.deviation(images, identity_vectors)
        with torch.autocast(
            deviations.device.type, enabled=False
        ):  # polynomials of bfloat16 have no digits left
            return cast(Tensor, self.high_order(deviations))


def build_network(config: NetworkConfig) -> DeviationLearningNetwork:
    """A network of this build with random weights, its two branches alike (a new network's start)."""
    face = build_backbone(config.backbone, config.size, config.dropout)
    identity = build_backbone(config.backbone, config.size, config.dropout)
    identity.load_state_dict(face.state_dict())
    return DeviationLearningNetwork(config, face, identity)
