"""The states of jobs (models/jobs.py), of whatever table: claimed by one worker, reported on, ended.

As with runs, a claim is one conditional UPDATE, and whoever was taken for lost changes nothing any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F

from annotate.training.models.jobs import Job, JobQuerySet

MOST_ATTEMPTS = 3


@dataclass(frozen=True)
class Claim:
    """One worker's hold on a job of this table."""

    table: type[Job]
    job_id: int
    worker: str
    attempts: int

    def held(self) -> JobQuerySet:
        """The job, if this worker still has it."""
        unfinished: JobQuerySet = self.table.objects.unfinished()
        return unfinished.filter(pk=self.job_id, worker=self.worker, attempts=self.attempts)


def claim(table: type[Job], job_id: int, worker: str, at: datetime) -> Claim | None:
    """Take a job. None where another worker has it, or it is over: a message may come twice."""
    free = table.objects.unfinished().filter(pk=job_id, worker="")
    taken = {"worker": worker, "heartbeat_at": at, "attempts": F("attempts") + 1}
    if not free.update(**taken, progress=0.0, stage=""):
        return None
    return Claim(table, job_id, worker, table.objects.values_list("attempts", flat=True).get(pk=job_id))


def report(claim: Claim, at: datetime, progress: float, stage: str = "") -> bool:
    """Say that the worker lives and how far it is (0 to 1). False where it has lost the job."""
    return bool(claim.held().update(heartbeat_at=at, progress=progress, stage=stage))


def hand_back(claim: Claim, at: datetime) -> None:
    """The worker is being stopped, or has to wait; another goes on with it. That is no failed attempt."""
    claim.held().update(worker="", heartbeat_at=None, enqueued_at=at, attempts=F("attempts") - 1)


def end(claim: Claim, at: datetime, error: str = "") -> bool:
    """It is done, or failed for this reason. False where the worker had lost it."""
    values = {"error": error} if error else {"progress": 1.0}
    return bool(claim.held().update(ended_at=at, stage="", **values))


@transaction.atomic
def recover(table: type[Job], at: datetime) -> list[int]:
    """Take jobs from workers that are lost; returns those to be put on the queue (again).

    One that took down too many workers fails.
    """
    overdue = table.objects.overdue(at)
    overdue.filter(attempts__gte=MOST_ATTEMPTS).update(
        ended_at=at,
        error=f"{MOST_ATTEMPTS} workers began it and none finished it; the worker's log says more. What was "
        "done is kept. Ask for it again when that is mended.",
    )
    again = list(overdue.select_for_update(skip_locked=True).values_list("pk", flat=True))
    table.objects.filter(pk__in=again).update(worker="", heartbeat_at=None, enqueued_at=at)
    return again
