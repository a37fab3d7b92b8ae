"""A snapshot or a model version's checkpoint as a folder on this machine, for as long as it is worked with.

    with snapshot_at_hand(snapshot) as folder: ...     what `python -m model` takes as --snapshot
    with checkpoint_at_hand(version) as folder: ...    what it takes as --checkpoint

Nothing may be written there, and no path of it kept: where storage is a bucket, it is a copy that goes again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from annotate.training.models import ModelVersion, Run, Snapshot
from annotate.training.snapshot_folder import CannotFreeze, read_manifest

CHECKPOINT_CONFIG = "config.json"


class BadSnapshot(Exception):
    """The snapshot's folder is not what its row says; the message says what to do."""


class BadCheckpoint(Exception):
    """The version's checkpoint is not where it should be; the message says what to do."""


def snapshot_folder(snapshot: Snapshot) -> Path:
    """Where it lies. Raises BadSnapshot where what lies there is not it."""
    folder = Path(settings.SNAPSHOTS_DIR) / snapshot.folder
    try:
        manifest = read_manifest(folder)
    except CannotFreeze as error:
        raise BadSnapshot(f"{error}. Restore the folder from a backup, or freeze a new snapshot.") from error
    if manifest.sha256 != snapshot.sha256:
        raise BadSnapshot(
            f"{folder} holds {manifest.sha256[:8]}, not {snapshot.sha256[:8]}. Freeze a new snapshot."
        )
    return folder


def run_folder(run: Run) -> Path:
    """Where its checkpoint and log lie; it may not exist yet. The time keeps apart two databases' runs."""
    return Path(settings.RUNS_DIR) / f"run-{run.pk}-{run.created_at:%Y%m%d%H%M%S}"


@contextmanager
def snapshot_at_hand(snapshot: Snapshot) -> Iterator[Path]:
    """The folder of a snapshot, with its crops. Raises BadSnapshot where what is stored is not it."""
    yield snapshot_folder(snapshot)


@contextmanager
def checkpoint_at_hand(version: ModelVersion) -> Iterator[Path]:
    """The folder of a version's checkpoint. Raises BadCheckpoint where it is gone."""
    folder = Path(settings.RUNS_DIR) / version.folder
    if not (folder / CHECKPOINT_CONFIG).is_file():
        raise BadCheckpoint(
            f"{folder} holds no whole checkpoint of {version}. Restore the folder from a backup."
        )
    yield folder
