"""The files of one run: its log, its checkpoint, and how far it came. Files only, no tables.

checkpoint/ is `python -m model train`'s: config.json is there with the first whole checkpoint,
resume.json as long as the run can go on from it.
"""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LOG, TRAINED = "log.txt", "trained"
TAIL_BYTES = 16_384
LOCK_SECONDS = 60.0


class Occupied(Exception):
    """Another process still works on this run."""


@dataclass(frozen=True)
class RunFiles:
    """`folder` is the run's own."""

    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / LOG

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint"

    @property
    def embeddings(self) -> Path:
        return self.folder / "embeddings.npy"

    @property
    def is_trained(self) -> bool:
        """Whether the training has said that it is done; evaluation and embedding may be left."""
        return self._done.exists()

    @property
    def _done(self) -> Path:
        return self.folder / TRAINED

    def note_trained(self) -> None:
        self._done.touch()

    def prepare(self) -> None:
        """Drop a checkpoint from which nothing can go on, as a kill may leave one."""
        if not self.is_trained and not (self.checkpoint / "resume.json").exists():
            shutil.rmtree(self.checkpoint, ignore_errors=True)

    @contextmanager
    def alone(self, wait: Callable[[float], object] = time.sleep) -> Iterator[None]:
        """Hold the folder, made if need be, against a worker that was taken for lost and has not noticed yet.

        Raises Occupied when that does not let go.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as file:
            deadline = time.monotonic() + LOCK_SECONDS
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise Occupied(f"Another process still works in {self.folder}.") from None
                    wait(1.0)
            yield

    def embedded(self) -> Iterator[tuple[str, list[float]]]:
        """Face keys and their vectors, one by one. Raises ValueError where the two files do not fit."""
        vectors = np.load(self.embeddings, mmap_mode="r", allow_pickle=False)
        names = self.embeddings.with_name(f"{self.embeddings.name}.names.txt")
        with names.open(encoding="utf-8", newline="\n") as file:
            for name, vector in zip(file, vectors, strict=True):
                yield name.removesuffix("\n"), vector.tolist()

    def drop_embeddings(self) -> None:
        """They are in the database now; parts are left of an embedding that was broken off."""
        shutil.rmtree(self.embeddings.with_name(f".{self.embeddings.name}.parts"), ignore_errors=True)
        for path in (self.embeddings, self.embeddings.with_name(f"{self.embeddings.name}.names.txt")):
            path.unlink(missing_ok=True)

    def log_tail(self, lines: int) -> str:
        """The last lines of the log; of a progress bar, which overwrites its line, its last state."""
        return "\n".join(last_lines(self.log, lines))


def last_lines(path: Path, lines: int, since: int = 0) -> list[str]:
    """Of what stands in a log after `since` bytes, the last lines that are not empty."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(since, size - TAIL_BYTES))
            return last_of(file.read(), lines)
    except FileNotFoundError:
        return []


def last_of(content: bytes, lines: int) -> list[str]:
    """The last lines of a log that are not empty; of a progress bar its last state."""
    text = content.decode(errors="replace")
    shown = (line.rstrip("\r").rsplit("\r", 1)[-1].rstrip() for line in text.split("\n"))
    return [line for line in shown if line][-lines:]
