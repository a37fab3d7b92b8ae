"""One training job from a snapshot folder to a checkpoint folder: its stages, epochs and files.

What it begins with is preparation.py's, what happens inside an epoch training.py's. No argument parsing, no
printing but by events.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch

from model.accuracy import Report, headline
from model.accuracy import report as report_on
from model.checkpoint import CONFIG, Description, read_description, save_checkpoint
from model.crowd import CrowdLayer
from model.device import chosen_device, half_precision
from model.environment import environment
from model.epoch_log import begin_log, log_epoch
from model.errors import CheckpointError, TrainingError
from model.events import Events
from model.identity import learn_labels, learnable
from model.inference import Embedder
from model.network import EmbeddingNetwork
from model.preparation import Job, beginning, decoded, has_people, prepare, strata
from model.processes import Team
from model.resume import Reached, check_same_run, drop_state, has_state, load_state, save_state
from model.snapshot import SPLITS, UNKNOWN, Snapshot, read_snapshot
from model.training import Trainer


def run_training(job: Job, events: Events, team: Team | None = None) -> Report:
    """Train, write the checkpoint after every epoch, and return the kept one's accuracy on held-out triplets.

    Raises a ModelError that a user can act on. Of several processes (`team`) the first writes.
    """
    began = time.monotonic()
    team = team or Team()
    snapshot, held_out, notes = prepare(read_snapshot(job.snapshot), job.config)
    resuming = _check_output(job, snapshot)
    team.wait()  # before the first process writes what the others have just looked at
    device = chosen_device(job.device or team.device)
    events.watch(device)
    _announce(snapshot, job, device, notes, events)
    run = _Run(job, snapshot, held_out, _parent(job), device, team)
    epochs = (
        _by_labels(run, events) if job.config.method == "classifier" else _by_triplets(run, events, resuming)
    )
    team.wait()
    report = dict(read_description(job.output)[0].report)
    seconds = round(time.monotonic() - began, 1)
    events.emit("done", checkpoint=str(job.output), epochs=epochs, seconds=seconds, report=report)
    # After that was said: a run that is killed in between is resumed, and has nothing left to do.
    if team.rank == 0:
        drop_state(job.output)
    return report


@dataclass(frozen=True)
class _Run:
    """What stays the same from a run's first step to its last, and what every checkpoint of it says."""

    job: Job
    snapshot: Snapshot
    held_out: tuple[str, ...]
    parent: Mapping[str, Any]
    device: torch.device
    team: Team

    def keep(self, network: EmbeddingNetwork, crowd: CrowdLayer | None, epoch: int, report: Report) -> None:
        description = Description(
            network=network.config,
            annotators=crowd.annotators if crowd is not None else (),
            epoch=epoch,
            training=asdict(self.job.config),
            snapshot={"name": self.snapshot.name, "sha256": self.snapshot.sha256},
            held_out=self.held_out,
            report=report,
            parent=self.parent,
        )
        save_checkpoint(self.job.output, network, crowd, description)


def _by_triplets(run: _Run, events: Events, resuming: bool) -> int:
    """Train on triplets; after how many epochs the run ended."""
    job, snapshot, team = run.job, run.snapshot, run.team
    mixed = strata(job, snapshot)
    crops = decoded(snapshot, job, team, events)
    network, crowd = beginning(job, snapshot, crops, run.device, events, resuming=resuming, team=team)
    trainer = Trainer(snapshot, crops, network, crowd, job.config, run.device, strata=mixed, team=team)
    reached = load_state(job.output, trainer) if resuming else Reached()
    if job.config.identity_vectors == "clean" and network.KEEPS_FEATURES:
        events.stage("identity_vectors", len(crops))
        trainer.keep_features(events.progress)
    if team.rank == 0:
        begin_log(job.output, reached.epoch)
    return _epochs(trainer, run, reached, events).epoch


def _by_labels(run: _Run, events: Events) -> int:
    """Train the expression classifier, from its start in one go; how many epochs that took."""
    job, faces = run.job, run.snapshot.faces
    labels = np.where(faces.split == SPLITS["train"], faces.expression, UNKNOWN)
    if run.team.size > 1 or not len(learnable(labels)):
        reason = (
            "one process trains it" if run.team.size > 1 else "no two expressions of two train faces each"
        )
        raise TrainingError(f"{job.snapshot}: no classifier can be trained: {reason}")
    crops = decoded(run.snapshot, job, run.team, events)
    network, _ = beginning(job, run.snapshot, crops, run.device, events, resuming=False, team=run.team)
    backbone = network.get_submodule("backbone").requires_grad_(True)
    config = replace(job.config.identity, epochs=job.config.epochs or job.config.identity.epochs)
    events.stage("train", config.epochs * -(-len(learnable(labels)) // config.faces_per_step))
    seed, half = job.config.seed, half_precision(job.config.precision, run.device)
    learn_labels(backbone, crops, labels, config, seed, events, run.device, stage="train", half=half)
    embedder = Embedder(network, Description(network.config), run.device)
    run.keep(network, None, config.epochs, report_on(run.snapshot, embedder.embed(crops), "val"))
    return config.epochs


def _epochs(trainer: Trainer, run: _Run, reached: Reached, events: Events) -> Reached:
    """All epochs that are left, with the files and the event of each; how far it came."""
    config, folder = run.job.config, run.job.output
    events.stage("train", trainer.steps, reached.epoch * trainer.sampler.steps)
    while reached.epoch < trainer.epochs and not reached.gave_up(config.patience):
        result = trainer.epoch(reached.epoch, events.progress)
        report = trainer.validate()
        reached = reached.after(headline(report))
        if trainer.team.rank == 0:
            if config.patience is None or reached.best is None or reached.best_epoch == reached.epoch:
                run.keep(trainer.network, trainer.crowd, reached.epoch, report)
            save_state(folder, trainer, reached)
            log_epoch(folder, reached.epoch, result, report)
        figures = asdict(result) | {"report": report}
        step = reached.epoch * trainer.sampler.steps
        events.emit("epoch", stage="train", epoch=reached.epoch, epochs=trainer.epochs, step=step, **figures)
    return reached


def _check_output(job: Job, snapshot: Snapshot) -> bool:
    """Whether the run goes on from an earlier one's state. Raises CheckpointError."""
    if not (job.output / CONFIG).exists():
        return False
    if not job.resume:
        raise CheckpointError(
            f"{job.output} holds a checkpoint: name another folder, or resume it (--resume)"
        )
    check_same_run(job.output, job.config, snapshot.sha256, _parent(job))
    if not has_state(job.output):
        raise CheckpointError(f"{job.output} is finished: there is nothing to resume")
    return True


def _parent(job: Job) -> dict[str, Any]:
    if job.parent is None:
        return {}
    description, _ = read_description(job.parent)
    return {"snapshot": dict(description.snapshot), "epoch": description.epoch}


def _announce(snapshot: Snapshot, job: Job, device: torch.device, notes: list[str], events: Events) -> None:
    train = snapshot.faces.split == SPLITS["train"]
    own = job.config.backbone == "small" and job.identity_weights is None and job.parent is None
    if own and not has_people(snapshot):
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
        environment=environment(device),
        notes=notes,
    )
