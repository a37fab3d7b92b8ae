"""The Celery tasks of this room. They take ids, may be delivered twice, and leave all writing to services."""

from __future__ import annotations

from celery import Task
from django.db import transaction
from django.utils import timezone

from annotate.curation.erasing import ErasureWaits, erase, overdue_erasures
from annotate.curation.scanning import overdue_scans, scan
from config.celery import app

TRY_AGAIN_SECONDS = 15


@app.task(bind=True, max_retries=None)
def erase_person(self: Task, *, erasure_id: int) -> None:
    """Do an erasure that was asked for, or what is left of it. Waits for what is in its way."""
    try:
        erase(erasure_id)
    except ErasureWaits as error:
        raise self.retry(exc=error, countdown=TRY_AGAIN_SECONDS) from error


@app.task
def scan_dataset(*, dataset_id: int) -> None:
    """Measure a data set's faces and compare them, if that was asked for."""
    scan(dataset_id)


@app.task
def notice_lost_curation() -> None:
    """Put on the queue again what a killed worker left, or whose message was lost. Beat sends this."""
    now = timezone.now()
    with transaction.atomic():
        for erasure_id in overdue_erasures(now):
            transaction.on_commit(lambda erasure_id=erasure_id: erase_person.delay(erasure_id=erasure_id))
        for dataset_id in overdue_scans(now):
            transaction.on_commit(lambda dataset_id=dataset_id: scan_dataset.delay(dataset_id=dataset_id))
