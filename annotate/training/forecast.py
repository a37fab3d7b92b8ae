"""What a run will take, told before it is asked for: faces, triplets, steps, and minutes at the pace of the
last run of its kind. Reads; writes nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

from django.db.models import Count

from annotate.campaigns.export_choice import Choice, count_triplets
from annotate.campaigns.models import Campaign
from annotate.faces.models import Dataset, Face, ImportedTriplet, Split
from annotate.training.models import ModelVersion, Snapshot
from annotate.training.pace import Pace, last_pace
from annotate.training.planning import Plan, epochs_of, plan_run
from annotate.training.run_config import BadSetting, RunConfig
from annotate.training.shared_folders import BadSnapshot


@dataclass(frozen=True)
class Forecast:
    """`is_exact`: counted in a snapshot, by the code that will train on it; otherwise of what would be frozen
    now, with at least so many steps. `pace` is that of another run, None where there is none to tell by."""

    plan: Plan
    is_exact: bool
    pace: Pace | None
    seconds: float | None
    warnings: tuple[str, ...] = ()


def forecast(
    source: Snapshot | Campaign | Dataset, config: RunConfig, parent: ModelVersion | None
) -> Forecast:
    """Raises BadSnapshot and BadSetting where no run can be had."""
    is_exact = isinstance(source, Snapshot)
    plan = plan_run(source, config, parent) if is_exact else _plan_of_unfrozen(source, config)
    pace = last_pace(config, has_parent=parent is not None)
    seconds = None
    if pace is not None:
        seconds = pace.seconds(
            steps=plan.steps,
            step_faces=config.faces_of_step(plan.train_faces),
            faces=plan.train_faces + plan.val_faces,
        )
    return Forecast(plan, is_exact, pace, seconds, _warnings(parent))


def _warnings(parent: ModelVersion | None) -> tuple[str, ...]:
    if parent is not None and parent.erased_at is not None:
        return (
            f"{parent} has learnt from the faces of a person who was erased on {parent.erased_at:%d %b %Y}, "
            "and so will what comes of it. Start from scratch to be free of that.",
        )
    return ()


def _plan_of_unfrozen(source: Campaign | Dataset, config: RunConfig) -> Plan:
    """Faces and triplets counted in the database; steps as in the last snapshot of the same, else as if every
    step were full."""
    dataset = source.dataset if isinstance(source, Campaign) else source
    faces = dict(Face.objects.filter(dataset=dataset).values_list("split").annotate(Count("pk")))
    triplets = {split: _count(source, split) for split in (Split.TRAIN, Split.VAL)}
    if not triplets[Split.TRAIN]:
        raise BadSnapshot("It has no triplet to train on yet. Import triplets, or wait for answers.")
    per_epoch = _steps_per_epoch(source, config, triplets[Split.TRAIN])
    return Plan(
        train_faces=faces.get(Split.TRAIN, 0),
        val_faces=faces.get(Split.VAL, 0),
        triplets=triplets[Split.TRAIN],
        val_triplets=triplets[Split.VAL],
        epochs=epochs_of(config.epochs, config.steps, per_epoch),
        steps_per_epoch=per_epoch,
    )


def _count(source: Campaign | Dataset, split: str) -> int:
    if isinstance(source, Campaign):
        return count_triplets(source, Choice(splits=(split,)), "csv").total
    return ImportedTriplet.objects.filter(dataset=source, split=split, odd__isnull=False).count()


def _steps_per_epoch(source: Campaign | Dataset, config: RunConfig, triplets: int) -> int:
    of_it = {"campaign": source} if isinstance(source, Campaign) else {"campaign": None, "dataset": source}
    last = Snapshot.objects.filter(**of_it).order_by("pk").last()
    if last is not None:
        try:
            known = plan_run(last, config, None)
            return max(1, math.ceil(known.steps_per_epoch * triplets / known.triplets))
        except (BadSnapshot, BadSetting):
            pass
    return max(1, math.ceil(triplets / config.triplets_per_step))
