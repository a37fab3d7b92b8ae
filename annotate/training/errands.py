"""Work on a version that the cpu queue does: what is asked for, what is missing. Its states are jobs.py's."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from annotate.accounts.models import User
from annotate.faces.models import Dataset
from annotate.training.models import Errand, ModelVersion, Snapshot, SnapshotAlteration, Validation


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


def unfinished_of(run_ids: Iterable[int]) -> list[int]:
    """The errands that wait for these runs' versions: entered with them, and not yet on the queue."""
    waiting = Errand.objects.unfinished().filter(model_version__run__in=run_ids, worker="")
    return list(waiting.order_by("pk").values_list("pk", flat=True))
