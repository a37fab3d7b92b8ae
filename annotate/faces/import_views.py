"""Imports in the browser: sending pictures or choosing a folder of the server, watching how far it is, and
what came of it."""

from __future__ import annotations

import csv
import shutil
from itertools import islice

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from annotate.accounts.permissions import curator_required
from annotate.faces.import_files import ImportFiles, Sent
from annotate.faces.import_forms import ImportForm
from annotate.faces.import_progress import progress_of
from annotate.faces.imports import cancel_import, queue_folder, queue_upload
from annotate.faces.models import Dataset, Import, ImportKind, ImportState
from annotate.faces.tasks import run_import

REJECTS_SHOWN = 100


# Exempt only until it is known that the request is not too large: the token lies within its body.
@csrf_exempt
@curator_required
def import_create(request: HttpRequest) -> HttpResponse:
    """The form of an import (?what=, ?where=)."""
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if request.method == "POST" and length > settings.UPLOAD_MOST_BYTES:
        return _refused(request, "This is more than may be sent at once. Send it in parts.")
    if request.method == "POST" and length > shutil.disk_usage(settings.UPLOADS_DIR).free:
        return _refused(request, "The server has no room for this. Ask whoever runs it to make some.")
    return _import_create(request)


@csrf_protect
def _import_create(request: HttpRequest) -> HttpResponse:
    options = _options(request)
    form = ImportForm(request.POST or None, request.FILES or None, **options)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            queued = _queue(form, request)
            # Robust: where the queue does not answer, beat puts it there later.
            transaction.on_commit(lambda: run_import.delay(import_id=queued.pk), robust=True)
        address = reverse("import-detail", args=[queued.pk])
        return HttpResponseClientRedirect(address) if request.htmx else redirect(address)
    return render(request, "faces/import_create.html", _context(form))


def _options(request: HttpRequest) -> dict[str, object]:
    """What and from where, as the address says."""
    is_fec = request.GET.get("what") == ImportKind.TRIPLETS
    return {
        "kind": ImportKind.TRIPLETS if is_fec else ImportKind.FACES,
        "is_upload": not (settings.IMPORT_DIR and request.GET.get("where") == "server"),
    }


def _context(form: ImportForm) -> dict[str, object]:
    return {"form": form, "most_bytes": settings.UPLOAD_MOST_BYTES, "import_dir": settings.IMPORT_DIR}


def _refused(request: HttpRequest, why: str) -> HttpResponse:
    # Nothing of the body is read: the form begins anew.
    context = _context(ImportForm(**_options(request))) | {"refused": why}
    return render(request, "faces/import_create.html", context, status=413)


def _queue(form: ImportForm, request: HttpRequest) -> Import:
    given = form.cleaned_data
    options = {
        "dataset": given["dataset"], "split": given["split"], "created_by": request.user,
        "is_prealigned": given.get("is_prealigned", False),
    }  # fmt: skip
    if form.is_upload:
        return queue_upload(Sent(given["archive"], given["labels"], given.get("triplets")), **options)
    tables = {"labels": given["labels"], "triplets": given.get("triplets", "")}
    return queue_folder(given["folder"], **tables, **options)


@require_safe
@curator_required
def import_detail(request: HttpRequest, import_id: int) -> HttpResponse:
    return render(request, "faces/import.html", _import(import_id))


@require_safe
@curator_required
def import_live(request: HttpRequest, import_id: int) -> HttpResponse:
    """The part of the page that is refreshed while the import is unfinished."""
    return render(request, "faces/_import.html", _import(import_id))


def _import(import_id: int) -> dict[str, object]:
    found = get_object_or_404(Import.objects.select_related("created_by"), pk=import_id)
    return {
        "import": found,
        "progress": progress_of(found, timezone.now()),
        "before": Import.objects.unfinished().filter(pk__lt=found.pk).count(),
        "rejects": _first_rejects(found),
        "has_dataset": Dataset.objects.filter(name=found.dataset).exists(),
    }


def _first_rejects(of: Import) -> list[dict[str, str]]:
    path = ImportFiles(of).rejects
    if of.is_unfinished or not of.rejected or not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(islice(csv.DictReader(file), REJECTS_SHOWN))


@require_safe
@curator_required
def import_rejects(request: HttpRequest, import_id: int) -> HttpResponse:
    """The rejects file, to download."""
    found = get_object_or_404(Import, pk=import_id)
    path = ImportFiles(found).rejects
    if found.is_unfinished or not path.is_file():
        raise Http404
    return FileResponse(
        path.open("rb"), as_attachment=True, filename=f"{found.dataset}-rejects-{found.pk}.csv",
        content_type="text/csv; charset=utf-8",
    )  # fmt: skip


@require_POST
@curator_required
def import_cancel(request: HttpRequest, import_id: int) -> HttpResponse:
    """Ask for an import to be stopped."""
    found = get_object_or_404(Import, pk=import_id)
    state = cancel_import(import_id, timezone.now())
    if state == ImportState.CANCELLED:
        ImportFiles(found).remove_sent()
    elif state != ImportState.CANCELLING:
        messages.warning(request, f"There was nothing to cancel any more: the import has {state}.")
    return redirect("import-detail", import_id)
