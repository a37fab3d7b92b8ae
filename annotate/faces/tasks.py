"""The Celery tasks of this room. They take ids, may be delivered twice, and leave all writing to services."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from annotate.faces.import_files import sweep_uploads
from annotate.faces.import_worker import work_on
from annotate.faces.imports import recover_imports
from annotate.faces.models import Import
from config.celery import app

SWEPT_FOR = timedelta(hours=1)


@app.task
def run_import(*, import_id: int) -> None:
    """Import what was asked for in the browser, if it is still queued."""
    work_on(import_id)


@app.task
def notice_lost_imports() -> None:
    """Take imports from workers that are lost, put on the queue (again) what may have no message there, and
    remove what ended ones left behind. Beat sends this every 30 seconds."""
    now = timezone.now()
    with transaction.atomic():
        for import_id in recover_imports(now):
            transaction.on_commit(lambda import_id=import_id: run_import.delay(import_id=import_id))
    sweep_uploads(Import.objects.ended_since(now - SWEPT_FOR))
