"""One manipulation run from faces to a manipulator's folder: its stages, epochs and files.

What happens inside an epoch is trainer.py's. No argument parsing, no printing but by events.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model.device import chosen_device
from model.environment import environment
from model.errors import CheckpointError, TrainingError
from model.events import Events
from model.manipulation.config import LARGEST_SIZE, SIZE_STEP, SMALLEST_SIZE, WIDTH_STEP, ManipulationConfig
from model.manipulation.files import (
    ABOUT,
    About,
    check_same_run,
    drop_state,
    has_state,
    load_state,
    read_about,
    save_manipulator,
    save_state,
)
from model.manipulation.guide import Guide, load_guide
from model.manipulation.labelled import read_faces, split_by_people
from model.manipulation.sights import Sights, look
from model.manipulation.trainer import ManipulationTrainer
from model.preparation import decoded
from model.processes import Team
from model.snapshot import SPLITS, Snapshot


@dataclass(frozen=True)
class ManipulationJob:
    """What to train on, by which embedding, where to put it, and how.

    The faces are a `snapshot`, or a folder (`faces`) with its `labels`. `crops`: a file of decoded crops to
    keep for other runs.
    """

    checkpoint: Path
    output: Path
    config: ManipulationConfig
    snapshot: Path | None = None
    faces: Path | None = None
    labels: Path | None = None
    crops: Path | None = None
    resume: bool = False
    device: str | None = None

    @property
    def size(self) -> int:
        """Side in px of the faces that the generator takes and makes."""
        return self.config.size


def run_manipulation(job: ManipulationJob, events: Events) -> dict[str, Any]:
    """Train, write the manipulator after every epoch, and return its report on held-out pairs.

    Raises a ModelError that a user can act on.
    """
    began = time.monotonic()
    _check_sizes(job.config)
    read = read_faces(job.snapshot, job.faces, job.labels)
    snapshot, held_out, notes = split_by_people(read, job.config.hold_out, job.config.seed)
    device = chosen_device(job.device)
    events.watch(device)
    guide, embedder = load_guide(job.checkpoint, device)
    run = {
        "training": asdict(job.config),
        "snapshot": {"name": snapshot.name, "sha256": snapshot.sha256},
        "embedding": {"digest": embedder.digest, "snapshot": dict(embedder.description.snapshot)},
    }
    resuming = _check_output(job, run)
    trainer = _trainer(job, snapshot, guide, device, events, notes)
    reached = load_state(job.output, trainer) if resuming else 0
    report = _epochs(trainer, job.output, run, held_out, reached, events)
    seconds = round(time.monotonic() - began, 1)
    events.emit("done", checkpoint=str(job.output), epochs=trainer.epochs, seconds=seconds, report=report)
    # After that was said: a run that is killed in between is resumed, and has nothing left to do.
    drop_state(job.output)
    return report


def sights_of(
    job: ManipulationJob, snapshot: Snapshot, crops: np.ndarray, guide: Guide, events: Events
) -> Sights:
    """What the guide sees in all faces: in `crops`, where they are of its size."""
    if guide.size != job.size:
        seen_at = replace(job, config=replace(job.config, size=guide.size), crops=None)
        crops = decoded(snapshot, seen_at, Team(), events)
    events.stage("embed", len(crops))
    device = next(guide.parameters()).device
    return look(guide, crops, device, events.progress)


def _trainer(
    job: ManipulationJob,
    snapshot: Snapshot,
    guide: Guide,
    device: torch.device,
    events: Events,
    notes: list[str],
) -> ManipulationTrainer:
    train = snapshot.faces.split == SPLITS["train"]
    events.emit(
        "start",
        snapshot=snapshot.sha256,
        faces=len(train),
        train_faces=int(train.sum()),
        val_faces=int((~train).sum()),
        people=len(np.unique(snapshot.faces.identity[train])),
        device=str(device),
        environment=environment(device),
        notes=notes,
    )
    crops = decoded(snapshot, job, Team(), events)
    sights = sights_of(job, snapshot, crops, guide, events)
    return ManipulationTrainer(snapshot, crops, sights, guide, job.config, device)


def _epochs(
    trainer: ManipulationTrainer,
    folder: Path,
    run: Mapping[str, Any],
    held_out: tuple[str, ...],
    reached: int,
    events: Events,
) -> dict[str, Any]:
    """All epochs that are left, with the files and the event of each; the last one's report."""
    report = dict(read_about(folder).report) if reached else {}
    events.stage("train", trainer.steps, reached * trainer.sampler.steps)
    for epoch in range(reached + 1, trainer.epochs + 1):
        result = trainer.epoch(epoch - 1, events.progress)
        report = trainer.validate()
        about = About(
            trainer.average.config,
            **run,
            held_out=held_out,
            epoch=epoch,
            epochs=trainer.epochs,
            report=report,
        )
        save_manipulator(folder, trainer.average, about)
        save_state(folder, trainer, epoch, run)
        figures = asdict(result) | {"report": report}
        step = epoch * trainer.sampler.steps
        events.emit("epoch", stage="train", epoch=epoch, epochs=trainer.epochs, step=step, **figures)
    return report


def _check_sizes(config: ManipulationConfig) -> None:
    if config.size % SIZE_STEP or not SMALLEST_SIZE <= config.size <= LARGEST_SIZE:
        raise TrainingError(
            f"faces of {config.size} px: the side must be a multiple of {SIZE_STEP}, "
            f"from {SMALLEST_SIZE} to {LARGEST_SIZE}"
        )
    if config.width % WIDTH_STEP:
        raise TrainingError(f"a width of {config.width} channels: it must be a multiple of {WIDTH_STEP}")


def _check_output(job: ManipulationJob, run: Mapping[str, Any]) -> bool:
    """Whether the run goes on from an earlier one's state. Raises CheckpointError."""
    folder = job.output
    if not (folder / ABOUT).exists():
        return False
    if not job.resume:
        raise CheckpointError(f"{folder} holds a manipulator: name another folder, or resume it (--resume)")
    if not has_state(folder):
        about = read_about(folder)
        if about.epoch == about.epochs:
            raise CheckpointError(f"{folder} is finished: there is nothing to resume")
        return False  # killed just before its first state was whole
    check_same_run(folder, run)
    return True
