"""Makes snapshots: at once, or asked for in the browser and made by a worker later."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.text import slugify

from annotate.accounts.models import User
from annotate.campaigns.models import Campaign
from annotate.faces.models import Dataset
from annotate.training import snapshot_store
from annotate.training.models import Freeze, Snapshot
from annotate.training.runs import fail_waiting, give_snapshot
from annotate.training.snapshot_alteration import while_nobody_is_erased
from annotate.training.snapshot_folder import CannotFreeze, Manifest, write_snapshot

MOST_ATTEMPTS = 3
ABANDONED_SECONDS = 86_400


class _Overtaken(Exception):
    """Another worker has made the same snapshot in the meantime."""


def freeze_snapshot(
    *,
    name: str,
    dataset: Dataset,
    campaign: Campaign | None = None,
    created_by: User | None = None,
    progress: Callable[[int], object] = lambda faces: None,
) -> Snapshot:
    """Write a snapshot into the snapshots folder and enter it. The same data give the same `sha256`.

    Raises CannotFreeze, and OSError where the folder can not be written; nothing is left behind then.
    """
    snapshot = Snapshot(name=name, dataset=dataset, campaign=campaign, created_by=created_by)
    return _freeze(snapshot, freeze=None, progress=progress)


@transaction.atomic
def ask_for_snapshot(
    *, name: str, dataset: Dataset, campaign: Campaign | None, created_by: User | None
) -> Freeze:
    """Note that a snapshot is wanted; the caller puts it on the queue. Replaces failed ones of the same data.

    Raises ValueError where the campaign belongs to another data set.
    """
    if campaign is not None and campaign.dataset_id != dataset.pk:
        raise ValueError(f"Campaign {campaign} is not of data set {dataset}")
    Freeze.objects.failed().filter(dataset=dataset, campaign=campaign).delete()
    return Freeze.objects.create(
        name=name, dataset=dataset, campaign=campaign, created_by=created_by, enqueued_at=timezone.now()
    )


def make_asked_snapshot(freeze_id: int) -> Snapshot | None:
    """Make the snapshot that was asked for. None where there is nothing to do (any more), or it failed.

    A failure is noted for the curator to read.
    """
    pending = Freeze.objects.pending().select_related("dataset", "campaign", "created_by")
    freeze = pending.filter(pk=freeze_id).first()
    if freeze is None:
        return None
    Freeze.objects.filter(pk=freeze_id).update(attempts=F("attempts") + 1)
    snapshot = Snapshot(
        name=freeze.name, dataset=freeze.dataset, campaign=freeze.campaign, created_by=freeze.created_by
    )
    try:
        return _freeze(snapshot, freeze=freeze, progress=lambda faces: None)
    except _Overtaken:
        return None
    except CannotFreeze as error:
        Freeze.objects.filter(pk=freeze_id).update(error=str(error))
    except OSError as error:
        where = f" ({error.filename or settings.SNAPSHOTS_DIR})" if error.strerror else ""
        reason = f"{error.strerror or error}{where}. Nothing was written."
        Freeze.objects.filter(pk=freeze_id).update(error=reason)
    fail_waiting([freeze_id], timezone.now())
    return None


@transaction.atomic
def overdue_freezes(at: datetime) -> list[int]:
    """Those to be put on the queue again; the ones that took down every worker that began them fail."""
    overdue = Freeze.objects.overdue(at)
    given_up = list(overdue.filter(attempts__gte=MOST_ATTEMPTS).values_list("pk", flat=True))
    Freeze.objects.filter(pk__in=given_up).update(
        error=f"{MOST_ATTEMPTS} workers began it and none finished it; the worker's log says more. "
        "Nothing was written; ask for it again when that is mended."
    )
    fail_waiting(given_up, at)
    again = list(Freeze.objects.overdue(at).select_for_update(skip_locked=True).values_list("pk", flat=True))
    Freeze.objects.filter(pk__in=again).update(enqueued_at=at)
    return again


@while_nobody_is_erased()
def _freeze(snapshot: Snapshot, *, freeze: Freeze | None, progress: Callable[[int], object]) -> Snapshot:
    manifest = _write(snapshot, progress)
    snapshot.sha256 = manifest.sha256
    snapshot.counts = manifest.as_json()["counts"]
    try:
        with transaction.atomic():
            if freeze is not None and not Freeze.objects.select_for_update().filter(pk=freeze.pk).exists():
                raise _Overtaken
            snapshot.save(force_insert=True)
            if freeze is not None:
                give_snapshot(freeze, snapshot)
                freeze.delete()
    except BaseException:
        with suppress(OSError):
            snapshot_store.remove(snapshot.folder)
        raise
    return snapshot


def _write(snapshot: Snapshot, progress: Callable[[int], object]) -> Manifest:
    """Write the folder under a name that people can read and nobody else uses."""
    snapshot.folder = f"{slugify(snapshot.name)[:80] or 'snapshot'}-{secrets.token_hex(4)}"
    with snapshot_store.being_made() as parent:
        _sweep(parent)
        target = parent / snapshot.folder
        manifest = write_snapshot(
            target,
            name=snapshot.name,
            dataset=snapshot.dataset,
            campaign=snapshot.campaign,
            progress=progress,
        )
        snapshot_store.keep(target)
    return manifest


def _sweep(parent: Path) -> None:
    """Remove what killed workers left half-written."""
    for partial in parent.glob(".*.partial"):
        if time.time() - partial.stat().st_mtime > ABANDONED_SECONDS:
            shutil.rmtree(partial, ignore_errors=True)
