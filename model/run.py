"""One training job from a snapshot folder to a checkpoint folder: data, identity branch, epochs, files.

What happens inside an epoch is training.py's. No argument parsing, no printing but by events.
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from model.accuracy import Report
from model.backbone import DEFAULT_SIZE, build_backbone
from model.checkpoint import CONFIG, Description, load_tensors, read_description, save_checkpoint
from model.crops import load_crops
from model.crowd import CrowdLayer
from model.device import chosen_device, half_precision
from model.errors import CheckpointError, TrainingError
from model.events import Events
from model.facenet_weights import load_facenet_weights
from model.identity import IdentityReport, learnable, pretrain_identity
from model.identity_weights import load_identity, save_identity
from model.network import DeviationLearningNetwork, NetworkConfig
from model.resume import check_same_run, drop_state, has_state, load_state, save_state
from model.snapshot import SPLITS, UNKNOWN, Snapshot, read_snapshot
from model.training import TrainConfig, Trainer


@dataclass
class Job:
    """What to train on, where to put it, and how. `identity_weights`: a folder of pretrain-identity."""

    snapshot: Path
    output: Path
    config: TrainConfig
    identity_weights: Path | None = None
    resume: bool = False
    device: str | None = None


def run_training(job: Job, events: Events) -> Report:
    """Train, write the checkpoint after every epoch, and return the last one's accuracy on held-out triplets.

    Raises a ModelError that a user can act on.
    """
    began = time.monotonic()
    snapshot, held_out, notes = prepare(read_snapshot(job.snapshot), job.config)
    resuming = _check_output(job, snapshot)
    device = chosen_device(job.device)
    _announce(snapshot, job, device, notes, events)
    size = job.config.size or DEFAULT_SIZE[job.config.backbone]
    crops = crops_on(snapshot, size, device, events)
    network = _network(job, snapshot, crops, size, events, resuming)
    crowd = CrowdLayer(snapshot.answers.annotators) if _crowd(job.config, snapshot) else None
    trainer = Trainer(snapshot, crops, network, crowd, job.config)
    first = load_state(job.output, trainer) if resuming else 0
    if job.config.identity_vectors == "clean":
        events.stage("identity_vectors", len(crops))
        trainer.keep_identity_vectors(events.progress)
    events.stage("train", trainer.steps, first * trainer.sampler.steps)
    report: Report = {}
    for epoch in range(first, trainer.epochs):
        result = trainer.epoch(epoch, events.progress)
        report = trainer.validate()
        description = _describe(job.config, network, crowd, snapshot, held_out, epoch + 1, report)
        save_checkpoint(job.output, network, crowd, description)
        save_state(job.output, trainer, epoch + 1)
        events.emit(
            "epoch", stage="train", epoch=epoch + 1, epochs=trainer.epochs, **asdict(result), report=report
        )
    drop_state(job.output)
    seconds = round(time.monotonic() - began, 1)
    events.emit("done", checkpoint=str(job.output), epochs=trainer.epochs, seconds=seconds, report=report)
    return report


def pretrain(
    snapshot: Path, output: Path, config: TrainConfig, device: str | None, events: Events
) -> IdentityReport:
    """Train the identity backbone alone, on the train faces' identities, and write it to `output`."""
    whole, _, _ = prepare(read_snapshot(snapshot), config)
    faces = np.flatnonzero(whole.faces.split == SPLITS["train"])
    if not len(learnable(whole.faces.identity[faces])):
        raise TrainingError(f"{snapshot}: no two identities with two faces each in the train split")
    size = config.size or DEFAULT_SIZE[config.backbone]
    crops = crops_on(whole, size, chosen_device(device), events)
    identity = whole.faces.identity[faces]
    network, report = _pretrained(config, crops[faces], identity, size, events)
    save_identity(output, network, config.backbone, size, report)
    events.emit("done", checkpoint=str(output), report=asdict(report))
    return report


def prepare(snapshot: Snapshot, config: TrainConfig) -> tuple[Snapshot, tuple[str, ...], list[str]]:
    """The snapshot with a val split, the identities held out for it if it had none, notes for the user."""
    if (snapshot.faces.split == SPLITS["val"]).any():
        return snapshot, (), []
    people = np.unique(snapshot.faces.identity[snapshot.faces.identity != UNKNOWN])
    count = round(config.hold_out * len(people))
    if not count:
        return snapshot, (), ["no val faces and no identities to hold out: accuracy is not measured"]
    drawn = np.random.default_rng(config.seed).choice(people, size=count, replace=False)
    names = tuple(snapshot.faces.identities[code] for code in sorted(drawn))
    return (
        snapshot.held_out(names),
        names,
        [f"no val faces: {count} of {len(people)} identities are held out"],
    )


def crops_on(snapshot: Snapshot, size: int, device: torch.device, events: Events) -> Tensor:
    """All crops, uint8 (F, 3, size, size), channels last, decoded with progress."""
    events.stage("crops", len(snapshot.faces.keys))
    crops = load_crops(snapshot, size, events.progress)
    return torch.from_numpy(crops).permute(0, 3, 1, 2).to(device)


def _check_output(job: Job, snapshot: Snapshot) -> bool:
    """Whether the run goes on from an earlier one's state. Raises CheckpointError."""
    if not (job.output / CONFIG).exists():
        return False
    if not job.resume:
        raise CheckpointError(
            f"{job.output} holds a checkpoint: name another folder, or resume it (--resume)"
        )
    check_same_run(job.output, job.config, snapshot.sha256)
    if not has_state(job.output):
        raise CheckpointError(f"{job.output} is finished: there is nothing to resume")
    return True


def _network(
    job: Job, snapshot: Snapshot, crops: Tensor, size: int, events: Events, resuming: bool
) -> DeviationLearningNetwork:
    """A new network whose branches are alike; if resuming, with the identity branch that the run has."""
    config = job.config
    torch.manual_seed(config.seed)
    if resuming:
        _, files = read_description(job.output)
        identity = build_backbone(config.backbone, size, config.dropout)
        identity.load_state_dict(load_tensors(job.output / files["identity"]))
    else:
        identity = _identity_backbone(job, snapshot, crops, size, events)
    face = build_backbone(config.backbone, size, config.dropout)
    face.load_state_dict(identity.state_dict())
    built = NetworkConfig(
        backbone=config.backbone,
        size=size,
        order=config.order,
        normalize_vectors=config.normalize_vectors,
        normalize_embedding=config.normalize_embedding,
        dropout=config.dropout,
    )
    return DeviationLearningNetwork(built, face, identity)


def _identity_backbone(job: Job, snapshot: Snapshot, crops: Tensor, size: int, events: Events) -> nn.Module:
    config = job.config
    if job.identity_weights is not None:
        return load_identity(job.identity_weights, config.backbone, size)
    if config.backbone == "facenet":
        facenet = build_backbone("facenet", size)
        load_facenet_weights(facenet)
        return facenet
    faces = np.flatnonzero(snapshot.faces.split == SPLITS["train"])
    identity = snapshot.faces.identity[faces]
    if not len(learnable(identity)):
        return build_backbone(config.backbone, size)
    return _pretrained(config, crops[faces], identity, size, events)[0]


def _pretrained(
    config: TrainConfig, crops: Tensor, identity: np.ndarray, size: int, events: Events
) -> tuple[nn.Module, IdentityReport]:
    half = half_precision(config.precision, crops.device)
    return pretrain_identity(
        crops, identity, config.backbone, size, config.identity, config.seed, events, half=half
    )


def _crowd(config: TrainConfig, snapshot: Snapshot) -> bool:
    return config.crowd and len(snapshot.answers.annotators) > 0


def _announce(snapshot: Snapshot, job: Job, device: torch.device, notes: list[str], events: Events) -> None:
    train = snapshot.faces.split == SPLITS["train"]
    nobody = not len(learnable(snapshot.faces.identity[train]))
    if job.config.backbone == "small" and job.identity_weights is None and nobody:
        notes = [*notes, "no two identities with two faces each: the identity branch stays untrained"]
    events.emit(
        "start",
        snapshot=snapshot.sha256,
        faces=len(train),
        train_faces=int(train.sum()),
        val_faces=int((~train).sum()),
        triplets=len(snapshot.triplets_of("train")),
        val_triplets=len(snapshot.triplets_of("val")),
        annotators=len(snapshot.answers.annotators),
        device=str(device),
        notes=notes,
    )


def _describe(
    config: TrainConfig,
    network: DeviationLearningNetwork,
    crowd: CrowdLayer | None,
    snapshot: Snapshot,
    held_out: tuple[str, ...],
    epoch: int,
    report: Report,
) -> Description:
    return Description(
        network=network.config,
        annotators=crowd.annotators if crowd is not None else (),
        epoch=epoch,
        training=asdict(config),
        snapshot={"name": snapshot.name, "sha256": snapshot.sha256},
        held_out=held_out,
        report=report,
    )
