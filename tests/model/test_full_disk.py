"""Where nothing more can be written a run says so, and what was whole stays whole. A limit on the size of
files stands in for the full disk: writing fails in the same place, with the same kind of error.
"""

import json
import resource
import subprocess
import sys
from contextlib import contextmanager

import pytest
import torch

from model.build import build_network
from model.checkpoint import Description, load_checkpoint, save_checkpoint
from model.crops import load_crops
from model.errors import OutputError, writing_to
from model.network import NetworkConfig
from model.snapshot import read_snapshot

SMALL = 64 << 10


@contextmanager
def files_at_most(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_last_checkpoint_stays_whole_and_nothing_half_is_left(tmp_path):
    network = build_network(NetworkConfig(size=32))
    save_checkpoint(tmp_path, network, None, Description(network.config, epoch=1))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with torch.no_grad():
        network.deviation.face.last_linear.weight.add_(1.0)
    with (
        files_at_most(SMALL),
        pytest.raises(OutputError, match="can not be written: File too large"),
        writing_to(tmp_path),
    ):
        save_checkpoint(tmp_path, network, None, Description(network.config, epoch=2))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert load_checkpoint(tmp_path)[2].epoch == 1


def test_crops_that_find_no_place_are_an_error_and_no_death(drawn, tmp_path):
    with files_at_most(SMALL), pytest.raises(OSError, match="large"):
        load_crops(read_snapshot(drawn), 32, store=tmp_path / "crops.part")


@pytest.mark.long
def test_a_run_on_a_full_disk_says_so_in_one_line(drawn, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "model", "train", "--snapshot", drawn, "--output", tmp_path / "out",
         "--size", "32", "--epochs", "1", "--identity-epochs", "1", "--device", "cpu"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)),
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["event"] == "failed"
    assert last["reason"] == f"{tmp_path / 'out'} can not be written: File too large"
    assert done.stderr.splitlines()[-1] == f"error: {last['reason']}"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["log.csv"]
