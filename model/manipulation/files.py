"""A manipulator on disk: generator.safetensors and manipulator.json.

Beside them, while it is trained, lies the state from which a killed run goes on. All files are written under
temporary names, then renamed.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from model.checkpoint import load_tensors, replace_text, save_tensors
from model.errors import CheckpointError
from model.manipulation.generator import Generator, GeneratorConfig
from model.manipulation.trainer import ManipulationTrainer

FORMAT = 1
GENERATOR = "generator.safetensors"
ABOUT = "manipulator.json"
STATE = "resume.json"


@dataclass(frozen=True)
class About:
    """manipulator.json: all that rebuilds the generator, and where it came from.

    `embedding` is the DLN that conditions it: its digest (inference.Embedder) and its snapshot; only
    embeddings of this very network mean anything to the generator. `training` is the run's configuration,
    `snapshot` the name and SHA-256 of its faces, `held_out` the identities kept for validation where the
    snapshot named none, `epoch` of `epochs` how far its training came, `report` how the generator does on
    held-out pairs, as that DLN sees it.
    """

    generator: GeneratorConfig
    embedding: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    snapshot: Mapping[str, str] = field(default_factory=dict)
    held_out: tuple[str, ...] = ()
    epoch: int = 0
    epochs: int = 0
    report: Mapping[str, Any] = field(default_factory=dict)


def save_manipulator(folder: Path, generator: Generator, about: About) -> None:
    """Write or replace the manipulator in `folder`; what says that it is there comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(folder / GENERATOR, generator.state_dict())
    replace_text(folder / ABOUT, json.dumps({"format": FORMAT, **asdict(about)}, indent=2) + "\n")


def load_manipulator(folder: Path) -> tuple[Generator, About]:
    """The generator in eval mode, and what is known of it. Raises CheckpointError."""
    about = read_about(folder)
    try:
        generator = Generator(about.generator)
        generator.load_state_dict(load_tensors(folder / GENERATOR))
    except (RuntimeError, ValueError) as error:
        raise CheckpointError(f"{folder}: its weights do not fit its {ABOUT} ({error})") from None
    return generator.eval(), about


def read_about(folder: Path) -> About:
    """What manipulator.json says. Raises CheckpointError."""
    path = folder / ABOUT
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        form = content.pop("format")
        if form != FORMAT:
            raise CheckpointError(f"{path}: format {form}, but this program reads format {FORMAT}")
        content["generator"] = GeneratorConfig(**content["generator"])
        content["held_out"] = tuple(content["held_out"])
        return About(**content)
    except FileNotFoundError:
        raise CheckpointError(f"{folder} holds no manipulator: it has no {ABOUT}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path}: not a manipulator's description ({error})") from None


def save_state(folder: Path, trainer: ManipulationTrainer, epoch: int, run: Mapping[str, Any]) -> None:
    """Keep all that training goes on from after so many epochs. `run`: what must be the same then."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {}
    for name, network in trainer.networks().items():
        tensors |= {f"{name}.{key}": tensor for key, tensor in network.state_dict().items()}
    for place, optimiser in enumerate(trainer.optimisers):
        for number, values in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser{place}.{number}.{key}": value for key, value in values.items()}
    path = folder / f"resume-{epoch}.safetensors"
    save_tensors(path, tensors)
    replace_text(folder / STATE, json.dumps({"epoch": epoch, "file": path.name, "run": run}) + "\n")
    for old in folder.glob("resume-*.safetensors"):
        if old != path:
            old.unlink()


def has_state(folder: Path) -> bool:
    """Whether an interrupted run can go on here."""
    return (folder / STATE).is_file()


def load_state(folder: Path, trainer: ManipulationTrainer) -> int:
    """Put the trainer back to where the run in `folder` was; after how many epochs that was."""
    kept = json.loads((folder / STATE).read_text(encoding="utf-8"))
    tensors = load_tensors(folder / kept["file"])
    for name, network in trainer.networks().items():
        network.load_state_dict(_under(tensors, f"{name}."))
    for place, optimiser in enumerate(trainer.optimisers):
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under(tensors, f"optimiser{place}.").items():
            number, key = name.split(".", 1)
            state.setdefault(int(number), {})[key] = tensor
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": state, "param_groups": groups})
    return int(kept["epoch"])


def check_same_run(folder: Path, run: Mapping[str, Any]) -> None:
    """Raise CheckpointError unless the interrupted run in `folder` was of these settings, faces and DLN."""
    kept = json.loads((folder / STATE).read_text(encoding="utf-8"))["run"]
    asked = json.loads(json.dumps(run))
    different = sorted(name for name in asked if kept.get(name) != asked[name])
    if different:
        raise CheckpointError(f"{folder} was started with other {', '.join(different)}: name another folder")


def drop_state(folder: Path) -> None:
    """The run is done."""
    (folder / STATE).unlink(missing_ok=True)
    for file in folder.glob("resume-*.safetensors"):
        file.unlink()


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
