"""What a worker does with a run: claims it, has the network trained, evaluated and its faces embedded, and
enters the result. The network itself runs in other processes (process.py); states are runs.py's.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from annotate.training import runs
from annotate.training.gpus import AllTaken, free_gpus
from annotate.training.launching import train_arguments
from annotate.training.models import Run, RunState
from annotate.training.process import ModelProcess, said_in
from annotate.training.results import ClaimLost, enter_model_version
from annotate.training.run_at_hand import run_at_hand
from annotate.training.run_files import Occupied, RunFiles
from annotate.training.shared_folders import BadCheckpoint, BadSnapshot, snapshot_at_hand
from annotate.training.validating import leaks
from annotate.training.watch import BEAT_SECONDS, Stopped, Watch

# How soon a run is looked at again that found all GPUs of this machine taken.
TAKEN_SECONDS = 5.0

logger = logging.getLogger(__name__)


class Failed(Exception):
    """The run can not go on; the message is for the admin."""


class Killed(Exception):
    """A process of the network was killed from outside; the message is for the admin."""


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
    except (Failed, BadSnapshot, BadCheckpoint, Occupied, OSError, ValueError) as error:
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
    # A snapshot that was waited for, or the validation snapshot, may have come since it was queued.
    if reason := leaks(run.snapshot):
        raise Failed(reason)
    with ExitStack() as at_hand:
        files, store = at_hand.enter_context(
            run_at_hand(run, wait=watch.wait, beat=watch.wait_on, may=watch.is_held_for_sure)
        )
        folder = at_hand.enter_context(snapshot_at_hand(run.snapshot, watch.wait))
        at_hand.enter_context(files.alone(watch.wait))
        place, snapshot = Workplace(watch, files, gpus), ["--snapshot", str(folder)]
        files.prepare()
        if not files.is_trained:
            with train_arguments(run) as arguments:
                _train(place, [*snapshot, *arguments])
        snapshot += ["--checkpoint", str(files.checkpoint)]
        evaluation = _evaluate(place, snapshot)
        watch.enter_stage("embedding")
        place.run(["embed", *snapshot, "--output", str(files.embeddings)], lambda line: None)
        watch.enter_stage("storing")
        store()
        _enter(claim, files, evaluation)


def _enter(claim: runs.Claim, files: RunFiles, evaluation: dict[str, Any]) -> None:
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
        event = said_in(line)
        if event.get("event") == "failed":
            place.watch.tell_all()
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
    evaluation = said_in(lines[-1]) if lines else {}
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
            # Points that a curve would lack for ever: whoever goes on begins behind them.
            self.watch.tell_all()
            if process.was_killed:
                raise Killed(process.reason())
            if process.returncode:
                raise Failed(process.reason())
