"""What is to be said of a run in its present state: only what is known. Reads; writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.utils import timezone

from annotate.training import curves
from annotate.training.answering import NO_WORKER
from annotate.training.models import LOST_AFTER, Run, RunState

# A worker says every second that it lives. A slow disk or a busy database is no silence yet.
SILENT_AFTER = timedelta(seconds=15)
# Beat looks for lost workers every 30 seconds.
NOTICED_AFTER = LOST_AFTER + timedelta(seconds=60)


@dataclass(frozen=True)
class Situation:
    """A sentence or two for the page; the level is its message's."""

    level: Literal["info", "warning", "error"]
    text: str


def situation_of(run: Run, at: datetime) -> Situation | None:
    """None where its state says everything."""
    match RunState(run.state):
        case RunState.QUEUED if run.snapshot_id is None:
            return Situation("info", _waits_for_snapshot(run))
        case RunState.QUEUED:
            return _waits_for_worker(run, at)
        case RunState.RUNNING:
            return _running(run, at)
        case RunState.CANCELLING:
            return Situation("warning", _cancelling(run, at))
        case RunState.CANCELLED:
            return Situation("warning", _cancelled(run))
        case RunState.FAILED:
            kept = " Its last checkpoint is kept." if has_checkpoint(run) else ""
            return Situation("error", f"It failed: {run.error}{kept}")
        case _:
            went_on = f"{_losses(run)}, and went on each time."
            return Situation("info", went_on) if run.losses else None


def was_begun(run: Run) -> bool:
    """Whether a worker has had it; one that is resumed begins its time anew, but has its curves."""
    return run.started_at is not None or bool(run.events)


def has_checkpoint(run: Run) -> bool:
    """Whether a checkpoint was written: each epoch ends with one."""
    return bool(curves.of_kind(run.events, "epoch"))


def _waits_for_snapshot(run: Run) -> str:
    if run.freeze is None:
        return "The snapshot that it waited for is not wanted any more. Cancel it, and start another run."
    if run.freeze.attempts:
        return f"It waits for its snapshot “{run.freeze}”, which is being frozen."
    return f"It waits for its snapshot “{run.freeze}”, which no cpu worker has begun to freeze yet."


def _waits_for_worker(run: Run, at: datetime) -> Situation:
    begun = ""
    if was_begun(run):
        goes_on = "will go on from its last checkpoint" if has_checkpoint(run) else "will begin it anew"
        lost = f"{_losses(run)}. " if run.losses else ""
        begun = f"{lost}A worker has had it before; the next one {goes_on}. "
    busy = Run.objects.exclude(pk=run.pk).held().filter(heartbeat_at__gte=at - SILENT_AFTER)
    under_way = ", ".join(f"run {pk}" for pk in busy.order_by("pk").values_list("pk", flat=True))
    waits = f"{begun}It waits for a free worker of the gpu queue"
    if under_way:
        return Situation("info", f"{waits}. Under way now: {under_way}.")
    if run.stage == NO_WORKER:
        return Situation("warning", f"{waits}, and none answered when they were last asked: is one running?")
    return Situation("info", f"{waits}, and no other run is under way.")


def _running(run: Run, at: datetime) -> Situation | None:
    lost = f"{_losses(run)}, and went on from what was kept." if run.losses else ""
    if not is_silent(run, at):
        return Situation("info", lost) if lost else None
    said = f"No word from its worker ({run.worker}) since {_clock(run.heartbeat_at)}. "
    if at - run.heartbeat_at > NOTICED_AFTER:
        said += "It counts as lost, but nobody has taken the run from it: do beat and the cpu worker run?"
    else:
        said += "After a minute it counts as lost, and the next free worker goes on with the run."
    return Situation("warning", f"{said} {lost}".strip())


def _cancelling(run: Run, at: datetime) -> str:
    if is_silent(run, at):
        return (
            f"It is being stopped, but there is no word from its worker ({run.worker}) since "
            f"{_clock(run.heartbeat_at)}. When that counts as lost, after a minute, the run is cancelled."
        )
    return "It is being stopped; that takes a few seconds."


def _cancelled(run: Run) -> str:
    if not was_begun(run):
        return "It was cancelled before a worker began it."
    return f"It was cancelled.{' Its last checkpoint is kept.' if has_checkpoint(run) else ''}"


def is_silent(run: Run, at: datetime) -> bool:
    """Whether the worker that has it says nothing."""
    return run.heartbeat_at is not None and at - run.heartbeat_at > SILENT_AFTER


def _losses(run: Run) -> str:
    times = {1: "once", 2: "twice"}.get(run.losses, f"{run.losses} times")
    return f"It was broken off {times}, its worker being lost or its training killed"


def _clock(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%H:%M:%S}"
