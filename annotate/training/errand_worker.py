"""What a worker does with an errand: claims it, has the network embed or measure, and enters what came of it.

The network runs in other processes (process.py); states are errands.py's. It keeps to the CPU: on a GPU's
machine the GPU belongs to the run that is trained there.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from annotate.faces.models import Face
from annotate.training import errands
from annotate.training.crops_at_hand import Crops, crops_at_hand
from annotate.training.models import Embedding, Errand, ModelVersion, Snapshot
from annotate.training.process import ModelProcess, said_in
from annotate.training.results import store_embeddings_of
from annotate.training.runs import BadSnapshot
from annotate.training.scratch import scratch_folder
from annotate.training.shared_folders import BadCheckpoint, checkpoint_at_hand, snapshot_at_hand
from annotate.training.snapshot_alteration import while_nobody_is_erased
from annotate.training.validating import enter_validation, unfair_to

BEAT_SECONDS = 1.0
# An erasure waits until so many faces are embedded and their copies gone.
FACES_AT_ONCE = 2_000

logger = logging.getLogger(__name__)


class Failed(Exception):
    """It can not go on; the message is for the admin."""


class Stopped(Exception):
    """The errand is not this worker's any more."""


def work_on(errand_id: int) -> None:
    """Bring an errand to its end, whatever that is. Does nothing where another worker has it."""
    claim = errands.claim_errand(errand_id, f"{socket.gethostname()}:{os.getpid()}", timezone.now())
    if claim is None:
        return
    asked = Errand.objects.select_related("model_version__run", "dataset", "snapshot").get(pk=errand_id)
    try:
        (_embed if asked.dataset else _measure)(asked, Watch(claim))
        errands.end_errand(claim, timezone.now())
    except Stopped:
        logger.warning("Errand %s is another worker's by now", errand_id)
    except (Failed, BadSnapshot, BadCheckpoint, OSError, ValueError) as error:
        errands.end_errand(claim, timezone.now(), str(error))
    except (OperationalError, InterfaceError):
        # The database went away. The claim grows stale, and another goes on.
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}. This is a fault of Semblance; the worker's log says more."
        errands.end_errand(claim, timezone.now(), reason)
        raise
    except BaseException:
        # The worker is being stopped (SystemExit): another goes on with it.
        errands.hand_back(claim, timezone.now())
        raise


def _measure(asked: Errand, watch: Watch) -> None:
    version, snapshot = asked.model_version, asked.snapshot
    if reason := unfair_to(version, snapshot):
        raise Failed(reason)
    while not _is_measured(version, snapshot, watch):
        # A person was taken out of it meanwhile: it is measured as it is now.
        snapshot.refresh_from_db()


def _is_measured(version: ModelVersion, snapshot: Snapshot, watch: Watch) -> bool:
    """False where the snapshot changed meanwhile."""
    try:
        with checkpoint_at_hand(version) as checkpoint, snapshot_at_hand(snapshot) as folder:
            command = ["evaluate", "--checkpoint", str(checkpoint), "--snapshot", str(folder)]
            said = _command([*command, *_ASIDE], watch, share=1.0)
        if not said:
            raise Failed("The evaluation ended well but printed no figures; the worker's log says more.")
    except (Failed, BadSnapshot, OSError):
        if Snapshot.objects.filter(pk=snapshot.pk, sha256=snapshot.sha256).exists():
            raise
        return False
    return enter_validation(version, snapshot, said, timezone.now())


def _embed(asked: Errand, watch: Watch) -> None:
    """Embed what is not embedded yet, some faces at a time: what is done stays, whatever comes."""
    missing: list[str] = []
    faces = Face.objects.filter(dataset=asked.dataset)
    embedded = Embedding.objects.filter(model_version=asked.model_version, face__dataset=asked.dataset)
    with checkpoint_at_hand(asked.model_version) as checkpoint:
        last = 0
        while True:
            watch.enter_part(embedded.count(), faces.count())
            with while_nobody_is_erased():
                todo = faces.exclude(embeddings__model_version=asked.model_version).filter(pk__gt=last)
                part = list(todo.order_by("pk")[:FACES_AT_ONCE])
                if not part:
                    break
                with crops_at_hand(part) as crops:
                    _embed_part(asked, checkpoint, crops, watch, len(part))
            last = part[-1].pk
            missing += crops.missing
    if missing:
        raise Failed(
            f"{len(missing)} faces have no embedding: their pictures in storage are missing or not what was "
            f"imported, the first is that of {missing[0]}. Restore them from a backup, then ask again."
        )


def _embed_part(asked: Errand, checkpoint: Path, crops: Crops, watch: Watch, count: int) -> None:
    if count == len(crops.missing):
        return
    output = crops.folder.with_name("embeddings.npy")
    command = ["embed", "--checkpoint", str(checkpoint), "--images", str(crops.folder)]
    _command([*command, "--output", str(output), *_ASIDE], watch, share=count / max(watch.total, 1))
    store_embeddings_of(asked.model_version, _embedded(output))


def _embedded(path: Path) -> Iterator[tuple[int, list[float]]]:
    """The faces' ids and vectors. Raises ValueError where the two files do not fit."""
    names = path.with_name(f"{path.name}.names.txt").read_text(encoding="utf-8").splitlines()
    for name, vector in zip(names, np.load(path, allow_pickle=False), strict=True):
        yield int(Path(name).stem), vector.tolist()


_ASIDE = ["--device", "cpu", "--events", "-"]


def _command(arguments: list[str], watch: Watch, share: float) -> dict[str, Any]:
    """Run a command of the network to its end; the last thing that it printed but events.

    Its progress is this share of the errand's. Raises Failed and Stopped; nothing of it runs on then.
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


class Watch:
    """Tells the database how far the errand is, and hears from it whether it is still this worker's."""

    def __init__(self, claim: errands.Claim) -> None:
        self.claim, self.total = claim, 0
        self._begun = self._progress = 0.0
        self._last = 0.0

    def enter_part(self, done: int, total: int) -> None:
        """So many of so many are done. Raises Stopped."""
        self.total, self._begun = total, done / max(total, 1)
        self._last = 0.0
        self.hear(0.0)
        self.beat()

    def hear(self, share: float) -> None:
        """Of the present part, this share of the whole is done."""
        self._progress = min(self._begun + share, 1.0)

    def beat(self) -> None:
        """Write it, at most about once a second. Raises Stopped."""
        now = time.monotonic()
        if now - self._last < BEAT_SECONDS:
            return
        self._last = now
        try:
            is_mine = errands.report(self.claim, timezone.now(), self._progress)
        except (OperationalError, InterfaceError):
            logger.warning("No heartbeat for errand %s: the database does not answer", self.claim.errand_id)
            connection.close()
            return
        if not is_mine:
            raise Stopped
