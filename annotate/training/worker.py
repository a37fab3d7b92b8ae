"""What a worker does with a run: claims it, has the network trained, evaluated and its faces embedded, and
enters the result. The network itself runs in other processes (process.py); states are runs.py's.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from annotate.training import curves, runs
from annotate.training.gpus import AllTaken, free_gpus
from annotate.training.launching import train_arguments
from annotate.training.models import Run, RunState
from annotate.training.process import ModelProcess
from annotate.training.results import ClaimLost, enter_model_version
from annotate.training.run_files import Occupied, RunFiles
from annotate.training.shared_folders import BadCheckpoint
from annotate.training.validating import leaks

BEAT_SECONDS = 1.0
# How soon a run is looked at again that found all GPUs of this machine taken.
TAKEN_SECONDS = 5.0
# The points of the curves are a long value: written less often than the heartbeat.
POINTS_SECONDS = 2.0

logger = logging.getLogger(__name__)


class Failed(Exception):
    """The run can not go on; the message is for the admin."""


class Killed(Exception):
    """A process of the network was killed from outside; the message is for the admin."""


class Stopped(Exception):
    """The run is being cancelled, or is not this worker's any more."""


def work_on(run_id: int) -> bool:
    """Train a queued run to its end, whatever that is. Does nothing where another worker has it.

    Whether it is to be put on the queue again, for whoever is free to go on with it.
    """
    try:
        with free_gpus() as gpus:
            return _work_on(run_id, gpus)
    except AllTaken:
        time.sleep(TAKEN_SECONDS)
        return Run.objects.filter(pk=run_id, state=RunState.QUEUED).exists()


def _work_on(run_id: int, gpus: list[str]) -> bool:
    claim = runs.claim_run(run_id, f"{socket.gethostname()}:{os.getpid()}", timezone.now())
    if claim is None:
        return False
    try:
        _produce(claim, gpus)
    except Killed as killed:
        if runs.lose(claim, str(killed), timezone.now()):
            return True
        runs.end_cancelled(claim, timezone.now())
    except (Stopped, ClaimLost):
        runs.end_cancelled(claim, timezone.now())
    except (Failed, runs.BadSnapshot, BadCheckpoint, Occupied, OSError, ValueError) as error:
        _fail(claim, str(error))
    except (OperationalError, InterfaceError):
        # The database went away. The claim grows stale, and the run goes on from its checkpoint.
        raise
    except Exception as error:
        _fail(
            claim,
            f"{type(error).__name__}: {error}. This is a fault of Semblance; the worker's log says more.",
        )
        raise
    except BaseException:
        # The worker is being stopped (SystemExit): another goes on with the run.
        if not runs.hand_back(claim):
            runs.end_cancelled(claim, timezone.now())
        raise
    return False


def _fail(claim: runs.Claim, reason: str) -> None:
    if not runs.fail_run(claim, reason, timezone.now()):
        runs.end_cancelled(claim, timezone.now())


def _produce(claim: runs.Claim, gpus: list[str]) -> None:
    run = Run.objects.select_related("snapshot", "parent__run__snapshot").get(pk=claim.run_id)
    watch = Watch(claim, run.events)
    files = RunFiles(runs.run_folder(run))
    place = Workplace(watch, files, gpus)
    snapshot = ["--snapshot", str(runs.snapshot_folder(run.snapshot))]
    checkpoint = ["--checkpoint", str(files.checkpoint)]
    # A snapshot that was waited for, or the validation snapshot, may have come since it was queued.
    if reason := leaks(run.snapshot):
        raise Failed(reason)
    with files.alone(watch.wait):
        files.prepare()
        if not files.is_trained:
            with train_arguments(run) as arguments:
                _train(place, [*snapshot, *arguments])
        evaluation = _evaluate(place, [*checkpoint, *snapshot])
        watch.enter_stage("embedding")
        embed = ["embed", *checkpoint, *snapshot, "--output", str(files.embeddings)]
        place.run(embed, lambda line: None)
        watch.enter_stage("storing")
        enter_model_version(
            claim,
            folder=f"{files.folder.name}/{files.checkpoint.name}",
            evaluation=evaluation,
            embedded=files.embedded(),
            at=timezone.now(),
        )
        files.drop_embeddings()


def _train(place: Workplace, arguments: list[str]) -> None:
    def on_line(line: str) -> None:
        event = _parsed(line)
        if event.get("event") == "failed":
            raise Failed(event.get("reason") or "The training failed and said nothing.")
        if event.get("event") == "done":
            place.files.note_trained()
        place.watch.hear(event)

    place.watch.enter_stage("reading")
    output = ["--output", str(place.files.checkpoint), "--resume"]
    place.run(["train", *arguments, *output], on_line, processes=place.processes)
    place.files.note_trained()


def _evaluate(place: Workplace, arguments: list[str]) -> dict[str, Any]:
    lines: list[str] = []
    place.watch.enter_stage("evaluating")
    place.run(["evaluate", *arguments], lines.append)
    evaluation = _parsed(lines[-1]) if lines else {}
    if not evaluation:
        raise Failed("The evaluation ended well but printed no figures; the log says more.")
    return evaluation


@dataclass(frozen=True)
class Workplace:
    """Where one run is worked on: its files, the GPUs that are its own meanwhile, who is told of it."""

    watch: Watch
    files: RunFiles
    gpus: list[str]

    @property
    def processes(self) -> int:
        """How many train together: one a GPU, or as the settings say."""
        return settings.TRAINING_PROCESSES or max(len(self.gpus), 1)

    def run(self, arguments: list[str], on_line: Callable[[str], object], processes: int = 1) -> None:
        """Run one command of the network to its end. Raises Failed, Killed, Stopped; none runs on then."""
        process = ModelProcess(arguments, log=self.files.log, gpus=self.gpus or None, processes=processes)
        with process:
            while process.returncode is None:
                for line in process.read_lines(BEAT_SECONDS):
                    on_line(line)
                self.watch.beat()
            if process.was_killed:
                raise Killed(process.reason())
            if process.returncode:
                raise Failed(process.reason())


def _parsed(line: str) -> dict[str, Any]:
    """A JSON object, or nothing: libraries print lines of their own. NaN is nothing that a table takes."""
    with suppress(ValueError):
        value = json.loads(line, parse_constant=lambda name: None)
        if isinstance(value, dict):
            return value
    return {}


class Watch:
    """Tells the database how far the run is, and hears from it when to stop."""

    def __init__(self, claim: runs.Claim, points: list[curves.Event]) -> None:
        self._claim = claim
        self._points = points
        self._stage, self._progress = "starting", 0.0
        self._last_beat = self._last_points = 0.0
        self._points_written = True

    def enter_stage(self, stage: str) -> None:
        self._stage, self._progress = stage, 0.0
        self._last_beat = self._last_points = 0.0
        self.beat()

    def hear(self, event: dict[str, Any]) -> None:
        """Take in one event of `python -m model train`."""
        if event.get("event") in ("stage", "progress"):
            self._stage = str(event["stage"]).replace("_", " ")
            self._progress = event.get("step", 0) / max(event.get("steps") or 1, 1)
        point = curves.point_of(event)
        if point is not None:
            self._points, self._points_written = curves.with_point(self._points, point), False

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)
        self.beat()

    def beat(self) -> None:
        """Write what is new, at most about once a second. Raises Stopped."""
        now = time.monotonic()
        if now - self._last_beat < BEAT_SECONDS:
            return
        self._last_beat = now
        values: dict[str, object] = {"stage": self._stage, "progress": self._progress}
        if not self._points_written and now - self._last_points >= POINTS_SECONDS:
            values["events"] = self._points
        try:
            state = runs.report(self._claim, timezone.now(), **values)
        except (OperationalError, InterfaceError):
            # The database restarts, say. The training goes on; the next beat connects anew.
            logger.warning("No heartbeat for run %s: the database does not answer", self._claim.run_id)
            connection.close()
            return
        if "events" in values:
            self._points_written, self._last_points = True, now
        if state != RunState.RUNNING:
            raise Stopped
