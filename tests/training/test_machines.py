"""Workers on machines that share PostgreSQL, Redis and a bucket, as real processes with the real network."""

import shutil
from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.training.freezing import freeze_snapshot
from annotate.training.models import ModelVersion, RunState
from annotate.training.runs import queue_run, recover_runs
from annotate.training.shared_folders import checkpoint_at_hand
from annotate.training.tasks import train_run
from model.checkpoint import load_checkpoint
from tests.bucket import left_on
from tests.training.drawn import drawn_dataset
from tests.training.workers import is_training, lives, networks, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
CONFIG = {"epochs": 40, "faces_per_step": 12, "triplets_per_step": 24}


def weights(version):
    with checkpoint_at_hand(version) as folder:
        assert load_checkpoint(folder)[2].epoch == CONFIG["epochs"]
        return {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}


def test_a_run_of_a_killed_machine_ends_on_another_with_the_same_weights(
    transactional_db,
    on_machine,
    shared_bucket,
    start_worker,
    monkeypatch,
):
    for name, value in shared_bucket.environment.items():
        monkeypatch.setenv(name, value)
    on_machine("a")
    snapshot = freeze_snapshot(name="frozen", dataset=drawn_dataset())
    run, undisturbed = (queue_run(snapshot, CONFIG, None) for _ in range(2))

    machine = on_machine("b")
    monkeypatch.setenv("SEMBLANCE_STATE_DIR", str(machine))
    worker = start_worker()
    train_run.delay(run_id=run.pk)
    wait_for(lambda: is_training(run) and stored_epochs(shared_bucket, run) > 0)
    [network] = networks(worker)
    worker.kill()
    wait_for(lambda: not lives(network), 5)
    assert left_on(machine), "a killed machine's copies"
    reached = stored_epochs(shared_bucket, run)
    assert recover_runs(timezone.now() + timedelta(seconds=61)) == [run.pk]
    shutil.rmtree(machine)

    machine = on_machine("c")
    monkeypatch.setenv("SEMBLANCE_STATE_DIR", str(machine))
    start_worker()
    for queued in (run, undisturbed):
        train_run.delay(run_id=queued.pk)
        wait_for(lambda queued=queued: ended(queued), 240)
    run.refresh_from_db()
    assert (run.state, run.error, run.losses) == (RunState.SUCCEEDED, "", 1)
    assert reached > 0
    assert ModelVersion.objects.count() == 2
    assert weights(run.model_version) == weights(undisturbed.model_version)
    wait_for(lambda: left_on(machine / "at-hand") == [], 10)


def ended(run):
    run.refresh_from_db()
    return run.state in (RunState.SUCCEEDED, RunState.FAILED)


def stored_epochs(bucket, run):
    """How far a run that is in the bucket has come, by the name of its weights."""
    stored = [key for key in bucket.names() if f"/run-{run.pk}-" in key and "/network-" in key]
    return max((int(key.rsplit("-", 1)[1].split(".")[0]) for key in stored), default=0)
