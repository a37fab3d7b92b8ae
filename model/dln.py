"""The Deviation Learning Network: deviation (eq. 1), high-order module (eq. 2), and the two together.

The crowd layer is crowd.py's, the loss loss.py's; neither is needed to embed a face.
"""

from typing import ClassVar, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.backbone import FEATURES, build_backbone, frozen
from model.network import EMBEDDING, EmbeddingNetwork, NetworkConfig


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
        """V_id (N, 512) of float images (N, 3, S, S). Constant for a given picture: worth keeping.

        Gradients reach no weight, but the images, where these take any.
        """
        return self._scaled(self.identity(images))

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


class DeviationLearningNetwork(EmbeddingNetwork):
    """Float images (N, 3, S, S) to expression embeddings E_exp (N, 16). Its features are V_id (N, 512)."""

    FROZEN: ClassVar[str] = "deviation.identity."
    KEEPS_FEATURES: ClassVar[bool] = True

    def __init__(self, config: NetworkConfig, identity: nn.Module) -> None:
        """Both branches start from `identity`, a backbone of the config's kind and size."""
        super().__init__(config)
        face = build_backbone(config.backbone, config.size, config.dropout)
        face.load_state_dict(identity.state_dict())
        self.deviation = Deviation(face, identity, normalize=config.normalize_vectors)
        self.high_order = HighOrder(config.order, normalize_embedding=config.normalize_embedding)

    def features(self, images: Tensor) -> Tensor:
        """V_id (N, 512)."""
        return self.deviation.identity_vectors(images)

    def vectors(self, images: Tensor, features: Tensor | None = None) -> Tensor:
        """V_exp (N, 512), eq. 1."""
        return cast(Tensor, self.deviation(images, features))

    def place(self, vectors: Tensor) -> Tensor:
        """E_exp (N, 16) of V_exp (N, 512), eq. 2."""
        # Polynomials of bfloat16 have no digits left.
        with torch.autocast(vectors.device.type, enabled=False):
            return cast(Tensor, self.high_order(vectors))
