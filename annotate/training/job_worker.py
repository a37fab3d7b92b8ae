"""What a worker does with any job: claims it, says how far it is, runs commands of the network, ends it.

What a job is about is its room's. Commands keep to the CPU: on a GPU's machine the GPU belongs to the run
that is trained there.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from annotate.training import jobs
from annotate.training.models.jobs import Job
from annotate.training.process import ModelProcess, said_in
from annotate.training.runs import BadSnapshot
from annotate.training.scratch import scratch_folder
from annotate.training.shared_folders import BadCheckpoint

BEAT_SECONDS = 1.0
# Commands of the network that say how far they are are told so.
ASIDE = ["--device", "cpu", "--events", "-"]

J = TypeVar("J", bound=Job)

logger = logging.getLogger(__name__)


class Failed(Exception):
    """It can not go on; the message is for the admin."""


class Stopped(Exception):
    """The job is not this worker's any more."""


def work_on(table: type[J], job_id: int, do: Callable[[J, Watch], None]) -> None:
    """Bring a job to its end, whatever that is. Does nothing where another worker has it.

    `do` fails it by Failed, BadSnapshot, BadCheckpoint, OSError or ValueError, whose message the admin reads.
    """
    claim = jobs.claim(table, job_id, f"{socket.gethostname()}:{os.getpid()}", timezone.now())
    if claim is None:
        return
    try:
        do(table.objects.get(pk=job_id), Watch(claim))
        jobs.end(claim, timezone.now())
    except Stopped:
        logger.warning("%s %s is another worker's by now", table.__name__, job_id)
    except (Failed, BadSnapshot, BadCheckpoint, OSError, ValueError) as error:
        jobs.end(claim, timezone.now(), str(error))
    except (OperationalError, InterfaceError):
        # The database went away. The claim grows stale, and another goes on.
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}. This is a fault of Semblance; the worker's log says more."
        jobs.end(claim, timezone.now(), reason)
        raise
    except BaseException:
        # The worker is being stopped (SystemExit): another goes on with it.
        jobs.hand_back(claim, timezone.now())
        raise


class Watch:
    """Tells the database how far the job is, and hears from it whether it is still this worker's."""

    def __init__(self, claim: jobs.Claim) -> None:
        self.claim, self.total = claim, 0
        self._stage, self._begun, self._share = "", 0.0, 1.0
        self._part = self._heard = 0.0
        self._last = 0.0

    def enter_stage(self, stage: str, begun: float = 0.0, share: float = 1.0) -> None:
        """Say what is being done now: it begins at this share of the whole job, and makes up so much of it
        (0 to 1). Raises Stopped."""
        self._stage, self._begun, self._share = stage, begun, share
        self._part = 0.0
        self._now()

    def enter_part(self, done: int, total: int) -> None:
        """Of the present stage, so many of so many are done. Raises Stopped."""
        self.total, self._part = total, done / max(total, 1)
        self._now()

    def _now(self) -> None:
        self._heard = self._last = 0.0
        self.beat()

    def hear(self, share: float) -> None:
        """Since the present part began, this share of the stage has been done (0 to 1)."""
        self._heard = share

    def beat(self) -> None:
        """Write it, at most about once a second. Raises Stopped."""
        now = time.monotonic()
        if now - self._last < BEAT_SECONDS:
            return
        self._last = now
        try:
            progress = min(self._begun + self._share * (self._part + self._heard), 1.0)
            is_mine = jobs.report(self.claim, timezone.now(), progress, self._stage)
        except (OperationalError, InterfaceError):
            logger.warning("No heartbeat for %s: the database does not answer", self.claim)
            connection.close()
            return
        if not is_mine:
            raise Stopped


def run_command(arguments: list[str], watch: Watch, share: float = 1.0) -> dict[str, Any]:
    """Run a command of the network to its end; the last thing that it printed but events.

    Its progress is this share of the present stage's. Raises Failed and Stopped; nothing of it runs on then.
    """
    said: dict[str, Any] = {}
    with scratch_folder() as folder, ModelProcess(arguments, log=folder / "log.txt") as process:
        while process.returncode is None:
            for line in process.read_lines(BEAT_SECONDS):
                event = said_in(line)
                if event.get("event") == "progress":
                    watch.hear(share * event["step"] / max(event["steps"], 1))
                elif event and "event" not in event:
                    said = event
            watch.beat()
        if process.returncode:
            raise Failed(process.reason())
    return said
