"""Trains the network on batches of shared faces: one loop, its configuration, and its state between epochs.

Where its data and its identity branch come from is run.py's; files are checkpoint.py's and resume.py's.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Self

import numpy as np
import torch
from torch import Tensor

from model.accuracy import Report, hits, report_of
from model.augmentation import NONE, Augmentation, augment
from model.backbone import BackboneName, to_input
from model.crowd import CrowdLayer
from model.device import Precision, half_precision
from model.errors import TrainingError
from model.identity import IdentityConfig
from model.judging import judgements
from model.loss import crowd_loss
from model.network import EMBEDDING, DeviationLearningNetwork
from model.optimisation import cosine_rate, parameter_groups
from model.sampler import Batch, BatchSampler, Composition
from model.snapshot import SPLITS, Snapshot

# Faces embedded at once where no gradient is taken.
EMBED_AT_ONCE = 256


@dataclass(frozen=True)
class TrainConfig:
    """A run's settings, stored in its checkpoint. The defaults are what learns best on two CPU cores;
    `TrainConfig.paper()` is section 4.2 to the letter.

    epochs: passes over as many triplets as there are; None: at least 10, and enough for 2,000 steps.
    size: side in px that the backbone sees; None: the backbone's own (backbone.DEFAULT_SIZE).
    order, normalize_vectors, normalize_embedding, dropout: see network.NetworkConfig.
    crowd: train with a crowd layer (section 3.3).
    tournament_two_terms: both terms of eq. 4 for tournament triplets as well (paper), or the first only.
    faces_per_step, triplets_per_step, composition: see sampler.BatchSampler.
    sharpness: of loss.triplet_loss; None is eq. 4's hinge. optimiser: "sgd" has momentum 0.9.
    schedule: of the learning rate `rate`.
    clip: largest gradient norm, None for no limit.
    precision: of the branches' convolutions while training; "auto" is bf16 where the hardware is made for it.
    identity_vectors: V_id of the clean picture, kept from the start ("clean": 1 forward pass saved per face,
    but under augmentation V_face - V_id is then not of one picture), or of the very picture that the face
    branch sees ("augmented": eq. 1 exactly).
    hold_out: share of the identities kept for validation where the snapshot has no val faces.
    """

    backbone: BackboneName = "small"
    size: int | None = None
    order: int = 3
    normalize_vectors: bool = False
    normalize_embedding: bool = True
    crowd: bool = True
    epochs: int | None = None
    seed: int = 0
    tournament_two_terms: bool = True
    faces_per_step: int = 640
    triplets_per_step: int = 2560
    composition: Composition = "shared"
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


@dataclass(frozen=True)
class EpochResult:
    """Mean loss and share of right triplets over an epoch's batches, as trained; images seen; seconds."""

    loss: float
    train_accuracy: float
    images: int
    seconds: float


class Trainer:
    """A network, its crowd layer and its optimiser over one snapshot's train triplets.

    Every epoch's randomness follows from the seed and the epoch alone, so a run that starts again from
    the state after some epoch gives the same weights as one that never stopped.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        crops: Tensor,
        network: DeviationLearningNetwork,
        crowd: CrowdLayer | None,
        config: TrainConfig,
    ) -> None:
        """`crops` (F, 3, S, S) uint8 of all faces, on the device to train on. Raises TrainingError."""
        self._snapshot, self._crops, self._config = snapshot, crops, config
        rows = snapshot.triplets_of("train")
        if not len(rows):
            raise TrainingError(f"{snapshot.folder}: no triplet has all its faces in the train split")
        self.device = crops.device
        self.network = network.to(self.device).to(memory_format=torch.channels_last)
        self.crowd = None if crowd is None else crowd.to(self.device)
        self.sampler = BatchSampler(
            snapshot.triplets.faces,
            rows,
            faces=config.faces_per_step,
            triplets=config.triplets_per_step,
            composition=config.composition,
        )
        steps = self.sampler.steps
        self.epochs = config.epochs if config.epochs is not None else max(10, -(-2000 // steps))
        self.steps = self.epochs * steps
        self.optimiser = self._optimiser()
        self._half = half_precision(config.precision, self.device)
        known = snapshot.answers.annotators
        self._annotators = (
            self.crowd.indices(known) if self.crowd else torch.zeros(len(known), dtype=torch.long)
        )
        self._identity_vectors: Tensor | None = None

    def keep_identity_vectors(self, progress: Callable[[int], None] | None = None) -> None:
        """Compute V_id (F, 512) of all clean faces once: 2 KB a face."""
        identify = self.network.deviation.identity_vectors
        every = np.arange(len(self._crops))
        self._identity_vectors = self._over_faces(
            lambda f: identify(to_input(self._crops[f])), every, progress
        )

    def epoch(self, epoch: int, progress: Callable[[int, int, float], None] | None = None) -> EpochResult:
        """Train epoch number `epoch` (from 0); `progress` gets each step's end, images and loss."""
        began = time.monotonic()
        torch.manual_seed(self._config.seed * 1_000_003 + epoch)
        rng = np.random.default_rng([self._config.seed, epoch])
        self.network.train()
        images = 0
        losses: list[float] = []
        right: list[np.ndarray] = []
        for number, batch in enumerate(self.sampler.epoch(rng)):
            step = epoch * self.sampler.steps + number
            loss, embeddings = self._step(batch, step)
            images += len(batch.faces)
            losses.append(loss)
            right.append(self._right(batch, embeddings))
            if progress is not None:
                progress(step + 1, len(batch.faces), loss)
        accuracy = float(np.concatenate(right).mean())
        return EpochResult(float(np.mean(losses)), accuracy, images, time.monotonic() - began)

    def validate(self) -> Report:
        """Accuracy on the val triplets, as `evaluate` reports it."""
        rows = self._snapshot.triplets_of("val")
        faces = np.flatnonzero(self._snapshot.faces.split == SPLITS["val"])
        embeddings = np.zeros((len(self._crops), EMBEDDING), dtype=np.float32)
        if len(rows):
            self.network.eval()
            vectors = self._identity_vectors
            embedded = self._over_faces(
                lambda f: self.network(to_input(self._crops[f]), None if vectors is None else vectors[f]),
                faces,
            )
            embeddings[faces] = embedded.cpu().numpy()
        return {"split": "val"} | report_of(self._snapshot.triplets, embeddings, rows)

    def _optimiser(self) -> torch.optim.Optimizer:
        config = self._config
        groups = parameter_groups([self.network], config.weight_decay)
        if self.crowd is not None:
            groups.append({"params": list(self.crowd.parameters()), "weight_decay": 0.0})
        if config.optimiser == "sgd":
            return torch.optim.SGD(groups, lr=config.rate, momentum=0.9)
        return torch.optim.AdamW(groups, lr=config.rate)

    def _step(self, batch: Batch, step: int) -> tuple[float, Tensor]:
        config = self._config
        if config.schedule == "cosine":
            for group in self.optimiser.param_groups:
                group["lr"] = cosine_rate(config.rate, step, self.steps)
        self.network.train()
        images = augment(to_input(self._crops[batch.faces]), config.augmentation)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            embeddings = self.network(images, self._known_vectors(batch))
        said = judgements(
            self._snapshot,
            batch,
            self._annotators,
            tournament_two_terms=config.tournament_two_terms,
            device=self.device,
        )
        loss = crowd_loss(embeddings, said, self.crowd, config.sharpness)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if config.clip is not None:
            every = [p for group in self.optimiser.param_groups for p in group["params"]]
            torch.nn.utils.clip_grad_norm_(every, config.clip)
        value = loss.item()
        if not np.isfinite(value):
            raise TrainingError(f"the loss is {value} at step {step + 1}: try a lower --rate")
        self.optimiser.step()
        return value, embeddings.detach()

    def _known_vectors(self, batch: Batch) -> Tensor | None:
        if self._config.identity_vectors == "augmented" or self._identity_vectors is None:
            return None
        return self._identity_vectors[batch.faces]

    def _right(self, batch: Batch, embeddings: Tensor) -> np.ndarray:
        placed = np.zeros((int(batch.faces[-1]) + 1, embeddings.shape[1]), dtype=np.float32)
        placed[batch.faces] = embeddings.cpu().numpy()
        return hits(placed, self._snapshot.triplets, batch.triplets)

    @torch.no_grad()
    def _over_faces(
        self,
        embed: Callable[[np.ndarray], Tensor],
        faces: np.ndarray,
        progress: Callable[[int], None] | None = None,
    ) -> Tensor:
        parts = []
        for start in range(0, len(faces), EMBED_AT_ONCE):
            parts.append(embed(faces[start : start + EMBED_AT_ONCE]))
            if progress is not None:
                progress(min(start + EMBED_AT_ONCE, len(faces)))
        return torch.cat(parts)
