"""What a worker tells `python -m model train` of a run: its settings, its parent, what is replayed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from annotate.training.models import ModelVersion, Run, Snapshot
from annotate.training.run_config import RunConfig
from annotate.training.shared_folders import checkpoint_at_hand, snapshot_at_hand


def replayed(snapshot: Snapshot, parent: ModelVersion | None, config: RunConfig) -> Snapshot | None:
    """What a parent was trained on, to be a set share of each step; None where that is the same."""
    earlier = parent.run.snapshot if parent and config.replay is not None else None
    return None if earlier is None or earlier.sha256 == snapshot.sha256 else earlier


@contextmanager
def train_arguments(run: Run) -> Iterator[list[str]]:
    """A run's settings and parent as the command takes them, for as long as it trains; --snapshot, --output
    and --resume are the worker's. Raises BadSnapshot and BadCheckpoint for what it begins with."""
    config = RunConfig.from_json(run.config)
    arguments = config.arguments(of_parent=run.parent is not None)
    earlier = replayed(run.snapshot, run.parent, config)
    with ExitStack() as at_hand:
        if run.parent is not None:
            arguments += ["--from", str(at_hand.enter_context(checkpoint_at_hand(run.parent)))]
        if earlier is not None:
            arguments += ["--earlier", str(at_hand.enter_context(snapshot_at_hand(earlier)))]
        yield arguments
