"""A real Celery worker of the gpu queue, with the real Redis and network: stopped, killed, cancelled."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.training.answering import NO_WORKER
from annotate.training.models import Run, RunState
from annotate.training.runs import cancel_run, queue_run, recover_runs
from annotate.training.tasks import look_for_gpu_workers, train_run
from tests.training.workers import is_training, last_epoch, lives, networks, wait_for

pytestmark = pytest.mark.slow
CONFIG = {"epochs": 100_000, "faces_per_step": 12, "triplets_per_step": 24}


def answer_on(waiting):
    """What is noted of a run that waits, once workers were looked for."""
    look_for_gpu_workers()
    return Run.objects.get(pk=waiting.pk).stage


@pytest.mark.long
def test_a_worker_that_is_stopped_or_killed_loses_nothing(transactional_db, snapshot, start_worker):
    run = queue_run(snapshot, CONFIG, None)
    train_run.delay(run_id=run.pk)

    # Stopped in order, as Ctrl-C on the supervisor does: the message goes back to the queue by itself.
    worker = start_worker()
    wait_for(lambda: is_training(run))
    [first] = networks(worker)
    worker.terminate()
    worker.wait(20)
    wait_for(lambda: not lives(first), 5)
    run.refresh_from_db()
    assert (run.state, run.losses) == (RunState.QUEUED, 0), "it was handed back"
    waiting = queue_run(snapshot, CONFIG, None)
    Run.objects.filter(pk=waiting.pk).update(created_at=timezone.now() - timedelta(minutes=1))
    assert answer_on(waiting) == NO_WORKER
    epochs = last_epoch(run)

    # Killed: nobody can say so, but it is noticed.
    worker = start_worker()
    wait_for(lambda: is_training(run))
    [second] = networks(worker)
    worker.kill()
    wait_for(lambda: not lives(second), 5)
    run.refresh_from_db()
    assert run.state == RunState.RUNNING
    assert recover_runs(timezone.now() + timedelta(seconds=61)) == [run.pk]
    train_run.delay(run_id=run.pk)

    worker = start_worker()
    wait_for(lambda: is_training(run))
    assert run.losses == 1
    assert last_epoch(run) >= epochs
    [third] = networks(worker)
    began = time.monotonic()
    cancel_run(run.pk, timezone.now())
    wait_for(lambda: Run.objects.get(pk=run.pk).state == RunState.CANCELLED, 15)
    assert time.monotonic() - began < 10
    assert not lives(third)
    assert answer_on(waiting) == ""
