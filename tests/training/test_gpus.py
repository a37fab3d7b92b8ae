"""One run at a time a GPU. A script stands in for the driver's nvidia-smi: only what it tells counts."""

import subprocess
import sys

import pytest

from annotate.training import gpus
from annotate.training.gpus import AllTaken, free_gpus, visible_gpus
from annotate.training.models import Run, RunState
from annotate.training.tasks import train_run

TOLD = "0, GPU-aaaa-1\n1, GPU-bbbb-2\n"


@pytest.fixture
def two_gpus(monkeypatch, settings, tmp_path):
    """A machine whose driver tells of two."""
    settings.STATE_DIR = tmp_path
    monkeypatch.setattr(gpus, "ASK", [sys.executable, "-c", f"print({TOLD!r}, end='')"])
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.parametrize(
    ("chosen", "seen"),
    [
        (None, ["GPU-aaaa-1", "GPU-bbbb-2"]),
        ("", []),
        ("-1", []),
        ("1", ["GPU-bbbb-2"]),
        ("1,0", ["GPU-bbbb-2", "GPU-aaaa-1"]),
        ("GPU-b", ["GPU-bbbb-2"]),
        ("0,-1,1", ["GPU-aaaa-1"]),
        ("MIG-cccc", ["MIG-cccc"]),
    ],
)
def test_a_worker_sees_what_it_is_given(two_gpus, monkeypatch, chosen, seen):
    if chosen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert visible_gpus() == seen


def test_two_workers_never_share_one(two_gpus, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    with free_gpus() as first:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
        with free_gpus() as second:
            assert (first, second) == (["GPU-bbbb-2"], ["GPU-aaaa-1"])
            with pytest.raises(AllTaken), free_gpus():
                pass
        with free_gpus() as again:
            assert again == ["GPU-aaaa-1"]
    with free_gpus() as both:
        assert both == ["GPU-aaaa-1", "GPU-bbbb-2"]


def test_the_lock_goes_with_its_process(two_gpus, tmp_path):
    program = (
        "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); "
        "print(1, flush=True); time.sleep(60)"
    )
    (tmp_path / "gpus").mkdir()
    holder = subprocess.Popen(
        [sys.executable, "-c", program, tmp_path / "gpus" / "GPU-aaaa-1.lock"], stdout=subprocess.PIPE
    )
    holder.stdout.readline()
    with free_gpus() as free:
        assert free == ["GPU-bbbb-2"]
    holder.kill()
    holder.wait()
    with free_gpus() as free:
        assert free == ["GPU-aaaa-1", "GPU-bbbb-2"]


@pytest.mark.parametrize("ask", [["no-such-program-here"], [sys.executable, "-c", "raise SystemExit(9)"]])
def test_without_a_driver_there_are_none(two_gpus, monkeypatch, ask):
    monkeypatch.setattr(gpus, "ASK", ask)
    with free_gpus() as free:
        assert free == []


@pytest.mark.usefixtures("stand_in")
def test_a_run_waits_on_the_queue_while_all_are_taken(two_gpus, run, monkeypatch):
    monkeypatch.setattr("annotate.training.worker.TAKEN_SECONDS", 0.0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    with free_gpus():
        train_run(run_id=run.pk)
        assert Run.objects.get().state == RunState.QUEUED
    train_run(run_id=run.pk)
    assert Run.objects.get().state == RunState.SUCCEEDED
