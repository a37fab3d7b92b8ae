"""Writes checkpoints that are whole, of a network that nobody trained: small ones, by hand."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

NETWORK = {
    "method": "dln", "backbone": "small", "size": 64, "order": 3, "normalize_vectors": False,
    "normalize_embedding": True, "dropout": None,
}  # fmt: skip


def write_checkpoint(folder: Path, epoch: int = 1, **network: Any) -> Path:
    """One of this network, as far as it can be looked at without loading it."""
    folder.mkdir(parents=True, exist_ok=True)
    made = NETWORK | network
    first = "trunk.0.weight" if made["backbone"] == "small" else "conv2d_1a.conv.weight"
    write_tensors(folder / "identity.safetensors", {first: [4, 3, 3, 3]})
    write_tensors(folder / "network.safetensors", {"high_order.last.weight": [16, 16 * made["order"]]})
    config = {
        "format": 1, "files": {"identity": "identity.safetensors", "network": "network.safetensors"},
        "network": made, "epoch": epoch,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def write_tensors(path: Path, shapes: Mapping[str, Sequence[int]]) -> None:
    """A safetensors file of zeros."""
    header, end = {}, 0
    for name, shape in shapes.items():
        length = 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + length]}
        end += length
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))
