"""A training run's settings: data only, so that whoever plans or stores a run need not load what trains."""

from dataclasses import dataclass, field
from typing import Literal, Self

from model.augmentation import NONE, Augmentation
from model.backbone import BackboneName
from model.device import Precision
from model.identity import IdentityConfig
from model.network import Method
from model.sampler import Composition


@dataclass(frozen=True)
class TrainConfig:
    """A run's settings, stored in its checkpoint. The defaults are what learns best on two CPU cores;
    `TrainConfig.paper()` is section 4.2 to the letter.

    method: the network, see build.build_network.
    epochs: passes over the triplets; None: enough for so many `steps`, or if that is None, too, at least 10
    and enough for 2,000 steps.
    size: side in px that the backbone sees; None: the backbone's own (backbone.DEFAULT_SIZE).
    order, normalize_vectors, normalize_embedding, dropout: see network.NetworkConfig.
    crowd: train with a crowd layer (section 3.3). crowd_centred: see crowd.CrowdLayer. crowd_pull: weight of
    the mean squared distance of its maps from the identity in the loss; 0 is the paper's.
    tournament_two_terms: both terms of eq. 4 for tournament triplets as well (paper), or the first only.
    faces_per_step, triplets_per_step, composition: see sampler.BatchSampler.
    imported_share: of a step's triplets, where there are imported and tournament triplets; None: as they are.
    replay: share of a step's triplets that an earlier run was trained on already, when fine-tuning.
    patience: stop after so many epochs without a better validation, and keep the best; None: never.
    sharpness: of loss.triplet_loss; None is eq. 4's hinge. optimiser: "sgd" has momentum 0.9.
    schedule: of the learning rate `rate`.
    clip: largest gradient norm, None for no limit.
    precision: of the branches' convolutions while training; "auto" is bf16 where the hardware is made for it.
    identity_vectors: V_id of the clean picture, kept from the start ("clean": 1 forward pass saved per face,
    but under augmentation V_face - V_id is then not of one picture), or of the very picture that the face
    branch sees ("augmented": eq. 1 exactly).
    hold_out: share of the identities kept for validation where the snapshot has no val faces.
    """

    method: Method = "dln"
    backbone: BackboneName = "small"
    size: int | None = None
    order: int = 3
    normalize_vectors: bool = False
    normalize_embedding: bool = True
    crowd: bool = True
    crowd_centred: bool = True
    crowd_pull: float = 0.0
    epochs: int | None = None
    steps: int | None = None
    seed: int = 0
    tournament_two_terms: bool = True
    faces_per_step: int = 640
    triplets_per_step: int = 2560
    composition: Composition = "shared"
    imported_share: float | None = None
    replay: float = 0.9
    patience: int | None = None
    sharpness: float | None = 5.0
    optimiser: Literal["adamw", "sgd"] = "adamw"
    rate: float = 3e-3
    schedule: Literal["cosine", "constant"] = "cosine"
    weight_decay: float = 0.05
    clip: float | None = 5.0
    precision: Precision = "auto"
    dropout: float | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)
    identity_vectors: Literal["clean", "augmented"] = "clean"
    hold_out: float = 0.2
    identity: IdentityConfig = field(default_factory=IdentityConfig)

    @classmethod
    def paper(cls) -> Self:
        """Section 4.2: FaceNet at 224 px, batches of 30 triplets, SGD with momentum 0.9 at 2e-4, hinge."""
        return cls(
            backbone="facenet",
            size=224,
            crowd_centred=False,
            normalize_vectors=True,
            normalize_embedding=False,
            faces_per_step=90,
            triplets_per_step=30,
            composition="random",
            sharpness=None,
            optimiser="sgd",
            rate=2e-4,
            schedule="constant",
            weight_decay=0.0,
            clip=None,
            precision="float32",
            augmentation=NONE,
        )
