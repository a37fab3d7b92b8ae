"""What the pages show of an import that is under way: the stage in words, the share, the time left. Reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from annotate.faces.models import Import, ImportState

STAGES = {
    "starting": "Starting",
    "unpacking": "Unpacking the archive",
    "rows": "Reading the rows",
    "faces": "Finding and cropping the faces",
}
# A first figure after this long: what went before it is the start of processes, and tells little.
LEAST = timedelta(seconds=3)
# A queued import that nobody took for so long, with none before it, may have no worker.
WAITED = timedelta(seconds=15)


@dataclass(frozen=True)
class Progress:
    """`percent` is None and `time_left` empty while they can not be told."""

    stage: str
    percent: int | None
    time_left: str
    may_have_no_worker: bool


def progress_of(of: Import, at: datetime) -> Progress:
    stage = STAGES.get(of.stage, of.stage.capitalize())
    percent, left = None, ""
    if of.total and of.done >= of.total and of.stage != "unpacking":
        stage = "Checking them and writing them into the database"
    elif of.total:
        percent = 100 * of.done // of.total
        left = _time_left(at - (of.stage_at or at), of.done, of.total)
    waits = of.state == ImportState.QUEUED and at - of.created_at > WAITED
    return Progress(stage, percent, left, waits and not Import.objects.held().exists())


def _time_left(taken: timedelta, done: int, total: int) -> str:
    if not done or taken < LEAST:
        return ""
    seconds = taken.total_seconds() * (total - done) / done
    if seconds < 60:
        return "less than a minute left"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"about {minutes} minute{'' if minutes == 1 else 's'} left"
    return f"about {minutes // 60} h {minutes % 60} min left"
