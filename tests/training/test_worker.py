"""What a worker does with a run, on real processes; a script stands in for the network."""

import os
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from annotate.training import runs, watch
from annotate.training.models import Embedding, ModelVersion, Run, RunState
from annotate.training.runs import cancel_run, claim_run, recover_runs
from annotate.training.shared_folders import run_folder
from annotate.training.tasks import train_run
from annotate.training.worker import work_on

pytestmark = pytest.mark.usefixtures("stand_in")


def trained_from(run):
    """The epoch that each training process began with."""
    return (run_folder(run) / "epochs").read_text().split()


def wait_for(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


def in_background(run):
    """Train in a thread of its own, as a worker does beside the web; its database connection too."""

    def work():
        train_run(run_id=run.pk)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_run_becomes_a_model_version(run):
    train_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.SUCCEEDED, "")
    assert run.ended_at >= run.started_at
    version = ModelVersion.objects.get(run=run)
    assert version.evaluation["strong"]["accuracy"]["mean"] == 0.75
    assert (Path(settings.RUNS_DIR) / version.folder / "config.json").exists()
    assert Embedding.objects.filter(model_version=version).count() == 24
    kinds = [event["kind"] for event in run.events]
    assert (kinds.count("start"), kinds.count("step"), kinds.count("epoch")) == (1, 4, 4)
    assert [e["loss"] for e in run.events if e["kind"] == "step"] == [1.0, 0.5, None, 0.25]


def test_a_message_delivered_twice_trains_once(run):
    train_run(run_id=run.pk)
    train_run(run_id=run.pk)
    assert trained_from(run) == ["0"]
    assert ModelVersion.objects.count() == 1


def test_a_run_of_another_worker_is_left_alone(run):
    claim_run(run.pk, "other:1", timezone.now())
    train_run(run_id=run.pk)
    assert not run_folder(run).exists()
    run.refresh_from_db()
    assert run.worker == "other:1"


@pytest.mark.parametrize(
    ("fail", "reason"),
    [
        ("train:said", "the snapshot is torn"),
        ("evaluate:trace", "RuntimeError: out of memory"),
        ("embed:said", "the snapshot is torn"),
    ],
)
def test_a_failure_says_why(run, monkeypatch, fail, reason):
    monkeypatch.setenv("FAIL", fail)
    train_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert reason in run.error
    assert not ModelVersion.objects.exists()


def test_a_killed_training_goes_on_from_its_checkpoint(run, monkeypatch):
    monkeypatch.setenv("KILLED_AT", "2")
    train_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.losses, run.worker, run.error) == (RunState.QUEUED, 1, "", "")
    train_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.losses) == (RunState.SUCCEEDED, 1)
    assert trained_from(run) == ["0", "2"]
    assert [event["step"] for event in run.events if event["kind"] == "step"] == [10, 20, 30, 40]


@pytest.mark.parametrize("command", ["train", "evaluate", "embed"])
def test_killed_again_and_again_it_fails(run, monkeypatch, command):
    monkeypatch.setenv("FAIL", f"{command}:killed")
    states = []
    for _ in range(3):
        assert work_on(run.pk) == (len(states) < 2), "whether it is to be put on the queue again"
        states.append(Run.objects.get().state)
    assert states == [RunState.QUEUED, RunState.QUEUED, RunState.FAILED]
    run.refresh_from_db()
    assert "broken off 3 times" in run.error
    assert "no memory left" in run.error
    assert not ModelVersion.objects.exists()


def test_a_loss_does_not_undo_a_cancelling(run):
    claim = claim_run(run.pk, "a:1", timezone.now())
    cancel_run(run.pk, timezone.now())
    assert not runs.lose(claim, "killed", timezone.now())
    assert Run.objects.get().state == RunState.CANCELLING, "its worker says when it is"


def test_a_snapshot_that_went_missing_says_so(run, folders):
    (folders / "snapshots").rename(folders / "elsewhere")
    train_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert "freeze a new snapshot" in run.error


def test_cancel_ends_the_whole_group_within_ten_seconds(transactional_db, run, monkeypatch):
    """Even where it ignores SIGTERM."""
    monkeypatch.setenv("HANG", "1")
    thread = in_background(run)
    processes = run_folder(run) / "processes"
    wait_for(processes.exists)
    pids = [int(pid) for pid in processes.read_text().split()]
    assert all(psutil.pid_exists(pid) for pid in pids)
    assert cancel_run(run.pk, timezone.now()) == RunState.CANCELLING
    began = time.monotonic()
    thread.join(15)
    assert time.monotonic() - began < 10
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    assert not [pid for pid in pids if psutil.pid_exists(pid) and _lives(pid)]
    assert (run_folder(run) / "checkpoint" / "config.json").exists()


def _lives(pid):
    return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_taken_for_lost_a_worker_stops_and_the_run_goes_on_from_its_checkpoint(
    transactional_db, run, monkeypatch
):
    monkeypatch.setenv("HANG", "1")
    thread = in_background(run)
    wait_for(lambda: len(Run.objects.get().events) == 5)
    assert recover_runs(timezone.now() + timedelta(seconds=61)) == [run.pk]
    monkeypatch.delenv("HANG")
    train_run(run_id=run.pk)
    thread.join(15)
    assert trained_from(run) == ["0", "2"]
    run.refresh_from_db()
    assert (run.state, run.losses) == (RunState.SUCCEEDED, 1)
    steps = [event["step"] for event in run.events if event["kind"] == "step"]
    assert steps == sorted(set(steps)) == [10, 20, 30, 40]


def test_stopping_the_worker_hands_the_run_back(run, monkeypatch):
    """As a SIGTERM does to a worker's process: SystemExit in the midst of it."""
    report = runs.report

    def stopped(claim, at, **values):
        if values.get("stage") == "evaluating":
            raise SystemExit
        return report(claim, at, **values)

    monkeypatch.setattr(runs, "report", stopped)
    with pytest.raises(SystemExit):
        train_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.losses, run.heartbeat_at) == (RunState.QUEUED, 0, None)
    monkeypatch.setattr(runs, "report", report)
    train_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.state == RunState.SUCCEEDED
    assert trained_from(run) == ["0"], "what was trained is not trained again"


def test_a_killed_worker_takes_its_process_with_it(run, folders):
    """The process group may not outlive whoever launched it, however that ended."""
    log = folders / "log.txt"
    program = (
        "import sys, time; from pathlib import Path; from annotate.training.process import ModelProcess; "
        "import annotate.training.process as process; process.COMMAND = ['sleep']; "
        f"p = ModelProcess(['300'], log=Path({str(log)!r})); print(p._process.pid, flush=True); "
        "time.sleep(300)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
    )  # fmt: skip
    pid = int(parent.stdout.readline())
    assert _lives(pid)
    parent.kill()
    parent.wait()
    wait_for(lambda: not psutil.pid_exists(pid) or not _lives(pid))


def test_a_database_that_restarts_does_not_end_the_training(run, monkeypatch):
    from django.db import OperationalError

    report, failures = runs.report, []

    def unreachable_at_first(claim, at, **values):
        if values.get("stage") == "reading" and not failures:
            failures.append(at)
            raise OperationalError("server closed the connection unexpectedly")
        return report(claim, at, **values)

    monkeypatch.setattr(watch.connection, "close", lambda: None)
    monkeypatch.setattr(runs, "report", unreachable_at_first)
    train_run(run_id=run.pk)
    run.refresh_from_db()
    assert failures
    assert run.state == RunState.SUCCEEDED


def test_a_half_made_checkpoint_is_made_anew(run):
    checkpoint = run_folder(run) / "checkpoint"
    checkpoint.mkdir(parents=True)
    (checkpoint / "config.json").write_text("{}")
    train_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.state == RunState.SUCCEEDED
    assert Run.objects.get().model_version.evaluation["tournament"]["count"] == 4
