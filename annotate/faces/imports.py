"""The states of an import that was asked for in the browser, and who may change them. The one writer of its
table; what a worker does with it is import_worker.py's, and its files are import_files.py's.

An import belongs to the worker that claimed it, by one conditional UPDATE; who was taken for lost changes
nothing any more.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from annotate.accounts.models import User
from annotate.faces.import_files import ImportFiles, Sent
from annotate.faces.models import Import, ImportKind, ImportQuerySet, ImportState
from annotate.faces.outcome import Outcome
from annotate.faces.publishing import check_dataset_name

MOST_LOSSES = 1


@dataclass(frozen=True)
class Claim:
    """One worker's hold on an import."""

    import_id: int
    worker: str
    losses: int

    def held(self) -> ImportQuerySet:
        """The import, if this worker still has it."""
        return Import.objects.held().filter(pk=self.import_id, worker=self.worker, losses=self.losses)


@transaction.atomic
def queue_upload(
    sent: Sent, *, dataset: str, split: str, is_prealigned: bool = False, created_by: User | None
) -> Import:
    """An import of what was sent, which is kept until it has ended; the caller puts it on the queue.

    Raises ImportFailed on a data set's name that can not be; nothing is kept then.
    """
    check_dataset_name(dataset)
    queued = Import.objects.create(
        dataset=dataset, split=split, is_prealigned=is_prealigned, is_upload=True,
        kind=ImportKind.TRIPLETS if sent.triplets else ImportKind.FACES,
        source=sent.archive.name[:500], labels=sent.labels.name[:500] if sent.labels else "",
        triplets=sent.triplets.name[:500] if sent.triplets else "",
        created_by=created_by, heartbeat_at=timezone.now(),
    )  # fmt: skip
    ImportFiles(queued).keep(sent)
    return queued


@transaction.atomic
def queue_folder(
    folder: str, *, dataset: str, split: str, is_prealigned: bool = False, labels: str = "",
    triplets: str = "", created_by: User | None,
) -> Import:  # fmt: skip
    """An import of a folder of the server; names are relative to the folder of imports.

    Raises ImportFailed on a data set's name that can not be.
    """
    check_dataset_name(dataset)
    return Import.objects.create(
        dataset=dataset, split=split, is_prealigned=is_prealigned, is_upload=False,
        kind=ImportKind.TRIPLETS if triplets else ImportKind.FACES,
        source=folder, labels=labels, triplets=triplets, created_by=created_by, heartbeat_at=timezone.now(),
    )  # fmt: skip


def claim_import(import_id: int, worker: str, at: datetime) -> Claim | None:
    """Take a queued import. None where another worker has it, or it is over: a message may come twice."""
    claimed = Import.objects.filter(pk=import_id, state=ImportState.QUEUED).update(
        state=ImportState.RUNNING, worker=worker, started_at=Coalesce("started_at", Value(at)),
        heartbeat_at=at, stage="starting", stage_at=at, done=0, total=0,
    )  # fmt: skip
    if not claimed:
        return None
    return Claim(import_id, worker, Import.objects.values_list("losses", flat=True).get(pk=import_id))


def report(claim: Claim, at: datetime, **values: object) -> ImportState | None:
    """Say that the worker lives and what changed (stage, done, total).

    Returns the import's state: CANCELLING asks the worker to stop, None says that it lost the import.
    """
    if not claim.held().update(heartbeat_at=at, **values):
        return None
    state = claim.held().values_list("state", flat=True).first()
    return ImportState(state) if state else None


def end_succeeded(claim: Claim, outcome: Outcome, at: datetime) -> bool:
    """It is in the data set, also where it was being cancelled: that came too late then."""
    counts = {name: value for name, value in asdict(outcome).items() if name not in ("dataset", "rejected")}
    return bool(
        claim.held().update(
            state=ImportState.SUCCEEDED, ended_at=at, stage="", outcome=counts, rejected=outcome.rejected
        )
    )


def fail_import(claim: Claim, reason: str, at: datetime, *, rejected: int = 0) -> bool:
    """It failed, for this reason. False where the worker had lost it."""
    return bool(
        claim.held().update(state=ImportState.FAILED, error=reason, ended_at=at, stage="", rejected=rejected)
    )


def end_cancelled(claim: Claim, at: datetime) -> bool:
    """The worker has stopped it."""
    cancelling = claim.held().filter(state=ImportState.CANCELLING)
    return bool(cancelling.update(state=ImportState.CANCELLED, ended_at=at, stage=""))


def hand_back(claim: Claim) -> bool:
    """Its worker is being stopped, or the data set is taken by another import: it waits again."""
    running = claim.held().filter(state=ImportState.RUNNING)
    return bool(running.update(state=ImportState.QUEUED, worker="", heartbeat_at=None, stage=""))


@transaction.atomic
def cancel_import(import_id: int, at: datetime) -> ImportState:
    """Stop an import: at once where no worker has it, else its worker does within seconds.

    Returns its state afterwards; an ended one stays as it is. Raises Import.DoesNotExist.
    """
    found = Import.objects.select_for_update().get(pk=import_id)
    if found.state == ImportState.QUEUED:
        found.state, found.ended_at = ImportState.CANCELLED, at
    elif found.state == ImportState.RUNNING:
        found.state = ImportState.CANCELLING
    found.save(update_fields=["state", "ended_at"])
    return ImportState(found.state)


@transaction.atomic
def recover_imports(at: datetime) -> list[int]:
    """Take imports from workers that are lost; returns those to be put on the queue (again).

    One whose cancelling was under way is cancelled; one that lost too many workers fails.
    """
    lost = Import.objects.lost(at)
    lost.filter(state=ImportState.CANCELLING).update(state=ImportState.CANCELLED, ended_at=at, stage="")
    lost.filter(losses__gte=MOST_LOSSES).update(
        state=ImportState.FAILED, ended_at=at, stage="", losses=F("losses") + 1,
        error=f"{MOST_LOSSES + 1} workers died over it (no sign of life for a minute). Nothing was imported. "
        "Something ends them: memory, power, the machine; the worker's log and the system's say more. Import "
        "it again in smaller parts, or when that is mended.",
    )  # fmt: skip
    lost.update(state=ImportState.QUEUED, worker="", heartbeat_at=None, stage="", losses=F("losses") + 1)
    overdue = list(
        Import.objects.overdue(at).select_for_update(skip_locked=True).values_list("pk", flat=True)
    )
    Import.objects.filter(pk__in=overdue).update(heartbeat_at=at)
    return overdue
