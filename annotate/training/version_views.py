"""The pages of model versions: curators look and have faces embedded; admins promote and roll back."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from annotate.accounts.permissions import admin_required, curator_required
from annotate.faces.models import Dataset
from annotate.training import reports
from annotate.training import version_reports as shown
from annotate.training.errands import ask_to_embed, ask_to_measure
from annotate.training.models import Errand, ModelVersion, Run
from annotate.training.tasks import run_errand
from annotate.training.version_forms import ActivateForm
from annotate.training.versions import CannotPromote, active_version, promote, roll_back, version_before

PROMOTIONS_SHOWN = 20


@require_safe
@curator_required
def version_list(request: HttpRequest) -> HttpResponse:
    rows = shown.version_rows()
    context = {
        "rows": rows,
        "active": next((row for row in rows if row.is_active), None),
        "before": version_before(),
        "promotions": shown.promotions()[:PROMOTIONS_SHOWN],
        "has_runs": Run.objects.exists(),
    }
    return render(request, "training/versions.html", context)


@require_safe
@curator_required
def version_detail(request: HttpRequest, version_id: int) -> HttpResponse:
    row = _row(version_id)
    evaluation = row.version.evaluation
    context = {
        "row": row,
        "kin": shown.kin_of(row.version),
        "promotions": shown.promotions(row.version),
        "accuracy_rows": reports.accuracy_rows(evaluation),
        "tournament": reports.tournament_accuracy(evaluation),
        **_work(row),
    }
    return render(request, "training/version.html", context)


@require_safe
@curator_required
def version_live(request: HttpRequest, version_id: int) -> HttpResponse:
    """The part of the page that is refreshed while a worker embeds or measures."""
    row = _row(version_id)
    return render(request, "training/_version_work.html", {"row": row, **_work(row)})


def _work(row: shown.VersionRow) -> dict[str, object]:
    return {
        "sets": shown.embedded_sets(row.version),
        "validated": shown.validated(row.version),
        "under_way": row.version.errands.unfinished().exists(),
    }


@require_POST
@curator_required
def version_embed(request: HttpRequest, version_id: int) -> HttpResponse:
    """Have the version embed the faces of a data set that it has not embedded yet."""
    version = get_object_or_404(ModelVersion, pk=version_id)
    dataset = get_object_or_404(Dataset, name=request.POST.get("dataset", ""))
    with transaction.atomic():
        _enqueue(ask_to_embed(version, dataset, request.user, timezone.now()))
    return redirect("version-detail", version_id)


@require_POST
@curator_required
def version_measure(request: HttpRequest, version_id: int) -> HttpResponse:
    """Have the version measured on its data set's validation snapshot (again)."""
    validated = shown.validated(_row(version_id).version)
    if validated is None:
        raise Http404
    version = get_object_or_404(ModelVersion, pk=version_id)
    with transaction.atomic():
        _enqueue(ask_to_measure(version, validated.snapshot, request.user, timezone.now()))
    return redirect("version-detail", version_id)


def _enqueue(errand: Errand) -> None:
    # Robust: where the queue does not answer, beat puts it there later.
    transaction.on_commit(lambda: run_errand.delay(errand_id=errand.pk), robust=True)


@admin_required
def version_promote(request: HttpRequest, version_id: int) -> HttpResponse:
    """Asks for a reason and, posted, makes the version the active one."""
    row, active = _row(version_id), active_version()
    if row.is_active:
        messages.warning(request, "It is the active version already.")
        return redirect("version-detail", version_id)
    doubts = shown.doubts(row)
    form = ActivateForm(request.POST or None, active, doubts)
    if request.method == "POST" and form.is_valid():
        try:
            promote(row.version, request.user, form.cleaned_data["reason"], timezone.now())
        except CannotPromote as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"Version {version_id} is the active one now.")
            return redirect("version-list")
    context = {
        "row": row,
        "active": shown.row_of(active.pk) if active else None,
        "doubts": doubts,
        "form": form,
    }
    return render(request, "training/version_promote.html", context)


@admin_required
def version_roll_back(request: HttpRequest) -> HttpResponse:
    """Asks for a reason and, posted, makes the version before the active one active again."""
    active, before = active_version(), version_before()
    if active is None or before is None:
        messages.warning(request, "There is no version before the active one to go back to.")
        return redirect("version-list")
    row = _row(before.pk)
    doubts = shown.doubts(row)
    form = ActivateForm(request.POST or None, active, doubts)
    if request.method == "POST" and form.is_valid():
        try:
            roll_back(request.user, timezone.now(), form.cleaned_data["reason"])
        except CannotPromote as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"Version {before.pk} is the active one again.")
            return redirect("version-list")
    context = {
        "row": row,
        "active": shown.row_of(active.pk),
        "doubts": doubts,
        "form": form,
        "is_back": True,
    }
    return render(request, "training/version_promote.html", context)


def _row(version_id: int) -> shown.VersionRow:
    row = shown.row_of(version_id)
    if row is None:
        raise Http404
    return row
