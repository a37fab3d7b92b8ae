"""Whether a worker of the gpu queue answers, noted on the runs that wait for one. The asking is a task's."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from annotate.training.models import Run, RunQuerySet, RunState

# A queued run's stage.
NO_WORKER = "no worker"
# A worker takes what waits within a moment, and is heard from every second while it has something.
SOON = timedelta(seconds=15)


def is_worth_asking(at: datetime) -> bool:
    """Whether a run waits and no other one shows that a worker lives."""
    works = Run.objects.held().filter(heartbeat_at__gte=at - SOON)
    return _waiting().filter(created_at__lt=at - SOON).exists() and not works.exists()


@transaction.atomic
def note_answer(has_answered: bool) -> None:
    """What waits now is told of it; what is claimed forgets it."""
    before, after = (NO_WORKER, "") if has_answered else ("", NO_WORKER)
    _waiting().filter(stage=before).update(stage=after)


def _waiting() -> RunQuerySet:
    return Run.objects.filter(state=RunState.QUEUED, snapshot__isnull=False)
