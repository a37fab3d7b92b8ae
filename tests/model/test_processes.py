"""Several processes train as one: the same losses and weights; and a whole run under torchrun."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from model.checkpoint import load_checkpoint
from model.processes import Team

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node")


def launch(*command):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.slow
def test_two_processes_give_the_weights_of_one(drawn, tmp_path):
    script = ("tests.model.two_processes", drawn)
    launch(sys.executable, "-m", *script, tmp_path / "one.npz")
    launch(*TORCHRUN, 2, "-m", *script, tmp_path / "two.npz")
    one, two = np.load(tmp_path / "one.npz"), np.load(tmp_path / "two.npz")
    assert np.abs(one["losses"] - two["losses"]).max() < 1e-9
    for name in one.files:
        assert np.allclose(one[name], two[name], rtol=0, atol=1e-8), name
    assert one["losses"][-1] < one["losses"][0]


@pytest.mark.long
def test_a_run_under_torchrun_writes_one_checkpoint_and_one_course_of_events(drawn, tmp_path):
    command = ("--snapshot", drawn, "--output", tmp_path / "out", "--events", tmp_path / "events.jsonl")
    settings = ("--size", 32, "--epochs", 3, "--identity-epochs", 1, "--device", "cpu")
    steps = ("--faces-per-step", 40, "--triplets-per-step", 60)
    launch(*TORCHRUN, 2, "-m", "model", "train", *command, *settings, *steps)
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    kinds = [event["event"] for event in events if event["event"] != "progress"]
    assert kinds.count("start") == kinds.count("done") == 1
    trained = [event for event in events if event["event"] == "epoch" and event["stage"] == "train"]
    assert [event["epoch"] for event in trained] == [1, 2, 3]
    network, crowd, description = load_checkpoint(tmp_path / "out")
    assert description.epoch == 3
    assert crowd is not None
    assert all(torch.isfinite(tensor).all() for tensor in network.state_dict().values())
    assert events[-1]["report"]["strong"]["accuracy"]["mean"] > 0.4
    kept = {path.name for path in (tmp_path / "out").iterdir()}
    assert kept == {"config.json", "identity.safetensors", "log.csv", "network-3.safetensors"}


def test_a_team_of_one_exchanges_nothing():
    team, vectors = Team(), torch.ones(3, 2)
    assert team.gather(vectors, 3) is vectors
    assert list(team.part(np.arange(5))) == [0, 1, 2, 3, 4]


def test_parts_are_all_faces_in_order():
    parts = [Team(rank, 3).part(np.arange(8)) for rank in range(3)]
    assert np.array_equal(np.concatenate(parts), np.arange(8))
    assert {len(part) for part in parts} == {2, 3}
