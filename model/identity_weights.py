"""A pretrained identity backbone on disk: identity.json and identity.safetensors in one folder."""

import json
from dataclasses import asdict
from pathlib import Path

from torch import nn

from model.backbone import BackboneName, build_backbone
from model.checkpoint import IDENTITY, load_tensors, replace_text, save_tensors
from model.errors import CheckpointError
from model.identity import IdentityReport

DESCRIPTION = "identity.json"


def save_identity(
    folder: Path, network: nn.Module, backbone: BackboneName, size: int, report: IdentityReport
) -> None:
    """Write or replace the backbone in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(folder / IDENTITY, network.state_dict())
    described = {"backbone": backbone, "size": size, "report": asdict(report)}
    replace_text(folder / DESCRIPTION, json.dumps(described, indent=2) + "\n")


def load_identity(folder: Path, backbone: BackboneName, size: int) -> nn.Module:
    """The backbone in `folder`. Raises CheckpointError unless it is whole and of this kind and size."""
    path = folder / DESCRIPTION
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        found = (described["backbone"], described["size"])
    except FileNotFoundError:
        raise CheckpointError(f"{folder} holds no identity weights: it has no {DESCRIPTION}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: not a description of identity weights ({error})") from None
    if found != (backbone, size):
        asked = f"{backbone} at {size} px"
        raise CheckpointError(f"{folder} holds {found[0]} at {found[1]} px, but {asked} is asked for")
    network = build_backbone(backbone, size)
    network.load_state_dict(load_tensors(folder / IDENTITY))
    return network
