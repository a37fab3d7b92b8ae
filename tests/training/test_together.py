"""Several processes of the real network train one run under torchrun: killed, cancelled."""

import threading
import time

import psutil
import pytest
from django.db import connection
from django.utils import timezone

from annotate.training.models import Run, RunState
from annotate.training.runs import cancel_run, queue_run
from annotate.training.shared_folders import run_folder
from annotate.training.worker import work_on
from tests.training.workers import is_training, lives, wait_for

pytestmark = pytest.mark.long
CONFIG = {"epochs": 100_000, "faces_per_step": 12, "triplets_per_step": 24}


@pytest.fixture
def pair(settings, monkeypatch):
    settings.TRAINING_PROCESSES = 2
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


def in_background(run):
    again = []

    def work():
        again.append(work_on(run.pk))
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread, again


def ranks():
    """torchrun's processes, the first one first."""
    below = psutil.Process().children(recursive=True)
    found = {p.environ()["RANK"]: p for p in below if lives(p) and "RANK" in p.environ()}
    return [found[rank] for rank in sorted(found)]


def test_one_killed_ends_the_others_and_a_cancel_ends_all(transactional_db, snapshot, pair):
    run = queue_run(snapshot, CONFIG, None)
    thread, again = in_background(run)
    wait_for(lambda: is_training(run))
    first, second = ranks()
    assert [p.environ()["WORLD_SIZE"] for p in (first, second)] == ["2", "2"]
    epochs = [event["epoch"] for event in run.events if event["kind"] == "epoch"]
    assert epochs == sorted(set(epochs)), "one of them tells"

    second.kill()
    thread.join(60)
    run.refresh_from_db()
    assert (run.state, run.losses, again) == (RunState.QUEUED, 1, [True])
    assert not lives(first)
    reached = max(event["epoch"] for event in run.events if event["kind"] == "epoch")

    Run.objects.update(events=[])
    thread, again = in_background(run)
    wait_for(lambda: is_training(run))
    assert min(event["epoch"] for event in run.events if event["kind"] == "epoch") >= reached
    pair_of_them = ranks()
    began = time.monotonic()
    cancel_run(run.pk, timezone.now())
    thread.join(20)
    assert time.monotonic() - began < 10
    assert not any(map(lives, pair_of_them))
    run.refresh_from_db()
    assert (run.state, again) == (RunState.CANCELLED, [False])
    assert (run_folder(run) / "checkpoint" / "config.json").exists()


def test_a_killed_torchrun_leaves_nobody(transactional_db, snapshot, pair):
    """As when its worker is killed: the kernel ends torchrun, and so the rest."""
    run = queue_run(snapshot, CONFIG, None)
    thread, again = in_background(run)
    wait_for(lambda: is_training(run))
    both = ranks()
    both[0].parent().kill()
    wait_for(lambda: not any(map(lives, both)), 5)
    thread.join(30)
    assert again == [True]
    cancel_run(run.pk, timezone.now())
    assert Run.objects.get().state == RunState.CANCELLED
