"""A run's folder for the worker that trains it: its own where folders are shared, else a copy of the bucket's
that is put there again and again beside the training.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from annotate.training import bucket
from annotate.training.models import Run
from annotate.training.run_files import RunFiles
from annotate.training.run_store import RunStore
from annotate.training.scratch import scratch_folder
from annotate.training.shared_folders import run_folder

# How often a run's new checkpoint, and its log, go to the bucket.
PUT_SECONDS = 10.0

logger = logging.getLogger(__name__)

Wait = Callable[[float], object]
May = Callable[[], bool]


@contextmanager
def run_at_hand(
    run: Run, *, wait: Wait, beat: Wait, may: May
) -> Iterator[tuple[RunFiles, Callable[[], object]]]:
    """The files of a run that this worker has, and what sees to it that others find them as they are now.

    That raises OSError where it can not. `wait` and `beat` let some seconds pass and tell that the worker
    lives; only `wait` may raise. `may` says whether the run is this worker's still.
    """
    folder = run_folder(run)
    if not bucket.is_used():
        yield RunFiles(folder), lambda: None
        return
    with scratch_folder() as parent:
        files = RunFiles(parent / folder.name)
        files.folder.mkdir()
        store = RunStore(folder.name)
        store.bring(files.folder, wait=wait)
        putting = _Putting(store, files.folder, wait, beat, may)
        try:
            yield files, putting.now
        finally:
            putting.end()


@contextmanager
def run_texts_at_hand(run: Run) -> Iterator[RunFiles]:
    """What an ended run has in words (log, descriptions), to be altered; its weights need not come."""
    folder = run_folder(run)
    if not bucket.is_used():
        yield RunFiles(folder)
        return
    with scratch_folder() as parent:
        files, store = RunFiles(parent / folder.name), RunStore(folder.name)
        store.bring(files.folder, lambda name: not name.endswith(".safetensors"))
        yield files
        store.put_instead(files.folder)
        store.remove_strays()


class _Putting:
    """Puts a run's files into the bucket in threads: an upload may take longer than a heartbeat waits."""

    def __init__(self, store: RunStore, folder: Path, wait: Wait, beat: Wait, may: May) -> None:
        self._store, self._folder, self._may = store, folder, may
        self._wait, self._beat = wait, beat
        self._one_at_a_time, self._over = threading.Lock(), threading.Event()
        self._pool = ThreadPoolExecutor(2)
        self._again = self._pool.submit(self._again_and_again)

    def now(self) -> None:
        """Put all there that is there now, and nothing else. Raises OSError."""
        putting = self._pool.submit(self._put_all)
        while not putting.done():
            self._wait(0.2)
        putting.result()

    def end(self) -> None:
        """Put there how far the run came. Where that fails, what is there stays as it is."""
        self._over.set()
        last = self._pool.submit(self._try_to_put)
        while not (last.done() and self._again.done()):
            self._beat(0.2)
        self._pool.shutdown()

    def _put_all(self) -> None:
        with self._one_at_a_time:
            self._store.put(self._folder, self._may)
            if self._may():
                self._store.remove_strays()

    def _again_and_again(self) -> None:
        while not self._over.wait(PUT_SECONDS):
            self._try_to_put()

    def _try_to_put(self) -> None:
        try:
            with self._one_at_a_time:
                self._store.put(self._folder, self._may)
        except OSError:
            logger.warning("%s is not in the bucket as it is now", self._folder.name, exc_info=True)
