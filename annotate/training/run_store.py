"""A run's files in the bucket: brought to the machine that goes on with it, and put there while it trains.

runs/NAME/files.json names the objects that make up the run's files. They are there before it is, and each has
a key of its own: so whoever reads it finds one whole state of the run, whatever was broken off and wherever.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from annotate.training import bucket
from annotate.training.run_files import LOG, TRAINED

INDEX = "files.json"
CHECKPOINT, CONFIG, STATE = "checkpoint", "config.json", "resume.json"
MANIPULATOR, GENERATOR = "manipulator.json", "generator.safetensors"
# These grow where they are; all others are replaced as a whole, so that a link is as good as a copy.
GROWING = (LOG, f"{CHECKPOINT}/log.csv")
ATTEMPTS = 20

Signature = tuple[int, int]


class RunStore:
    """The files of one run, `name` being that of its folder, in the hands of one process."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._index: dict[str, str] = self._read()
        # The object that holds what a file was when it looked so, whether the index names it or not.
        self._sent: dict[str, tuple[Signature, str]] = {}
        self._brought: set[str] = set()
        # A worker that was taken for lost, and has not noticed, writes no object of the next one's.
        self._hand = secrets.token_hex(4)
        self._count = 0

    def bring(
        self,
        folder: Path,
        wanted: Callable[[str], bool] = lambda name: True,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        """Bring those of its files that are wanted, by their names in the run's folder."""
        names = [name for name in self._index if wanted(name)]
        bucket.download([(self._index[name], folder / name) for name in names], wait)
        self._brought = set(names)
        self._sent |= {name: (_signature(folder / name), self._index[name]) for name in names}

    def read(self, name: str) -> bytes:
        """One file. Raises FileNotFoundError."""
        if name not in self._index:
            raise FileNotFoundError(f"{self._name} has no {name}")
        return bucket.read(self._index[name])

    def put(self, folder: Path, may: Callable[[], bool] = lambda: True) -> None:
        """Put the present state of the run's folder there, what is new of it; what is gone goes.

        `may` is asked last: where it says no, what is there stays as it is. Raises OSError.
        """
        with _still(folder) as (still, names):
            new = {name: self._uploaded(still, name) for name in names}
        self._replace(new, may)

    def put_instead(self, folder: Path) -> None:
        """Put the folder's files there in place of those that were brought; what was not brought stays."""
        names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
        others = {name: key for name, key in self._index.items() if name not in self._brought}
        self._replace(others | {name: self._uploaded(folder, name) for name in names}, lambda: True)

    def remove_strays(self) -> None:
        """Remove what uploads that were broken off have left. Only once nobody trains the run any more."""
        known = {*self._index.values(), self._key(INDEX)}
        bucket.delete(key for key in bucket.keys(self._key("")) if key not in known)

    def _replace(self, new: dict[str, str], may: Callable[[], bool]) -> None:
        old = self._index
        if new == old or not may():
            return
        bucket.write(self._key(INDEX), json.dumps({"files": new}, indent=1).encode())
        self._index = new
        bucket.delete(key for key in old.values() if key not in new.values())

    def _uploaded(self, folder: Path, name: str) -> str:
        """The key of an object with this file's content."""
        signature = _signature(folder / name)
        sent = self._sent.get(name)
        if sent is not None and sent[0] == signature:
            return sent[1]
        self._count += 1
        key = self._key(f"{self._hand}-{self._count}/{name}")
        bucket.upload(folder / name, key)
        self._sent[name] = signature, key
        return key

    def _read(self) -> dict[str, str]:
        try:
            files: dict[str, str] = json.loads(bucket.read(self._key(INDEX)))["files"]
        except FileNotFoundError:
            return {}
        return files

    def _key(self, name: str) -> str:
        return f"{bucket.RUNS}/{self._name}/{name}"


def _signature(path: Path) -> Signature:
    told = path.stat()
    return told.st_size, told.st_mtime_ns


@contextmanager
def _still(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """A state of a run's folder that does not change while the network goes on writing, and its files."""
    still = folder.with_name(f".{folder.name}.still")
    try:
        yield still, _taken(folder, still)
    finally:
        shutil.rmtree(still, ignore_errors=True)


def _taken(folder: Path, still: Path) -> list[str]:
    for _ in range(ATTEMPTS):
        shutil.rmtree(still, ignore_errors=True)
        (still / CHECKPOINT).mkdir(parents=True)
        # What is missing has just made way for a newer checkpoint.
        with suppress(FileNotFoundError):
            return _take(folder, still)
    raise OSError(f"{folder} changes faster than it can be stored")


def _take(folder: Path, still: Path) -> list[str]:
    names = [name for name in (TRAINED, *GROWING) if (folder / name).exists()]
    for name in names:
        shutil.copy2(folder / name, still / name)
    for description in (CONFIG, MANIPULATOR, STATE):
        name = f"{CHECKPOINT}/{description}"
        if (folder / name).exists():
            os.link(folder / name, still / name)
            files = [f"{CHECKPOINT}/{file}" for file in _named_by(still / name)]
            for file in files:
                os.link(folder / file, still / file)
            names += [name, *files]
    return names


def _named_by(description: Path) -> list[str]:
    """The files without which config.json, manipulator.json or resume.json says nothing."""
    if description.name == MANIPULATOR:
        return [GENERATOR]
    values = json.loads(description.read_text(encoding="utf-8"))
    files = values.get("files", {}).values() if description.name == CONFIG else [values.get("file")]
    return [file for file in files if file]
