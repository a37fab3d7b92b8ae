"""The Celery tasks of this room. They take ids, may be delivered twice, and leave all writing to services."""

from __future__ import annotations

from celery.signals import worker_ready
from django.db import transaction
from django.utils import timezone

from annotate.training import bucket, errand_worker, job_worker, jobs
from annotate.training.answering import is_worth_asking, note_answer
from annotate.training.deciding import decide
from annotate.training.errands import ask_for_missing_measures, unfinished_of
from annotate.training.freezing import make_asked_snapshot, overdue_freezes
from annotate.training.growing import start_due
from annotate.training.models import Errand, FineTuning, Run
from annotate.training.proposals import make_proposal, overdue_proposals
from annotate.training.runs import recover_runs
from annotate.training.scratch import sweep
from annotate.training.worker import work_on
from config.celery import app

# A worker's main process answers at once, whatever its child does.
ANSWER_SECONDS = 2.0


@worker_ready.connect
def remove_left_copies(**of_worker: object) -> None:
    """Faces that a killed worker had at hand go as soon as its machine has a worker again."""
    if bucket.is_used():
        sweep()


@app.task
def train_run(*, run_id: int) -> None:
    """Train a run, if it is still queued. The settings route this to the gpu queue.

    Where what trained it was killed it comes again, and goes on from its last checkpoint.
    """
    if work_on(run_id):
        train_run.delay(run_id=run_id)
    for errand_id in unfinished_of([run_id]):
        run_errand.delay(errand_id=errand_id)


@app.task
def run_errand(*, errand_id: int) -> None:
    """Embed with a version, or measure it, if that is still asked for."""
    job_worker.work_on(Errand, errand_id, errand_worker.work_on)


@app.task
def notice_lost_errands() -> None:
    """As `notice_lost_runs`, of errands; versions that lack a measure get one. Beat sends this."""
    now = timezone.now()
    with transaction.atomic():
        for errand_id in [*jobs.recover(Errand, now), *ask_for_missing_measures(now)]:
            transaction.on_commit(lambda errand_id=errand_id: run_errand.delay(errand_id=errand_id))


@app.task
def make_snapshot(*, freeze_id: int) -> None:
    """Make a snapshot that was asked for, if it is still wanted, and launch the runs that waited for it."""
    waiting = list(Run.objects.filter(freeze=freeze_id).values_list("pk", flat=True))
    if make_asked_snapshot(freeze_id) is not None:
        for run_id in waiting:
            train_run.delay(run_id=run_id)


@app.task
def propose_groups(*, proposal_id: int) -> None:
    """Make a proposal that was asked for, if nobody has made it yet."""
    make_proposal(proposal_id, timezone.now())


@app.task
def notice_lost_runs() -> None:
    """Take runs from workers that are lost, and put on the queue (again) what may have no message there.

    Beat sends this every 30 seconds.
    """
    now = timezone.now()
    with transaction.atomic():
        for run_id in recover_runs(now):
            transaction.on_commit(lambda run_id=run_id: train_run.delay(run_id=run_id))
        for freeze_id in overdue_freezes(now):
            transaction.on_commit(lambda freeze_id=freeze_id: make_snapshot.delay(freeze_id=freeze_id))
        for proposal_id in overdue_proposals(now):
            transaction.on_commit(
                lambda proposal_id=proposal_id: propose_groups.delay(proposal_id=proposal_id)
            )


@app.task
def look_for_gpu_workers() -> None:
    """Ask whether a worker of the gpu queue is there, where runs wait for one: their pages say so.

    Beat sends this every 30 seconds.
    """
    if is_worth_asking(timezone.now()):
        queues = app.control.inspect(timeout=ANSWER_SECONDS).active_queues() or {}
        note_answer(any(queue["name"] == "gpu" for of_one in queues.values() for queue in of_one))


@app.task
def tend_fine_tunings() -> None:
    """See to every campaign's fine-tuning, each in a task of its own, so that none holds up another.

    Beat sends this every two minutes.
    """
    for fine_tuning_id in FineTuning.objects.to_tend().order_by("pk").values_list("pk", flat=True):
        tend_fine_tuning.delay(fine_tuning_id=fine_tuning_id)


@app.task
def tend_fine_tuning(*, fine_tuning_id: int) -> None:
    """Decide on a run that has ended, then start one where it is due."""
    now = timezone.now()
    decide(fine_tuning_id, now)
    with transaction.atomic():
        freeze = start_due(fine_tuning_id, now)
        if freeze is not None:
            transaction.on_commit(lambda: make_snapshot.delay(freeze_id=freeze.pk), robust=True)
