"""One training job from a snapshot folder to a checkpoint folder: its stages, epochs and files.

What it begins with is preparation.py's, what happens inside an epoch training.py's. No argument parsing, no
printing but by events.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from model.accuracy import Report, headline
from model.checkpoint import CONFIG, Description, read_description, save_checkpoint
from model.crowd import CrowdLayer
from model.device import chosen_device
from model.epoch_log import begin_log, log_epoch
from model.errors import CheckpointError
from model.events import Events
from model.network import EmbeddingNetwork
from model.preparation import Job, beginning, decoded, has_people, prepare, strata
from model.processes import Team
from model.resume import Reached, check_same_run, drop_state, has_state, load_state, save_state
from model.snapshot import SPLITS, Snapshot, read_snapshot
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
    _announce(snapshot, job, str(device), notes, events)
    mixed = strata(job, snapshot)
    crops = decoded(snapshot, job, team, events)
    network, crowd = beginning(job, snapshot, crops, device, events, resuming=resuming, team=team)
    trainer = Trainer(snapshot, crops, network, crowd, job.config, device, strata=mixed, team=team)
    run = _Run(job, snapshot, held_out, _parent(job))
    reached = load_state(job.output, trainer) if resuming else Reached()
    if job.config.identity_vectors == "clean" and network.KEEPS_FEATURES:
        events.stage("identity_vectors", len(crops))
        trainer.keep_features(events.progress)
    if team.rank == 0:
        job.output.mkdir(parents=True, exist_ok=True)
        begin_log(job.output, reached.epoch)
    reached = _train(trainer, run, reached, events)
    team.wait()
    report = dict(read_description(job.output)[0].report)
    if team.rank == 0:
        drop_state(job.output)
    seconds = round(time.monotonic() - began, 1)
    events.emit("done", checkpoint=str(job.output), epochs=reached.epoch, seconds=seconds, report=report)
    return report


@dataclass(frozen=True)
class _Run:
    """What every checkpoint of a run says alike."""

    job: Job
    snapshot: Snapshot
    held_out: tuple[str, ...]
    parent: Mapping[str, Any]

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


def _train(trainer: Trainer, run: _Run, reached: Reached, events: Events) -> Reached:
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
        events.emit("epoch", stage="train", epoch=reached.epoch, epochs=trainer.epochs, **figures)
    return reached


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


def _parent(job: Job) -> dict[str, Any]:
    if job.parent is None:
        return {}
    description, _ = read_description(job.parent)
    return {"snapshot": dict(description.snapshot), "epoch": description.epoch}


def _announce(snapshot: Snapshot, job: Job, device: str, notes: list[str], events: Events) -> None:
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
        device=device,
        notes=notes,
    )
