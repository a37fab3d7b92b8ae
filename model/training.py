"""Trains a network on batches of shared faces: one loop, and its state between epochs.

Where data and identity branch come from is preparation.py's; files are checkpoint.py's and resume.py's.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from model.accuracy import Report, hits, report_of
from model.ahead import ahead
from model.augmentation import augment
from model.backbone import to_input
from model.crops import take
from model.crowd import CrowdLayer
from model.device import half_precision
from model.errors import TrainingError
from model.judging import judgements
from model.loss import Judgements, crowd_loss
from model.network import EMBEDDING, EmbeddingNetwork
from model.optimisation import cosine_rate, parameter_groups
from model.plan import epochs_of
from model.processes import Team
from model.proportions import Strata
from model.sampler import Batch, BatchSampler
from model.snapshot import SPLITS, Snapshot
from model.train_config import TrainConfig

# Faces embedded at once where no gradient is taken.
EMBED_AT_ONCE = 256

# Told of each step: how many are done, its images, loss and learning rate.
Progress = Callable[[int, int, float, float], None]


@dataclass(frozen=True)
class EpochResult:
    """Mean loss and share of right triplets over an epoch's batches, as trained; images seen; seconds."""

    loss: float
    train_accuracy: float
    images: int
    seconds: float


@dataclass(frozen=True)
class _Step:
    """All that a step needs, drawn ahead of it: `crops` are this process's faces only."""

    batch: Batch
    faces: np.ndarray
    crops: Tensor
    said: Judgements
    mirrored: bool


class Trainer:
    """A network, its crowd layer and its optimiser over one snapshot's train triplets.

    Every epoch's randomness follows from the seed and the epoch alone, so a run that starts again from
    the state after some epoch gives the same weights as one that never stopped.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        crops: np.ndarray,
        network: EmbeddingNetwork,
        crowd: CrowdLayer | None,
        config: TrainConfig,
        device: torch.device,
        *,
        strata: Strata | None = None,
        team: Team | None = None,
    ) -> None:
        """`crops` (F, S, S, 3) uint8 of all faces; `strata` of the train triplets. Raises TrainingError."""
        self._snapshot, self._crops, self._config = snapshot, crops, config
        rows = snapshot.triplets_of("train")
        if not len(rows):
            raise TrainingError(f"{snapshot.folder}: no triplet has all its faces in the train split")
        self.device, self.team = device, team or Team()
        self.network = network.to(device).to(memory_format=torch.channels_last)
        self.crowd = None if crowd is None else crowd.to(device)
        self.sampler = BatchSampler(
            snapshot.triplets.faces,
            rows,
            faces=config.faces_per_step,
            triplets=config.triplets_per_step,
            composition=config.composition,
            strata=None if strata is None else strata.codes,
            shares=None if strata is None else strata.shares,
        )
        self.epochs = epochs_of(config.epochs, config.steps, self.sampler.steps)
        self.steps = self.epochs * self.sampler.steps
        self.optimiser = self._optimiser()
        self._half = half_precision(config.precision, device)
        known = snapshot.answers.annotators
        self._annotators = (
            self.crowd.indices(known) if self.crowd else torch.zeros(len(known), dtype=torch.long)
        )
        self._features: Tensor | None = None

    def keep_features(self, progress: Callable[[int], None] | None = None) -> None:
        """Compute what the frozen part says of all clean faces once; V_id (F, 512) takes 2 KB a face."""
        every = np.arange(len(self._crops))
        self._features = self._over_faces(lambda f: self.network.features(self._images(f)), every, progress)

    def epoch(
        self, epoch: int, progress: Callable[[int, int, float, float], None] | None = None
    ) -> EpochResult:
        """Train epoch number `epoch` (from 0); `progress` is told of each step."""
        began = time.monotonic()
        torch.manual_seed(self._config.seed * 1_000_003 + epoch)
        self.network.train()
        images = 0
        losses: list[float] = []
        right: list[np.ndarray] = []
        for number, drawn in enumerate(ahead(self._draw(epoch))):
            step = epoch * self.sampler.steps + number
            loss, embeddings = self._step(drawn, step)
            images += len(drawn.batch.faces)
            losses.append(loss)
            right.append(self._right(drawn.batch, embeddings))
            if progress is not None:
                progress(step + 1, len(drawn.batch.faces), loss, self.optimiser.param_groups[0]["lr"])
        self.team.agree(self.network)
        accuracy = float(np.concatenate(right).mean())
        return EpochResult(float(np.mean(losses)), accuracy, images, time.monotonic() - began)

    def validate(self) -> Report:
        """Accuracy on the val triplets, as `evaluate` reports it."""
        rows = self._snapshot.triplets_of("val")
        faces = np.flatnonzero(self._snapshot.faces.split == SPLITS["val"])
        embeddings = np.zeros((len(self._crops), EMBEDDING), dtype=np.float32)
        if len(rows):
            self.network.eval()
            kept = self._features
            embedded = self._over_faces(
                lambda f: self.network(self._images(f), None if kept is None else kept[f]), faces
            )
            embeddings[faces] = embedded.float().cpu().numpy()
        return {"split": "val"} | report_of(self._snapshot.triplets, embeddings, rows)

    def _optimiser(self) -> torch.optim.Optimizer:
        config = self._config
        groups = parameter_groups([self.network], config.weight_decay)
        if self.crowd is not None:
            groups.append({"params": list(self.crowd.parameters()), "weight_decay": 0.0})
        if config.optimiser == "sgd":
            return torch.optim.SGD(groups, lr=config.rate, momentum=0.9)
        return torch.optim.AdamW(groups, lr=config.rate)

    def _draw(self, epoch: int) -> Iterator[_Step]:
        rng = np.random.default_rng([self._config.seed, epoch])
        mirroring = np.random.default_rng([self._config.seed, epoch, 1])
        for batch in self.sampler.epoch(rng):
            said = judgements(
                self._snapshot,
                batch,
                self._annotators,
                tournament_two_terms=self._config.tournament_two_terms,
                device=self.device,
            )
            faces = self.team.part(batch.faces)
            crops = take(self._crops, faces, self.device)
            yield _Step(batch, faces, crops, said, bool(mirroring.random() < 0.5))

    def _step(self, drawn: _Step, step: int) -> tuple[float, Tensor]:
        config = self._config
        if config.schedule == "cosine":
            for group in self.optimiser.param_groups:
                group["lr"] = cosine_rate(config.rate, step, self.steps)
        embeddings = self._embedded(drawn)
        loss = crowd_loss(embeddings, drawn.said, self.crowd, config.sharpness)
        if self.crowd is not None and config.crowd_pull:
            loss = loss + config.crowd_pull * self.crowd.bias()
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        every = [p for group in self.optimiser.param_groups for p in group["params"]]
        self.team.average(every)
        if config.clip is not None:
            torch.nn.utils.clip_grad_norm_(every, config.clip)
        value = loss.item()
        if not np.isfinite(value):
            raise TrainingError(f"the loss is {value} at step {step + 1}: try a lower --rate")
        self.optimiser.step()
        return value, embeddings.detach()

    def _embedded(self, drawn: _Step) -> Tensor:
        """Embeddings (f, 16) of the batch's faces, from all processes."""
        config = self._config
        images = augment(to_input(drawn.crops), config.augmentation, mirrored=drawn.mirrored)
        kept = None
        if self._features is not None and config.identity_vectors == "clean":
            kept = self._features[torch.from_numpy(drawn.faces).to(self.device)]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            vectors = self.network.vectors(images, kept)
        return self.network.place(self.team.gather(vectors, len(drawn.batch.faces)))

    def _images(self, faces: np.ndarray) -> Tensor:
        return to_input(take(self._crops, faces, self.device))

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
