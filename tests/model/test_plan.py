"""What a run will take, foretold: as the run itself then says, and without loading what trains."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from model.build import build_network
from model.crops import load_crops
from model.errors import TrainingError
from model.network import NetworkConfig
from model.plan import plan
from model.snapshot import read_snapshot
from model.train_config import TrainConfig
from model.training import Trainer


@pytest.fixture(scope="module")
def snapshot(drawn):
    return read_snapshot(drawn)


def planned(snapshot, **changes):
    config = TrainConfig()
    names = ("hold_out", "seed", "faces_per_step", "triplets_per_step", "epochs", "steps")
    return plan(snapshot, **{name: getattr(config, name) for name in names} | changes)


def test_it_needs_no_torch(snapshot):
    program = (
        "import sys; from pathlib import Path; from model.plan import plan; from model.snapshot import "
        f"read_snapshot; read_snapshot(Path({str(snapshot.folder)!r}), answers=False); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_answers_are_left_out_where_nobody_asks_for_them(snapshot):
    without = read_snapshot(snapshot.folder, answers=False)
    assert len(without.answers.start) == len(snapshot.answers.start)
    assert not len(without.answers.odd)
    assert np.array_equal(without.triplets.faces, snapshot.triplets.faces)
    assert planned(without) == planned(snapshot)


@pytest.mark.parametrize(
    ("asked", "least"),
    [({"epochs": 3}, None), ({"steps": 47}, 47), ({}, 2000), ({"epochs": 2, "triplets_per_step": 5}, None)],
)
def test_steps_are_the_trainers(snapshot, asked, least):
    found = planned(snapshot, faces_per_step=24, **asked)
    config = TrainConfig(faces_per_step=24, **asked)
    network, crops = build_network(NetworkConfig(size=32)), load_crops(snapshot, 32)
    trainer = Trainer(snapshot, crops, network, None, config, torch.device("cpu"))
    assert (found.epochs, found.steps) == (trainer.epochs, trainer.steps)
    if least:
        assert least <= found.steps < least + found.steps_per_epoch


def test_nothing_to_train_on_is_no_plan(snapshot):
    with pytest.raises(TrainingError, match="no triplet has all its faces in the train split"):
        planned(snapshot.held_out(snapshot.faces.identities))
