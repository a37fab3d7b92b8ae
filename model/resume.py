"""What a run keeps beside its checkpoint to go on after an interruption; gone once the run is done.

Only the trainable state: the frozen branch is in the checkpoint already.
"""

import json
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from model.checkpoint import (
    load_tensors,
    read_description,
    replace_text,
    save_tensors,
    split_identity,
)
from model.errors import CheckpointError
from model.training import TrainConfig, Trainer

STATE = "resume.json"


def save_state(folder: Path, trainer: Trainer, epoch: int) -> None:
    """Keep the trainer's state after `epoch` epochs. resume.json, written last, names the tensors' file."""
    _, own = split_identity(trainer.network.state_dict())
    tensors = {f"network.{name}": tensor for name, tensor in own.items()}
    if trainer.crowd is not None:
        tensors["crowd.maps"] = trainer.crowd.maps
    for number, values in trainer.optimiser.state_dict()["state"].items():
        tensors |= {
            f"optimiser.{number}.{name}": value for name, value in values.items() if value is not None
        }
    path = folder / f"resume-{epoch}.safetensors"
    save_tensors(path, tensors)
    replace_text(folder / STATE, json.dumps({"epoch": epoch, "file": path.name}) + "\n")
    for old in folder.glob("resume-*.safetensors"):
        if old != path:
            old.unlink()


def has_state(folder: Path) -> bool:
    """Whether an interrupted run can go on here."""
    return (folder / STATE).is_file()


def load_state(folder: Path, trainer: Trainer) -> int:
    """Put the trainer back to where the run in `folder` was; how many epochs it had done."""
    kept = json.loads((folder / STATE).read_text(encoding="utf-8"))
    tensors = load_tensors(folder / kept["file"])
    trainer.network.load_state_dict(_under(tensors, "network."), strict=False)
    if trainer.crowd is not None:
        trainer.crowd.load_state_dict(_under(tensors, "crowd."))
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _under(tensors, "optimiser.").items():
        number, key = name.split(".", 1)
        state.setdefault(int(number), {})[key] = tensor
    whole = trainer.optimiser.state_dict()
    trainer.optimiser.load_state_dict({"state": state, "param_groups": whole["param_groups"]})
    return int(kept["epoch"])


def check_same_run(folder: Path, config: TrainConfig, snapshot_sha256: str) -> None:
    """Raise CheckpointError unless the run in `folder` has these settings and this snapshot."""
    description, _ = read_description(folder)
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
