"""Makes crops in several processes, in order, with a bounded number of them under way. No Django."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice

from annotate.faces.crops import Crop, Job, make_crop
from annotate.faces.problems import ImportFailed

CHUNK = 8
CHUNKS_A_WORKER = 4
WORTH_A_WORKER = 32
"""A worker takes about a second to start: a few pictures are done sooner without."""


def make_crops(jobs: Iterable[Job], *, count: int, workers: int) -> Iterator[Crop]:
    """The crops of `jobs` (about `count` of them), in their order.

    Raises ImportFailed when a worker process dies.
    """
    workers = min(workers, count // WORTH_A_WORKER)
    if workers < 2:
        yield from map(make_crop, jobs)
        return
    # Spawned, not forked: this process holds a database connection, and perhaps threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_the_parent) as pool:
        try:
            yield from _in_order(pool, iter(jobs), workers * CHUNKS_A_WORKER)
        except BrokenProcessPool as error:
            raise ImportFailed(
                "A process that crops faces died, perhaps for want of memory. Nothing was imported; "
                "try again with --workers 1."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _in_order(pool: ProcessPoolExecutor, jobs: Iterator[Job], most: int) -> Iterator[Crop]:
    under_way: deque[Future[list[Crop]]] = deque()
    while True:
        while len(under_way) < most and (chunk := list(islice(jobs, CHUNK))):
            under_way.append(pool.submit(_make_chunk, chunk))
        if not under_way:
            return
        yield from under_way.popleft().result()


def _make_chunk(jobs: list[Job]) -> list[Crop]:
    return [make_crop(job) for job in jobs]


def _end_with_the_parent() -> None:
    """A worker ends when its parent does, however that ends, and at no other time."""
    # The terminal sends Ctrl-C to every process; the parent answers it, by ending the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch_parent, daemon=True).start()


def _watch_parent() -> None:
    # A killed parent sends no word, and a worker would wait for its next job forever.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
