"""A trained network on disk: config.json, identity.safetensors (the frozen branch), network-N.safetensors.

config.json is written last and names the other files, so a checkpoint is whole or not there. Nothing here
trains; what is kept to resume a run is resume.py's.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from model.build import build_network
from model.crowd import CrowdLayer
from model.errors import CheckpointError
from model.network import EmbeddingNetwork, NetworkConfig

FORMAT = 1
CONFIG = "config.json"
IDENTITY = "identity.safetensors"
_CROWD_PREFIX = "crowd."


@dataclass(frozen=True)
class Description:
    """config.json: all that rebuilds the network, and where it came from.

    `training` is the run's own configuration, `snapshot` the name and SHA-256 of what it was trained on,
    `held_out` the identities it kept for validation where the snapshot named none, `report` its accuracy,
    `parent` the checkpoint that it was fine-tuned from: its snapshot, as `snapshot`, and epoch.
    """

    network: NetworkConfig
    annotators: tuple[str, ...] = ()
    epoch: int = 0
    training: Mapping[str, Any] = field(default_factory=dict)
    snapshot: Mapping[str, Any] = field(default_factory=dict)
    held_out: tuple[str, ...] = ()
    report: Mapping[str, Any] = field(default_factory=dict)
    parent: Mapping[str, Any] = field(default_factory=dict)


def save_checkpoint(
    folder: Path, network: EmbeddingNetwork, crowd: CrowdLayer | None, description: Description
) -> None:
    """Write or replace the checkpoint in `folder`. A reader sees the old one or the new one, never half."""
    folder.mkdir(parents=True, exist_ok=True)
    identity, own = split_frozen(network)
    if crowd is not None:
        own |= {f"{_CROWD_PREFIX}{name}": tensor for name, tensor in crowd.state_dict().items()}
    weights = f"network-{description.epoch}.safetensors"
    if not (folder / CONFIG).exists():  # the frozen branch of a run is the same in all its checkpoints
        save_tensors(folder / IDENTITY, identity)
    save_tensors(folder / weights, own)
    config = {"format": FORMAT, "files": {"identity": IDENTITY, "network": weights}, **asdict(description)}
    replace_text(folder / CONFIG, json.dumps(config, indent=2) + "\n")
    for old in folder.glob("network-*.safetensors"):
        if old.name != weights:
            old.unlink()


def load_checkpoint(folder: Path) -> tuple[EmbeddingNetwork, CrowdLayer | None, Description]:
    """The network in eval mode, its crowd layer if it has one, and its description; needs no snapshot.

    Raises CheckpointError.
    """
    description, files = read_description(folder)
    network = build_network(description.network)
    state = _frozen_state(folder, files, network)
    own = load_tensors(folder / files["network"])
    centred = bool(description.training.get("crowd_centred", False))
    crowd = CrowdLayer(description.annotators, centred=centred) if description.annotators else None
    try:
        if crowd is not None:
            crowd.load_state_dict({"maps": own.pop(f"{_CROWD_PREFIX}maps")})
        network.load_state_dict(state | own)
    except (RuntimeError, KeyError) as error:
        raise CheckpointError(f"{folder}: its weights do not fit its {CONFIG} ({error})") from None
    return network.eval(), crowd, description


def read_description(folder: Path) -> tuple[Description, dict[str, str]]:
    """What config.json says, and its files. Raises CheckpointError."""
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        form, files = config.pop("format"), config.pop("files")
        if form != FORMAT:
            raise CheckpointError(f"{path}: format {form}, but this program reads format {FORMAT}")
        config["network"] = NetworkConfig(**config["network"])
        for name in ("annotators", "held_out"):
            config[name] = tuple(config[name])
        return Description(**config), files
    except FileNotFoundError:
        raise CheckpointError(f"{folder} is no checkpoint: it has no {CONFIG}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path}: not a checkpoint's description ({error})") from None


def load_identity_state(folder: Path, network: EmbeddingNetwork) -> None:
    """Put the frozen part of the checkpoint in `folder` into a network. Raises CheckpointError."""
    _, files = read_description(folder)
    network.load_state_dict(_frozen_state(folder, files, network), strict=False)


def split_frozen(network: EmbeddingNetwork) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A network's state as that of its frozen part (names without prefix) and the rest."""
    state, prefix = network.state_dict(), network.FROZEN
    frozen = {name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)}
    return frozen, {name: tensor for name, tensor in state.items() if not name.startswith(prefix)}


def _frozen_state(folder: Path, files: Mapping[str, str], network: EmbeddingNetwork) -> dict[str, Tensor]:
    tensors = load_tensors(folder / files["identity"])
    return {f"{network.FROZEN}{name}": tensor for name, tensor in tensors.items()}


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a safetensors file under a temporary name, then rename it."""
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    _put(path, save(whole))  # not save_file: only their owner may read its files


def load_tensors(path: Path) -> dict[str, Tensor]:
    """A safetensors file's tensors. Raises CheckpointError if it is missing or torn."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: not readable ({error})") from None


def replace_text(path: Path, text: str) -> None:
    """Write a text file under a temporary name, then rename it."""
    _put(path, text.encode())


def _put(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
    except BaseException:
        part.unlink(missing_ok=True)  # on a full disk half a file would be one too many
        raise
    part.replace(path)
