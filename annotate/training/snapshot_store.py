"""Where stored snapshots lie and how they are read and written: a folder each, or objects of the bucket.

In the bucket a snapshot is its tables and, put there last, its manifest; its crops are the default storage's,
each known by its hash. No tables of the database.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.conf import settings

from annotate.training import bucket
from annotate.training.scratch import scratch_folder
from annotate.training.snapshot_folder import (
    MANIFEST,
    TABLES,
    CannotFreeze,
    Manifest,
    parsed_manifest,
    read_manifest,
    to_disk,
)

FILES = (*TABLES, MANIFEST)


def stored_manifest(folder: str) -> Manifest:
    """Raises CannotFreeze where it is missing or torn."""
    if not bucket.is_used():
        return read_manifest(path_of(folder))
    where = f"{settings.STORAGE_BUCKET}/{_key(folder, '')}"
    try:
        return parsed_manifest(bucket.read(_key(folder, MANIFEST)), where)
    except FileNotFoundError as error:
        raise CannotFreeze(f"{where} is no whole snapshot: {error}") from error


def path_of(folder: str) -> Path:
    """Where a snapshot's folder is, if folders hold them."""
    return Path(settings.SNAPSHOTS_DIR) / folder


def open_file(folder: str, name: str) -> IO[bytes]:
    """One of a snapshot's FILES, to be closed by the caller. Raises FileNotFoundError."""
    if bucket.is_used():
        return bucket.open_object(_key(folder, name))
    return (path_of(folder) / name).open("rb")


def holds(folder: str, keys: Collection[str]) -> bool:
    """Whether a snapshot has a row for any of these faces; False where there is no such snapshot."""
    try:
        with open_file(folder, "faces.csv") as file:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="")
            return any(row and row[0] in keys for row in csv.reader(text))
    except FileNotFoundError:
        return False


@contextmanager
def tables_at_hand(folder: str) -> Iterator[Path]:
    """A folder with the snapshot's FILES; in the bucket's case without crops."""
    if not bucket.is_used():
        yield path_of(folder)
        return
    with scratch_folder() as copy:
        bucket.download((_key(folder, name), copy / name) for name in FILES)
        yield copy


@contextmanager
def crops_at_hand(folder: str, wait: Callable[[float], object] | None = None) -> Iterator[Path]:
    """A folder with all of a snapshot: its files and crops. `wait` is called while they come."""
    if not bucket.is_used():
        yield path_of(folder)
        return
    with tables_at_hand(folder) as copy:
        with (copy / "faces.csv").open(newline="", encoding="utf-8") as file:
            crops = [row["crop"] for row in csv.DictReader(file)]
        of_it = ((bucket.crop_key(crop.removeprefix("crops/")), copy / crop) for crop in crops)
        bucket.download(of_it, wait)
        yield copy


@contextmanager
def being_made() -> Iterator[Path]:
    """The folder in which snapshots are written before `keep`: their own, or one that goes again."""
    if bucket.is_used():
        with scratch_folder() as parent:
            yield parent
    else:
        yield Path(settings.SNAPSHOTS_DIR)


def keep(folder: Path) -> None:
    """See to it that a written snapshot is where it is looked for: the manifest last, so never half of it."""
    if bucket.is_used():
        for name in FILES:
            bucket.upload(folder / name, _key(folder.name, name))
    else:
        to_disk(folder.parent)


def remove(folder: str) -> None:
    """Remove a snapshot, if it is there. Raises OSError."""
    if bucket.is_used():
        # The manifest first: what is broken off here is no snapshot any more.
        bucket.delete([_key(folder, MANIFEST)])
        bucket.delete(bucket.keys(_key(folder, "")))
    elif path_of(folder).exists():
        shutil.rmtree(path_of(folder))


def all_folders() -> list[str]:
    """The names of all that is there, half-written ones too."""
    if bucket.is_used():
        return bucket.folders(f"{bucket.SNAPSHOTS}/")
    parent = Path(settings.SNAPSHOTS_DIR)
    return [path.name for path in parent.iterdir() if path.is_dir()] if parent.is_dir() else []


def is_half_written(folder: str) -> bool:
    """What a killed worker left."""
    if bucket.is_used():
        return not bucket.keys(_key(folder, MANIFEST))
    return folder.startswith(".") and folder.endswith(".partial")


def _key(folder: str, name: str) -> str:
    return f"{bucket.SNAPSHOTS}/{folder}/{name}"
