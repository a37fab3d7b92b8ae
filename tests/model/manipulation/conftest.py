"""A DLN that was never trained, its branches set apart by chance, and a tiny manipulator learnt by it."""

import numpy as np
import pytest
import torch

from model.backbone import build_backbone
from model.build import build_network
from model.checkpoint import Description, save_checkpoint
from model.crops import load_crops
from model.events import Events
from model.manipulation.config import ManipulationConfig
from model.manipulation.guide import load_guide
from model.manipulation.run import ManipulationJob, run_manipulation
from model.manipulation.sights import look
from model.network import NetworkConfig
from model.snapshot import read_snapshot

SIZE = 32
CPU = torch.device("cpu")


def write_dln(folder, seed=0, method="dln"):
    torch.manual_seed(seed)
    config = NetworkConfig(method=method, size=SIZE)
    network = build_network(config, build_backbone("small", SIZE))
    with torch.no_grad():  # in a new one both branches are equal, and so are all embeddings
        for name, parameter in network.named_parameters():
            if name.startswith("deviation.face.trunk.0"):
                parameter.add_(torch.randn_like(parameter) * 0.3)
    save_checkpoint(folder, network, None, Description(config, snapshot={"sha256": "s"}))
    return folder


def tiny(**settings):
    given = {"size": SIZE, "width": 16, "steps": 8, "faces_per_step": 24, "pairs": 12, "precision": "float32"}
    return ManipulationConfig(**(given | settings))


@pytest.fixture(scope="session")
def dln(tmp_path_factory):
    return write_dln(tmp_path_factory.mktemp("dln") / "checkpoint")


@pytest.fixture(scope="session")
def faces(drawn):
    """The drawn snapshot, and its crops at SIZE."""
    snapshot = read_snapshot(drawn)
    return snapshot, load_crops(snapshot, SIZE)


@pytest.fixture(scope="session")
def sights(dln, faces):
    guide, _ = load_guide(dln, CPU)
    return look(guide, faces[1], CPU, lambda done: None)


@pytest.fixture(scope="session")
def manipulator_folder(dln, drawn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("manipulator") / "m"
    with Events(silent=True) as events:
        run_manipulation(ManipulationJob(dln, folder, tiny(), snapshot=drawn, device="cpu"), events)
    return folder


@pytest.fixture
def embeddings():
    vectors = np.random.default_rng(0).normal(size=(5, 16)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
