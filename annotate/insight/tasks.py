"""The Celery tasks of this room. They take ids, may be delivered twice, and leave all writing to services."""

from __future__ import annotations

from celery import Task
from django.db import transaction
from django.utils import timezone

from annotate.training import jobs
from annotate.training.models.jobs import Job
from config.celery import app

# Which task does the jobs of which table.
TASKS: dict[type[Job], Task] = {}


@app.task
def notice_lost_insight() -> None:
    """Put on the queue again what a killed worker left, or whose message was lost. Beat sends this."""
    now = timezone.now()
    with transaction.atomic():
        for table, task in TASKS.items():
            for job_id in jobs.recover(table, now):
                transaction.on_commit(lambda task=task, job_id=job_id: task.delay(job_id=job_id))
