"""Real Celery workers of the gpu queue, with the real Redis and network, and how to look at them."""

import os
import subprocess
import sys
import time

import psutil
import pytest
from django.conf import settings
from django.db import connection

from annotate.training.models import RunState


@pytest.fixture
def start_worker(folders):
    """Starts workers as the supervisor does, on this test's database and folders; kills what is left."""
    workers = []

    def start():
        name = connection.settings_dict["NAME"]
        host = connection.settings_dict["HOST"] or connection.settings_dict["OPTIONS"].get("host")
        environment = {
            **os.environ,
            "DATABASE_URL": f"postgresql://postgres@/{name}?host={host}",
            "SNAPSHOTS_DIR": str(settings.SNAPSHOTS_DIR),
            "RUNS_DIR": str(settings.RUNS_DIR),
            "REMAP_SIGTERM": "SIGQUIT",
        }
        command = [sys.executable, "-m", "celery", "-A", "config.celery", "worker", "-Q", "gpu"]
        with (folders / "worker.log").open("ab") as log:
            worker = subprocess.Popen(
                [*command, "-n", f"gpu{len(workers)}@%h", "--concurrency", "1", "--loglevel", "INFO"],
                cwd=settings.BASE_DIR, env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        for process in [*_below(worker.pid), worker]:
            process.kill()
        worker.wait()


def _below(pid):
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def networks(worker):
    """The processes of the network below a worker."""
    return [p for p in _below(worker.pid) if "model" in p.cmdline() and "train" in p.cmdline()]


def lives(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def wait_for(condition, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.2)
    return found


def is_training(run):
    """Whether it has trained some epochs since it was claimed."""
    run.refresh_from_db()
    return (
        run.state == RunState.RUNNING
        and run.stage == "train"
        and any(event["kind"] == "epoch" for event in run.events)
    )


def last_epoch(run):
    return max(event["epoch"] for event in run.events if event["kind"] == "epoch")
