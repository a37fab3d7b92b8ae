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

from annotate.training.models import ModelVersion, Snapshot
from annotate.training.runs import snapshot_folder

CHECKPOINT_CONFIG = "config.json"


class BadCheckpoint(Exception):
    """The version's checkpoint is not where it should be; the message says what to do."""


@contextmanager
def snapshot_at_hand(snapshot: Snapshot) -> Iterator[Path]:
    """The folder of a snapshot, with its crops. Raises runs.BadSnapshot where what is stored is not it."""
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
