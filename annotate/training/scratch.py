"""Folders of this machine for copies of what a bucket holds, for as long as somebody works with them.

They hold faces: a folder goes with the work, and what a killed worker left goes before the next work begins,
so that an erasure need not reach every machine. Files only, no tables.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from django.conf import settings

LOCK = ".lock"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new, empty folder. A lock, which the kernel drops with this process, tells that it is in use."""
    with _one_at_a_time() as parent:
        _sweep(parent)
        folder = Path(tempfile.mkdtemp(dir=parent))
        lock = folder.with_name(folder.name + LOCK).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        Path(lock.name).unlink(missing_ok=True)
        lock.close()


def sweep() -> None:
    """Remove what killed workers of this machine left."""
    with _one_at_a_time() as parent:
        _sweep(parent)


@contextmanager
def _one_at_a_time() -> Iterator[Path]:
    parent = Path(settings.STATE_DIR) / "at-hand"
    parent.mkdir(mode=0o700, exist_ok=True)
    with (parent / "mutex").open("w") as mutex:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        yield parent


def _sweep(parent: Path) -> None:
    for folder in parent.iterdir():
        if folder.is_dir():
            path = folder.with_name(folder.name + LOCK)
            with path.open("w") as lock, suppress(BlockingIOError):
                _remove_unused(folder, lock, path)


def _remove_unused(folder: Path, lock: IO[str], path: Path) -> None:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    shutil.rmtree(folder, ignore_errors=True)
    path.unlink(missing_ok=True)
