"""Work on a version that the cpu queue does: asked for, claimed by one worker, ended. The table's one writer.

As with runs, a claim is one conditional UPDATE, and whoever was taken for lost changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from annotate.accounts.models import User
from annotate.faces.models import Dataset
from annotate.training.models import Errand, ModelVersion, Snapshot, SnapshotAlteration, Validation

MOST_ATTEMPTS = 3


@dataclass(frozen=True)
class Claim:
    """One worker's hold on an errand."""

    errand_id: int
    worker: str
    attempts: int

    def held(self) -> QuerySet[Errand]:
        """The errand, if this worker still has it."""
        return Errand.objects.unfinished().filter(
            pk=self.errand_id, worker=self.worker, attempts=self.attempts
        )


def ask_to_embed(version: ModelVersion, dataset: Dataset, by: User | None, at: datetime) -> Errand:
    """Have the version embed those faces of the data set that it has not embedded; the caller enqueues it."""
    return _ask(version, by, at, dataset=dataset)


def ask_to_measure(version: ModelVersion, snapshot: Snapshot, by: User | None, at: datetime) -> Errand:
    """Have the version measured on the snapshot; the caller enqueues it."""
    return _ask(version, by, at, snapshot=snapshot)


@transaction.atomic
def ask_for_missing_measures(at: datetime) -> list[int]:
    """Measure every version on its data set's validation snapshot as that is now: one may have been made, or
    a person may have been taken out, since. Returns the errands that the caller is to enqueue.

    One that failed since the snapshot last changed is not asked for again: it would fail again.
    """
    asked = []
    for snapshot in Snapshot.objects.filter(validates=True).select_related("dataset"):
        changes = SnapshotAlteration.objects.filter(snapshot=snapshot).order_by("-at").values("at")[:1]
        errands = Errand.objects.filter(model_version=OuterRef("pk"), snapshot=snapshot)
        since = changes[0]["at"] if changes else snapshot.created_at
        measured = Validation.objects.filter(
            model_version=OuterRef("pk"), snapshot=snapshot, sha256=snapshot.sha256
        )
        missing = ModelVersion.objects.filter(run__snapshot__dataset=snapshot.dataset_id).exclude(
            Exists(measured) | Exists(errands.unfinished()) | Exists(errands.filter(ended_at__gte=since))
        )
        asked += [ask_to_measure(version, snapshot, None, at).pk for version in missing.order_by("-pk")]
    return asked


def _ask(version: ModelVersion, by: User | None, at: datetime, **what: Dataset | Snapshot) -> Errand:
    """The unfinished errand of this kind, a new one if need be. What ended ones said is out of date."""
    with transaction.atomic():
        Errand.objects.filter(model_version=version, ended_at__isnull=False, **what).delete()
        errand, _ = Errand.objects.get_or_create(
            model_version=version, ended_at=None, **what, defaults={"created_by": by, "enqueued_at": at}
        )
    return errand


def claim_errand(errand_id: int, worker: str, at: datetime) -> Claim | None:
    """Take an errand. None where another worker has it, or it is over: a message may come twice."""
    free = Errand.objects.unfinished().filter(pk=errand_id, worker="")
    if not free.update(worker=worker, heartbeat_at=at, attempts=F("attempts") + 1, progress=0.0):
        return None
    return Claim(errand_id, worker, Errand.objects.values_list("attempts", flat=True).get(pk=errand_id))


def report(claim: Claim, at: datetime, progress: float) -> bool:
    """Say that the worker lives and how far it is (0 to 1). False where it has lost the errand."""
    return bool(claim.held().update(heartbeat_at=at, progress=progress))


def hand_back(claim: Claim, at: datetime) -> None:
    """The worker is being stopped, or has to wait; another goes on with it. That is no failed attempt."""
    claim.held().update(worker="", heartbeat_at=None, enqueued_at=at, attempts=F("attempts") - 1)


def end_errand(claim: Claim, at: datetime, error: str = "") -> bool:
    """It is done, or failed for this reason. False where the worker had lost it."""
    values = {"error": error} if error else {"progress": 1.0}
    return bool(claim.held().update(ended_at=at, **values))


@transaction.atomic
def recover_errands(at: datetime) -> list[int]:
    """Take errands from workers that are lost; returns those to be put on the queue (again).

    One that took down too many workers fails.
    """
    overdue = Errand.objects.overdue(at)
    overdue.filter(attempts__gte=MOST_ATTEMPTS).update(
        ended_at=at,
        error=f"{MOST_ATTEMPTS} workers began it and none finished it; the worker's log says more. What was "
        "embedded is kept. Ask for it again when that is mended.",
    )
    again = list(overdue.select_for_update(skip_locked=True).values_list("pk", flat=True))
    Errand.objects.filter(pk__in=again).update(worker="", heartbeat_at=None, enqueued_at=at)
    return again


def unfinished_of(run_ids: Iterable[int]) -> list[int]:
    """The errands that wait for these runs' versions: entered with them, and not yet on the queue."""
    waiting = Errand.objects.unfinished().filter(model_version__run__in=run_ids, worker="")
    return list(waiting.order_by("pk").values_list("pk", flat=True))
