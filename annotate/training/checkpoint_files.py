"""Looks whether a checkpoint can be gone on from, without loading it: its description, and that its weights
are whole and are that network's. Files only, no tables, no torch.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FORMAT = 1
CONFIG = "config.json"
EMBEDDING = 16
# The longest header that the format of safetensors allows.
MOST_HEADER_BYTES = 100_000_000
# Bits a number, by the names of safetensors.
BITS = {
    "F64": 64,
    "F32": 32,
    "F16": 16,
    "BF16": 16,
    "I64": 64,
    "I32": 32,
    "I16": 16,
    "I8": 8,
    "U8": 8,
    "BOOL": 8,
}
# One weight of each backbone that the other does not have, as it is called in the frozen branch.
OF_BACKBONE = {"small": "trunk.0.weight", "facenet": "conv2d_1a.conv.weight"}
HIGH_ORDER = "high_order.last.weight"

Tensors = Mapping[str, Mapping[str, Any]]


class Unreadable(Exception):
    """Nothing can go on from this checkpoint; the message says why."""


def read_network(folder: Path) -> dict[str, Any]:
    """The network's settings (backbone, order, ...) of a checkpoint that is whole. Raises Unreadable."""
    config = _read_config(folder / CONFIG)
    network, files = config["network"], config["files"]
    identity, own = (_read_header(folder / files[name]) for name in ("identity", "network"))
    if network.get("method", "dln") != "dln":
        raise Unreadable(f"it is a network of the kind {network['method']}, which no run goes on from")
    if OF_BACKBONE.get(network["backbone"]) not in identity:
        raise Unreadable(f"{files['identity']} is not the frozen branch of a {network['backbone']} backbone")
    if own.get(HIGH_ORDER, {}).get("shape") != [EMBEDDING, EMBEDDING * network["order"]]:
        raise Unreadable(f"{files['network']} is not a network of order {network['order']}")
    return dict(network)


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        if config["format"] != FORMAT:
            raise Unreadable(f"{path.name} has format {config['format']}, and only {FORMAT} can be read")
        for name in ("identity", "network"):
            # Files of the folder itself, whatever the text says.
            if Path(config["files"][name]).name != config["files"][name]:
                raise Unreadable(f"{path.name} names {config['files'][name]!r}, which is not in its folder")
        # Both are needed below.
        config["network"]["backbone"], config["network"]["order"] + 0
    except FileNotFoundError:
        raise Unreadable(f"it has no {path.name}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"{path.name} is not a checkpoint's description ({error})") from None
    return config


def _read_header(path: Path) -> Tensors:
    """The tensors of a safetensors file, every one of which is whole: 8 bytes of length, a JSON object that
    gives each its type, shape and place, then their bytes without a gap."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(size - 8, MOST_HEADER_BYTES):
                raise Unreadable(f"{path.name} is torn")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        ends = 0
        for name, tensor in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            first, last = tensor["data_offsets"]
            if first != ends or (last - first) * 8 != math.prod(tensor["shape"]) * BITS[tensor["dtype"]]:
                raise Unreadable(f"{path.name}: {name} is not as long as it says")
            ends = last
    except FileNotFoundError:
        raise Unreadable(f"{path.name} is missing") from None
    except (OSError, struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"{path.name} is not a file of weights ({error})") from None
    if 8 + length + ends != size:
        raise Unreadable(f"{path.name} is torn: it has {size:,} bytes of {8 + length + ends:,}")
    return header
