"""A snapshot or a model version's checkpoint as a folder on this machine, for as long as it is worked with.

    with snapshot_at_hand(snapshot) as folder: ...     what `python -m model` takes as --snapshot
    with checkpoint_at_hand(version) as folder: ...    what it takes as --checkpoint

Nothing may be written there, and no path of it kept: where storage is a bucket, it is a copy that goes again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from django.conf import settings

from annotate.training import bucket, snapshot_store
from annotate.training.models import Manipulator, ModelVersion, Run, Snapshot
from annotate.training.run_files import LOG, RunFiles, last_of
from annotate.training.run_store import RunStore
from annotate.training.scratch import scratch_folder
from annotate.training.snapshot_folder import CannotFreeze

CHECKPOINT_CONFIG = "config.json"
MANIPULATOR_CONFIG = "manipulator.json"


class BadSnapshot(Exception):
    """The snapshot's folder is not what its row says; the message says what to do."""


class BadCheckpoint(Exception):
    """The version's checkpoint is not where it should be; the message says what to do."""


def check_snapshot(snapshot: Snapshot) -> None:
    """Raises BadSnapshot where what is stored is not it."""
    try:
        manifest = snapshot_store.stored_manifest(snapshot.folder)
    except (CannotFreeze, OSError) as error:
        raise BadSnapshot(f"{error}. Restore the folder from a backup, or freeze a new snapshot.") from error
    if manifest.sha256 != snapshot.sha256:
        raise BadSnapshot(
            f"{snapshot.folder} holds {manifest.sha256[:8]}, not {snapshot.sha256[:8]}. "
            "Freeze a new snapshot."
        )


def run_folder(run: Run) -> Path:
    """Where its checkpoint and log lie, if folders hold runs; it may not exist yet.

    In a bucket its name counts. The time keeps apart two databases' runs.
    """
    return Path(settings.RUNS_DIR) / f"run-{run.pk}-{run.created_at:%Y%m%d%H%M%S}"


def log_tail(run: Run, lines: int) -> str:
    """The last lines of a run's log; of a progress bar, which overwrites its line, its last state."""
    if not bucket.is_used():
        return RunFiles(run_folder(run)).log_tail(lines)
    try:
        return "\n".join(last_of(RunStore(run_folder(run).name).read(LOG), lines))
    except FileNotFoundError:
        return ""
    except OSError as error:  # all else on the page is known without it
        return f"The log can not be read now: {error}"


@contextmanager
def snapshot_at_hand(snapshot: Snapshot, wait: Callable[[float], object] | None = None) -> Iterator[Path]:
    """The folder of a snapshot, with its crops. Raises BadSnapshot where what is stored is not it.

    `wait` is called with seconds while a copy comes; what it raises ends that.
    """
    check_snapshot(snapshot)
    with ExitStack() as at_hand:
        try:
            folder = at_hand.enter_context(snapshot_store.crops_at_hand(snapshot.folder, wait))
        except FileNotFoundError as error:
            raise BadSnapshot(
                f"A picture or table of it is gone ({error}). Freeze a new snapshot."
            ) from error
        yield folder


@contextmanager
def checkpoint_at_hand(version: ModelVersion) -> Iterator[Path]:
    """The folder of a version's checkpoint. Raises BadCheckpoint where it is gone."""
    with _of_a_run(version, CHECKPOINT_CONFIG) as folder:
        yield folder


@contextmanager
def manipulator_at_hand(manipulator: Manipulator) -> Iterator[Path]:
    """The folder of a manipulator's weights. Raises BadCheckpoint where it is gone."""
    with _of_a_run(manipulator, MANIPULATOR_CONFIG) as folder:
        yield folder


@contextmanager
def _of_a_run(made: ModelVersion | Manipulator, description: str) -> Iterator[Path]:
    with ExitStack() as at_hand:
        if bucket.is_used():
            runs = at_hand.enter_context(scratch_folder())
            name, _, checkpoint = made.folder.partition("/")
            RunStore(name).bring(runs / name, lambda file: file.startswith(f"{checkpoint}/"))
        else:
            runs = Path(settings.RUNS_DIR)
        folder = runs / made.folder
        if not (folder / description).is_file():
            raise BadCheckpoint(
                f"{made.folder} holds no whole checkpoint of {made}. Restore it from a backup."
            )
        yield folder
