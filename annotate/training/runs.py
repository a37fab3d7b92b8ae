"""The states of a run, and who may change them. The one writer of the table, but for its result.

A run belongs to the worker that claimed it, by one conditional UPDATE. Everything that this worker says
afterwards holds only as long as the claim does: who was taken for lost changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from annotate.accounts.models import User
from annotate.training.manipulation_config import ManipulationConfig
from annotate.training.manipulation_planning import check_manipulation
from annotate.training.models import (
    FineTuning,
    Freeze,
    ModelVersion,
    Run,
    RunKind,
    RunQuerySet,
    RunState,
    Snapshot,
)
from annotate.training.planning import check_parent, check_run, network_of
from annotate.training.run_config import BadSetting, RunConfig
from annotate.training.run_kinds import Config, config_of
from annotate.training.shared_folders import BadSnapshot
from annotate.training.validating import leaks

MOST_LOSSES = 2


class CannotResume(Exception):
    """The run stays as it ended; the message says why."""


class ClaimLost(Exception):
    """The run is not this worker's any more, or is being cancelled: nothing was entered."""


@dataclass(frozen=True)
class Claim:
    """One worker's hold on a run."""

    run_id: int
    worker: str
    losses: int

    def held(self) -> RunQuerySet:
        """The run, if this worker still has it."""
        return Run.objects.held().filter(pk=self.run_id, worker=self.worker, losses=self.losses)


@transaction.atomic
def queue_run(
    source: Snapshot | Freeze,
    config: Mapping[str, Any] | Config,
    created_by: User | None,
    *,
    parent: ModelVersion | None = None,
    fine_tuning: FineTuning | None = None,
) -> Run:
    """A new run; the caller puts it on the gpu queue, or the freeze that it waits for on the cpu queue.

    `config` lacks what is to be the default; `parent` is the version that it fine-tunes, network included,
    or the one whose embedding guides a manipulator: the settings' class says which kind of run it is.
    Raises BadSetting, a ValueError that names the field, on a bad config or parent, and BadSnapshot, also
    where the snapshot trains on whom the validation snapshot holds out; nothing is written then.
    """
    if isinstance(config, Mapping):
        config = RunConfig.from_json((network_of(parent) if parent else {}) | {**config})
    check_launch(source, config, parent)
    return Run.objects.create(
        **{"snapshot" if isinstance(source, Snapshot) else "freeze": source},
        kind=config.kind,
        config=config.as_json(),
        created_by=created_by,
        parent=parent,
        fine_tuning=fine_tuning,
        heartbeat_at=timezone.now(),
    )


def check_launch(source: object, config: Config, parent: ModelVersion | None) -> None:
    """Raises BadSnapshot and BadSetting where no run can be had; of what is not frozen yet, less is known."""
    if isinstance(config, ManipulationConfig):
        check_manipulation(source, config, parent)
    elif isinstance(source, Snapshot):
        check_run(source, config, parent)
        if reason := leaks(source):
            raise BadSnapshot(reason)
    elif parent is not None:
        check_parent(parent, config)


def may_not_train(run: Run) -> str | None:
    """Why a run may not begin on its snapshot: it would learn whom the validation snapshot holds out.

    A manipulator is never measured there.
    """
    return leaks(run.snapshot) if run.kind == RunKind.EMBEDDING else None


@transaction.atomic
def resume_run(run_id: int, at: datetime) -> Run:
    """Let a cancelled or failed run go on from its last checkpoint, or begin where it has none; the caller
    puts it on the gpu queue, if it has its snapshot. Raises CannotResume and Run.DoesNotExist."""
    runs = Run.objects.select_for_update(of=("self",)).select_related("snapshot", "freeze", "parent__run")
    run = runs.get(pk=run_id)
    if run.state not in (RunState.CANCELLED, RunState.FAILED):
        raise CannotResume(f"It is {run.state}: only a run that was cancelled or has failed can be resumed.")
    if run.snapshot is None and (run.freeze is None or run.freeze.error):
        raise CannotResume("Its snapshot was not frozen, so there is nothing to go on with.")
    if run.snapshot is not None:
        _check_still_the_same(run, run.snapshot)
    run.state, run.losses, run.error, run.stage, run.progress = RunState.QUEUED, 0, "", "", 0.0
    run.worker, run.heartbeat_at = "", at
    run.started_at = run.ended_at = run.seen_at = None
    run.save()
    return run


def _check_still_the_same(run: Run, snapshot: Snapshot) -> None:
    if snapshot.sha256_at(run.created_at) != snapshot.sha256:
        raise CannotResume(
            "A person has been erased from its snapshot since, and half a run on other faces is no run."
        )
    try:
        check_launch(snapshot, config_of(run), run.parent)
    except (BadSnapshot, BadSetting) as error:
        raise CannotResume(str(error)) from error


def give_snapshot(freeze: Freeze, snapshot: Snapshot) -> None:
    """What runs waited for is frozen; the caller puts them on the gpu queue (`overdue` ones are, later)."""
    waiting = Run.objects.filter(freeze=freeze, state=RunState.QUEUED)
    waiting.update(snapshot=snapshot, freeze=None, heartbeat_at=timezone.now())


def fail_waiting(freezes: Iterable[int], at: datetime) -> None:
    """What runs waited for could not be frozen: they fail for its reason."""
    for freeze in Freeze.objects.failed().filter(pk__in=freezes):
        Run.objects.filter(freeze=freeze, state=RunState.QUEUED).update(
            state=RunState.FAILED, ended_at=at, error=f"Its snapshot could not be frozen: {freeze.error}"
        )


def claim_run(run_id: int, worker: str, at: datetime) -> Claim | None:
    """Take a queued run. None where another worker has it, or it is over: a message may come twice."""
    claimed = Run.objects.filter(pk=run_id, state=RunState.QUEUED, snapshot__isnull=False).update(
        state=RunState.RUNNING,
        worker=worker,
        started_at=Coalesce("started_at", Value(at)),
        heartbeat_at=at,
        stage="starting",
        progress=0.0,
    )
    if not claimed:
        return None
    return Claim(run_id, worker, Run.objects.values_list("losses", flat=True).get(pk=run_id))


def report(claim: Claim, at: datetime, **values: object) -> RunState | None:
    """Say that the worker lives and what changed (stage, progress, events).

    Returns the run's state: CANCELLING asks the worker to stop, None says that it lost the run.
    """
    if not claim.held().update(heartbeat_at=at, **values):
        return None
    state = claim.held().values_list("state", flat=True).first()
    return RunState(state) if state else None


def fail_run(claim: Claim, reason: str, at: datetime) -> bool:
    """It failed, for this reason. False where the worker had lost the run, or it was being cancelled."""
    return bool(
        claim.held()
        .filter(state=RunState.RUNNING)
        .update(state=RunState.FAILED, error=reason, ended_at=at, stage="")
    )


def lose(claim: Claim, reason: str, at: datetime) -> bool:
    """What trained it was killed: it goes back to the queue, as a lost worker's does, or fails for `reason`.

    Whether it is to be put on the queue again: not where it is being cancelled, or is not this worker's.
    """
    running = claim.held().filter(state=RunState.RUNNING)
    lost = {"stage": "", "losses": F("losses") + 1}
    if claim.losses >= MOST_LOSSES:
        running.update(state=RunState.FAILED, error=_lost_too_often(reason), ended_at=at, **lost)
        return False
    return bool(running.update(state=RunState.QUEUED, worker="", heartbeat_at=at, progress=0.0, **lost))


def _lost_too_often(reason: str) -> str:
    return f"It was broken off {MOST_LOSSES + 1} times. {reason}"


def end_cancelled(claim: Claim, at: datetime) -> bool:
    """The worker has stopped it."""
    cancelling = claim.held().filter(state=RunState.CANCELLING)
    return bool(cancelling.update(state=RunState.CANCELLED, ended_at=at, stage=""))


def hand_back(claim: Claim) -> bool:
    """The worker is being stopped; another goes on with it. No loss: that is for workers that die."""
    return bool(
        claim.held()
        .filter(state=RunState.RUNNING)
        .update(state=RunState.QUEUED, worker="", heartbeat_at=None, stage="", progress=0.0)
    )


@transaction.atomic
def cancel_run(run_id: int, at: datetime) -> RunState:
    """Stop a run: at once where no worker has it, else its worker does within seconds.

    Returns its state afterwards; an ended run stays as it is. Raises Run.DoesNotExist.
    """
    run = Run.objects.select_for_update().get(pk=run_id)
    if run.state == RunState.QUEUED:
        run.state, run.ended_at = RunState.CANCELLED, at
    elif run.state == RunState.RUNNING:
        run.state = RunState.CANCELLING
    run.save(update_fields=["state", "ended_at"])
    return RunState(run.state)


@transaction.atomic
def recover_runs(at: datetime) -> list[int]:
    """Take runs from workers that are lost; returns those to be put on the queue (again).

    One whose cancelling was under way is cancelled; one that was broken off too often fails.
    """
    lost = Run.objects.lost(at)
    lost.filter(state=RunState.CANCELLING).update(state=RunState.CANCELLED, ended_at=at, stage="")
    lost.filter(losses__gte=MOST_LOSSES).update(
        state=RunState.FAILED,
        ended_at=at,
        stage="",
        losses=F("losses") + 1,
        error=_lost_too_often(
            "The last time its worker was lost (no sign of life for a minute). Something ends it: memory, "
            "power, the machine; the worker's log and the system's say more."
        ),
    )
    lost.update(
        state=RunState.QUEUED, worker="", heartbeat_at=None, stage="", progress=0.0, losses=F("losses") + 1
    )
    overdue = list(Run.objects.overdue(at).select_for_update(skip_locked=True).values_list("pk", flat=True))
    Run.objects.filter(pk__in=overdue).update(heartbeat_at=at)
    return overdue


def end_succeeded(claim: Claim, at: datetime) -> bool:
    """Its model version is entered; called in the transaction that enters it."""
    held = claim.held().filter(state=RunState.RUNNING)
    return bool(held.update(state=RunState.SUCCEEDED, ended_at=at, stage="", progress=1.0))
