"""What a worker does with an import from the browser: claims it, unpacks it, calls the importer, says how
far it is, and leaves nothing of what was sent. States are imports.py's.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from annotate.faces import imports
from annotate.faces.fec_import import import_triplets
from annotate.faces.folder_import import SUFFIXES, import_folder
from annotate.faces.import_files import ImportFiles
from annotate.faces.models import Import, ImportKind, ImportState
from annotate.faces.outcome import Outcome
from annotate.faces.problems import DatasetBusy, ImportFailed
from annotate.faces.unpacking import unpack

BEAT_SECONDS = 5.0
REPORT_SECONDS = 1.0

logger = logging.getLogger(__name__)


class Stopped(Exception):
    """The import is being cancelled, or is not this worker's any more."""


def work_on(import_id: int) -> None:
    """Bring a queued import to its end, whatever that is. Does nothing where another worker has it."""
    claim = imports.claim_import(import_id, f"{socket.gethostname()}:{os.getpid()}", timezone.now())
    if claim is None:
        return
    asked = Import.objects.get(pk=import_id)
    files = ImportFiles(asked)
    try:
        with _heartbeat(claim):
            outcome = _import(asked, files, Watch(claim))
        _plain_rejects(files)
        _end(claim, files, outcome)
    except Stopped:
        imports.end_cancelled(claim, timezone.now())
        files.rejects.unlink(missing_ok=True)
    except DatasetBusy:
        imports.hand_back(claim)
    except (ImportFailed, OSError) as error:
        _fail(claim, files.plain(str(error)))
    except (OperationalError, InterfaceError):
        # The database went away. The claim grows stale, and the import begins anew.
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}. Nothing was imported. This is a fault of Semblance"
        _fail(claim, f"{files.plain(reason)}; the worker's log says more.")
        raise
    except BaseException:
        # The worker is being stopped (SystemExit): another begins anew.
        if not imports.hand_back(claim):
            imports.end_cancelled(claim, timezone.now())
        raise
    finally:
        _leave_nothing(import_id, files)


def _import(asked: Import, files: ImportFiles, watch: Watch) -> Outcome:
    # One process: Celery's own are daemons, which may have no children. The detector's threads use all cores.
    options = {
        "dataset": asked.dataset, "split": asked.split, "labels": files.labels, "rejects": files.rejects,
        "workers": 1, "progress": watch,
    }  # fmt: skip
    files.folder.mkdir(mode=0o700, exist_ok=True)
    files.remove_unpacked()
    is_fec = asked.kind == ImportKind.TRIPLETS
    if asked.is_upload:
        suffixes = frozenset(SUFFIXES if is_fec else SUFFIXES | {".csv"})
        unpack(
            files.archive, files.pictures, suffixes=suffixes, flat=is_fec, name=asked.source,
            progress=lambda done, total: watch("unpacking", done, total),
        )  # fmt: skip
    if is_fec:
        return import_triplets(files.triplets, images=files.pictures, **options)
    return import_folder(files.pictures, prealigned=asked.is_prealigned, **options)


def _end(claim: imports.Claim, files: ImportFiles, outcome: Outcome) -> None:
    if not outcome.is_empty:
        imports.end_succeeded(claim, outcome, timezone.now())
        return
    reason = (
        f"Nothing could be imported: all {outcome.rejected:,} pictures or rows were rejected. "
        "The list below says why."
    )
    imports.fail_import(claim, reason, timezone.now(), rejected=outcome.rejected)


def _fail(claim: imports.Claim, reason: str) -> None:
    imports.fail_import(claim, reason, timezone.now())


def _plain_rejects(files: ImportFiles) -> None:
    """Rewrite the rejects file with the names that its reader knows."""
    raw = files.rejects.with_suffix(".raw")
    files.rejects.rename(raw)
    with (
        raw.open(encoding="utf-8", newline="") as source,
        files.rejects.open("w", encoding="utf-8", newline="") as out,
    ):
        for line in source:
            out.write(files.plain(line))
    raw.unlink()


def _leave_nothing(import_id: int, files: ImportFiles) -> None:
    if not Import.objects.unfinished().filter(pk=import_id).exists():
        files.remove_sent()


@contextmanager
def _heartbeat(claim: imports.Claim) -> Iterator[None]:
    """Says that the worker lives while one statement, or one picture, takes long; ends with the process."""
    over = threading.Event()

    def beat() -> None:
        try:
            while not over.wait(BEAT_SECONDS):
                claim.held().update(heartbeat_at=timezone.now())
        except (OperationalError, InterfaceError):
            logger.warning("No heartbeat for import %s: the database does not answer", claim.import_id)
        finally:
            connection.close()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Watch:
    """Tells the database how far the import is, and hears from it when to stop."""

    def __init__(self, claim: imports.Claim) -> None:
        self._claim = claim
        self._stage = ""
        self._last = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Write it, at most about once a second. Raises Stopped."""
        now = time.monotonic()
        if stage == self._stage and done < total and now - self._last < REPORT_SECONDS:
            return
        values: dict[str, object] = {"done": done, "total": total}
        if stage != self._stage:
            values |= {"stage": stage, "stage_at": timezone.now()}
        self._stage, self._last = stage, now
        if imports.report(self._claim, timezone.now(), **values) != ImportState.RUNNING:
            raise Stopped
