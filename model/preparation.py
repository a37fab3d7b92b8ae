"""What a run begins with: held-out people, decoded crops, an identity backbone, a network, a crowd layer.

Training itself is training.py's, the files of a run are run.py's.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import nn

from model.backbone import DEFAULT_SIZE, build_backbone
from model.build import build_network
from model.checkpoint import load_checkpoint, load_identity_state
from model.crops import load_crops
from model.crowd import CrowdLayer
from model.device import half_precision
from model.errors import CheckpointError, TrainingError
from model.events import Events
from model.facenet_weights import load_facenet_weights
from model.identity import IdentityReport, learnable, pretrain_identity
from model.identity_weights import load_identity, save_identity
from model.network import EmbeddingNetwork, NetworkConfig
from model.plan import with_held_out
from model.processes import Team
from model.proportions import Strata, strata_of
from model.snapshot import SPLITS, UNKNOWN, Snapshot, read_snapshot
from model.train_config import TrainConfig


@dataclass
class Job:
    """What to train on, where to put it, and how.

    identity_weights: a folder of pretrain-identity. parent: a checkpoint to go on from, instead of an
    identity branch alone. earlier: the snapshot that the parent was trained on, whose triplets are then
    replayed (`config.replay`). crops: a file of decoded crops to keep for other runs on this snapshot.
    """

    snapshot: Path
    output: Path
    config: TrainConfig
    identity_weights: Path | None = None
    parent: Path | None = None
    earlier: Path | None = None
    crops: Path | None = None
    resume: bool = False
    device: str | None = None

    @property
    def size(self) -> int:
        """Side in px of the pictures that the network sees."""
        return self.config.size or DEFAULT_SIZE[self.config.backbone]


def prepare(snapshot: Snapshot, config: TrainConfig) -> tuple[Snapshot, tuple[str, ...], list[str]]:
    """The snapshot with a val split, the identities held out for it if it had none, notes for the user."""
    return with_held_out(snapshot, config.hold_out, config.seed)


class TakesCrops(Protocol):
    """A job that crops are decoded for: where to, kept in which file if in any, how large."""

    @property
    def output(self) -> Path: ...
    @property
    def crops(self) -> Path | None: ...
    @property
    def size(self) -> int: ...


def decoded(snapshot: Snapshot, job: TakesCrops, team: Team, events: Events) -> np.ndarray:
    """All crops, uint8 (F, S, S, 3), mapped from a file, so that memory holds what is used.

    Unless `job.crops` names a file to keep, it has no name any more when this returns: it goes with the
    processes that map it.
    """
    events.stage("crops", len(snapshot.faces.keys))
    path = job.crops or job.output / "crops.npy"
    part = path.with_suffix(".part")
    if team.rank == 0 and not (job.crops and path.exists()):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            load_crops(snapshot, job.size, events.progress, store=part)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        part.replace(path)
    team.wait()
    crops: np.ndarray = np.load(path, mmap_mode="r")
    team.wait()
    if team.rank == 0 and not job.crops:
        path.unlink()
    if crops.shape != (len(snapshot.faces.keys), job.size, job.size, 3):
        raise TrainingError(f"{path} holds the crops of another snapshot or size: name another file")
    return crops


def beginning(
    job: Job,
    snapshot: Snapshot,
    crops: np.ndarray,
    device: torch.device,
    events: Events,
    *,
    resuming: bool,
    team: Team,
) -> tuple[EmbeddingNetwork, CrowdLayer | None]:
    """The network and crowd layer as they are before the first step, alike in all processes."""
    annotators = snapshot.answers.annotators
    learns_views = job.config.crowd and annotators
    crowd = CrowdLayer(annotators, centred=job.config.crowd_centred) if learns_views else None
    torch.manual_seed(job.config.seed)
    if job.parent is not None:
        network, earlier, _ = load_checkpoint(job.parent)
        _check_parent(job, network.config)
        if crowd is not None and earlier is not None:
            crowd.take_over(earlier)
        return network, crowd
    if resuming:
        identity = build_backbone(job.config.backbone, job.size, job.config.dropout)
        network = build_network(network_config(job), identity)
        load_identity_state(job.output, network)
    else:
        identity = _identity_backbone(job, snapshot, crops, device, events, team)
        torch.manual_seed(job.config.seed)
        network = build_network(network_config(job), identity)
    team.share(network.to(device))
    return network, crowd


def network_config(job: Job) -> NetworkConfig:
    """The network that this job asks for."""
    config = job.config
    return NetworkConfig(
        method=config.method,
        backbone=config.backbone,
        size=job.size,
        order=config.order,
        normalize_vectors=config.normalize_vectors,
        normalize_embedding=config.normalize_embedding,
        dropout=config.dropout,
    )


def strata(job: Job, snapshot: Snapshot) -> Strata | None:
    """How this job's train triplets are mixed, None for as they are. Raises TrainingError, SnapshotError."""
    return strata_of(
        snapshot,
        snapshot.triplets_of("train"),
        imported_share=job.config.imported_share,
        earlier=None if job.earlier is None else read_snapshot(job.earlier),
        replay=job.config.replay,
    )


def pretrain(job: Job, device: torch.device, events: Events) -> IdentityReport:
    """Train the identity backbone alone, on the train faces' identities, and write it to `job.output`."""
    whole, _, _ = prepare(read_snapshot(job.snapshot), job.config)
    if not has_people(whole):
        raise TrainingError(f"{job.snapshot}: no two identities with two faces each in the train split")
    crops = decoded(whole, job, Team(), events)
    network, report = _pretrained(job, whole, crops, device, events)
    save_identity(job.output, network, job.config.backbone, job.size, report)
    events.emit("done", checkpoint=str(job.output), report=asdict(report))
    return report


def has_people(snapshot: Snapshot) -> bool:
    """Whether an identity backbone can learn from the train faces' identities."""
    train = snapshot.faces.split == SPLITS["train"]
    return bool(len(learnable(snapshot.faces.identity[train])))


def _check_parent(job: Job, parent: NetworkConfig) -> None:
    asked = network_config(job)
    if replace(parent, dropout=None) != replace(asked, dropout=None):
        raise CheckpointError(
            f"{job.parent} is another network ({parent}) than the one asked for ({asked}): give its settings"
        )


def _identity_backbone(
    job: Job, snapshot: Snapshot, crops: np.ndarray, device: torch.device, events: Events, team: Team
) -> nn.Module:
    config = job.config
    if job.identity_weights is not None:
        identity = load_identity(job.identity_weights, config.backbone, job.size)
    elif config.backbone == "facenet":
        identity = build_backbone("facenet", job.size)
        load_facenet_weights(identity)
    elif has_people(snapshot) and team.rank == 0:
        return _pretrained(job, snapshot, crops, device, events)[0]
    else:
        identity = build_backbone(config.backbone, job.size)
    return identity


def _pretrained(
    job: Job, snapshot: Snapshot, crops: np.ndarray, device: torch.device, events: Events
) -> tuple[nn.Module, IdentityReport]:
    config = job.config
    train = snapshot.faces.split == SPLITS["train"]
    identity = np.where(train, snapshot.faces.identity, UNKNOWN)
    half = half_precision(config.precision, device)
    return pretrain_identity(
        crops, identity, config.backbone, job.size, config.identity, config.seed, events, device, half=half
    )
