"""What a worker does with a run: claims it, has it worked on to its end, and enters the result. What there is
to do is its kind's (embedding_work.py, manipulation_work.py); states are runs.py's.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from annotate.training import embedding_work, manipulation_work, runs
from annotate.training.gpus import AllTaken, free_gpus
from annotate.training.models import Run, RunKind, RunState
from annotate.training.run_at_hand import run_at_hand
from annotate.training.run_files import Occupied
from annotate.training.shared_folders import BadCheckpoint, BadSnapshot, snapshot_at_hand
from annotate.training.watch import Stopped, Watch
from annotate.training.workplace import Failed, Killed, Workplace

# How soon a run is looked at again that found all GPUs of this machine taken.
TAKEN_SECONDS = 5.0

# Of each kind of run: works on it, with its snapshot's folder, and gives what enters what came of it.
Enter = Callable[[runs.Claim], object]
WORK: dict[str, Callable[[Workplace, Run, Path], Enter]] = {
    RunKind.EMBEDDING: embedding_work.produce,
    RunKind.MANIPULATION: manipulation_work.produce,
}

logger = logging.getLogger(__name__)


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
    except (Stopped, runs.ClaimLost):
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
    # What it trains on may have come, or been named as a measure, since it was queued.
    if reason := runs.may_not_train(run):
        raise Failed(reason)
    with ExitStack() as at_hand:
        files, store = at_hand.enter_context(
            run_at_hand(run, wait=watch.wait, beat=watch.wait_on, may=watch.is_held_for_sure)
        )
        folder = at_hand.enter_context(snapshot_at_hand(run.snapshot, watch.wait))
        at_hand.enter_context(files.alone(watch.wait))
        files.prepare()
        enter = WORK[run.kind](Workplace(watch, files, gpus), run, folder)
        watch.enter_stage("storing")
        store()
        enter(claim)
