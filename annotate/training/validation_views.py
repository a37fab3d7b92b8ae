"""The page on which a curator names the snapshot that measures all versions of its data set."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from annotate.accounts.permissions import curator_required
from annotate.training.models import ModelVersion, Snapshot
from annotate.training.tasks import run_errand
from annotate.training.validating import (
    CannotValidate,
    check_validates,
    name_validation_snapshot,
    stop_validating,
    unfair_versions,
    validation_snapshot,
)


@curator_required
def snapshot_validation(request: HttpRequest, snapshot_id: int) -> HttpResponse:
    """Says what it would mean and, posted, names it, or names none any more."""
    snapshot = get_object_or_404(Snapshot.objects.select_related("dataset"), pk=snapshot_id)
    try:
        check_validates(snapshot)
    except CannotValidate as error:
        reason = str(error)
    else:
        reason = ""
    if request.method == "POST" and "stop" in request.POST:
        stop_validating(snapshot)
        messages.success(request, f"Nothing of {snapshot.dataset} is measured any more.")
        return redirect("snapshot-list")
    if request.method == "POST" and not reason:
        return _name(request, snapshot)
    now, unfair = validation_snapshot(snapshot.dataset), [] if reason else unfair_versions(snapshot)
    of_dataset = ModelVersion.objects.filter(run__snapshot__dataset=snapshot.dataset)
    context = {
        "snapshot": snapshot,
        "reason": reason,
        "now": now if now != snapshot else None,
        "unfair": unfair,
        "versions": of_dataset.count() - len(unfair),
    }
    return render(request, "training/snapshot_validation.html", context)


def _name(request: HttpRequest, snapshot: Snapshot) -> HttpResponse:
    with transaction.atomic():
        for errand in name_validation_snapshot(snapshot, request.user, timezone.now()):
            # Robust: where the queue does not answer, beat puts it there later.
            transaction.on_commit(
                lambda errand_id=errand.pk: run_errand.delay(errand_id=errand_id), robust=True
            )
    messages.success(request, f"Versions of {snapshot.dataset} are measured on “{snapshot.name}” now.")
    return redirect("version-list")
