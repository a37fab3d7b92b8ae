"""Makes model versions without training, for tests of what comes after."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.utils import timezone

from annotate.training.manipulation_config import ManipulationConfig
from annotate.training.models import Manipulator, ModelVersion, Run, RunKind, RunState, Snapshot
from annotate.training.run_config import RunConfig
from tests.training.checkpoints import write_checkpoint


def report(accuracy: float | None = 0.75, count: int = 8) -> dict:
    """As `python -m model evaluate` prints it, of imported triplets alone."""
    return {
        "split": "val",
        "strong": {
            "accuracy": {"TWO_CLASS_TRIPLET": accuracy, "mean": accuracy},
            "counts": {"TWO_CLASS_TRIPLET": count, "all": count},
        },
        "weak": {"accuracy": {"mean": None}, "counts": {"all": 0}},
        "tournament": {"accuracy": None, "count": 0},
    }


def make_version(
    snapshot: Snapshot, *, parent: ModelVersion | None = None, accuracy: float | None = 0.75
) -> ModelVersion:
    """A version of a run that ended, whose checkpoint nobody trained."""
    now = timezone.now()
    run = Run.objects.create(
        snapshot=snapshot, parent=parent, state=RunState.SUCCEEDED, config=RunConfig().as_json(),
        started_at=now, ended_at=now,
    )  # fmt: skip
    folder = Path(settings.RUNS_DIR) / f"run-{run.pk}" / "checkpoint"
    write_checkpoint(folder)
    return ModelVersion.objects.create(
        run=run, folder=f"run-{run.pk}/checkpoint", evaluation=report(accuracy) if accuracy else {}
    )


def make_manipulator(
    version: ModelVersion, *, expression: float = 0.95, identity: float = 0.91
) -> Manipulator:
    """A manipulator of a run that ended, on the version's own snapshot; its weights are nowhere."""
    now = timezone.now()
    run = Run.objects.create(
        kind=RunKind.MANIPULATION, snapshot=version.run.snapshot, parent=version, state=RunState.SUCCEEDED,
        config=ManipulationConfig().as_json(), started_at=now, ended_at=now,
    )  # fmt: skip
    judgement = {
        "pairs": 24,
        "nearer_to_expression": {"share": expression, "standard_error": 0.02},
        "nearer_to_identity": {"share": identity, "standard_error": 0.03},
    }
    return Manipulator.objects.create(run=run, folder=f"run-{run.pk}/checkpoint", judgement=judgement)
