"""Real networks that nobody trained, small ones, for tests in which a worker embeds."""

from __future__ import annotations

from pathlib import Path

import torch

from annotate.training.models import ModelVersion, Snapshot
from model.build import build_network
from model.checkpoint import Description, save_checkpoint
from model.network import NetworkConfig
from tests.training.registry import make_version

SIZE = 32


def make_real_version(snapshot: Snapshot, runs: Path, seed: int = 0, size: int = SIZE) -> ModelVersion:
    """A version that can embed. Its branches differ, or all embeddings would be one."""
    torch.manual_seed(seed)
    config = NetworkConfig(size=size)
    network = build_network(config)
    with torch.no_grad():
        for parameter in network.deviation.face.parameters():
            parameter.mul_(1 + 0.5 * torch.rand_like(parameter))
    version = make_version(snapshot)
    folder = runs / version.folder
    for path in folder.iterdir():
        path.unlink()
    save_checkpoint(folder, network, None, Description(config))
    return version
