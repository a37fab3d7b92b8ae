"""What a run keeps beside its checkpoint to go on after an interruption; gone once the run is done.

Only the trainable state: the frozen branch is in the checkpoint already.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.checkpoint import (
    load_tensors,
    read_description,
    replace_text,
    save_tensors,
    split_frozen,
)
from model.errors import CheckpointError
from model.train_config import TrainConfig
from model.training import Trainer

STATE = "resume.json"


@dataclass(frozen=True)
class Reached:
    """How far a run came: epochs done, its best validation (0 to 1), and after which epoch that was."""

    epoch: int = 0
    best: float | None = None
    best_epoch: int = 0

    def after(self, value: float | None) -> "Reached":
        """One more epoch, with this validation."""
        epoch = self.epoch + 1
        if value is None or (self.best is not None and value <= self.best):
            return Reached(epoch, self.best, self.best_epoch)
        return Reached(epoch, value, epoch)

    def gave_up(self, patience: int | None) -> bool:
        """Whether there was a best validation, and none better for `patience` epochs."""
        return patience is not None and self.best is not None and self.epoch - self.best_epoch >= patience


def save_state(folder: Path, trainer: Trainer, reached: Reached) -> None:
    """Keep the trainer's state. resume.json, written last, names the tensors' file."""
    _, own = split_frozen(trainer.network)
    tensors = {f"network.{name}": tensor for name, tensor in own.items()}
    if trainer.crowd is not None:
        tensors["crowd.maps"] = trainer.crowd.maps
    for number, values in trainer.optimiser.state_dict()["state"].items():
        tensors |= {
            f"optimiser.{number}.{name}": value for name, value in values.items() if value is not None
        }
    path = folder / f"resume-{reached.epoch}.safetensors"
    save_tensors(path, tensors)
    replace_text(folder / STATE, json.dumps({**asdict(reached), "file": path.name}) + "\n")
    for old in folder.glob("resume-*.safetensors"):
        if old != path:
            old.unlink()


def has_state(folder: Path) -> bool:
    """Whether an interrupted run can go on here."""
    return (folder / STATE).is_file()


def load_state(folder: Path, trainer: Trainer) -> Reached:
    """Put the trainer back to where the run in `folder` was; how far that was."""
    kept = json.loads((folder / STATE).read_text(encoding="utf-8"))
    tensors = load_tensors(folder / kept.pop("file"))
    trainer.network.load_state_dict(_under(tensors, "network."), strict=False)
    if trainer.crowd is not None:
        trainer.crowd.load_state_dict(_under(tensors, "crowd."))
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _under(tensors, "optimiser.").items():
        number, key = name.split(".", 1)
        state.setdefault(int(number), {})[key] = tensor
    whole = trainer.optimiser.state_dict()
    trainer.optimiser.load_state_dict({"state": state, "param_groups": whole["param_groups"]})
    return Reached(**kept)


def check_same_run(
    folder: Path, config: TrainConfig, snapshot_sha256: str, parent: Mapping[str, Any]
) -> None:
    """Raise CheckpointError unless the run in `folder` has these settings, this snapshot and this parent."""
    description, _ = read_description(folder)
    if dict(description.parent) != dict(parent):
        raise CheckpointError(f"{folder} was started from another checkpoint: it cannot go on from this one")
    if description.snapshot.get("sha256") != snapshot_sha256:
        raise CheckpointError(f"{folder} was trained on another snapshot: it cannot be resumed on this one")
    kept, asked = dict(description.training), json.loads(json.dumps(asdict(config)))
    different = sorted(name for name in asked if kept.get(name) != asked[name])
    if different:
        raise CheckpointError(f"{folder} was started with other settings ({', '.join(different)})")


def drop_state(folder: Path) -> None:
    """The run is done."""
    (folder / STATE).unlink(missing_ok=True)
    for file in folder.glob("resume-*.safetensors"):
        file.unlink()


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: torch.as_tensor(t) for name, t in tensors.items() if name.startswith(prefix)}
