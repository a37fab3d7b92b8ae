"""The pages by which an admin erases a person: choose, look at what goes, confirm, see it done."""

from __future__ import annotations

from urllib.parse import urlencode

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from annotate.accounts.permissions import admin_required
from annotate.curation.erasing import STAGES, ErasureRefused, ask_for_erasure
from annotate.curation.erasure_forms import ConfirmForm, PersonForm
from annotate.curation.erasure_preview import Preview, faces_of
from annotate.curation.models import Erasure, ErasureState
from annotate.curation.tasks import erase_person
from annotate.faces.models import Dataset

SHOWN = 200
COUNTED = {
    "faces": "Faces",
    "crops": "Crops",
    "embeddings": "Embeddings",
    "triplets": "Imported triplets",
    "groups": "Groups voided",
    "brackets": "Brackets voided",
    "comparisons": "Comparisons",
    "votes": "Votes",
    "gold": "Gold comparisons",
    "runs": "Runs cancelled",
    "snapshots": "Snapshots altered",
    "model_versions": "Model versions flagged",
    "manipulators": "Manipulators flagged",
}


@require_safe
@admin_required
def erasure_list(request: HttpRequest) -> HttpResponse:
    """Who was erased when and why, in numbers; and the form that leads to the next preview."""
    form = PersonForm(request.GET if "identity" in request.GET else None, label_suffix="")
    if form.is_bound and form.is_valid():
        chosen = {"dataset": form.cleaned_data["dataset"].name, "identity": form.cleaned_data["identity"]}
        if form.cleaned_data["dataset"].faces.filter(identity=chosen["identity"]).exists():
            return redirect(f"{reverse('erasure-new')}?{urlencode(chosen)}")
        form.add_error("identity", "No face of this data set has this identity. Mind capitals and spaces.")
    erasures = Erasure.objects.select_related("dataset", "asked_by").order_by("-pk")[:SHOWN]
    rows = [{"erasure": erasure, "counts": _counts(erasure)} for erasure in erasures]
    return render(request, "curation/erasures.html", {"form": form, "rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def erasure_new(request: HttpRequest) -> HttpResponse:
    """What would go, and the form to confirm it. ?dataset=NAME&identity=NAME, or &face=ID for single ones."""
    preview = _preview(request)
    form = ConfirmForm(request.POST or None, preview)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                erasure = ask_for_erasure(
                    dataset=preview.dataset, identity=preview.identity, face_ids=preview.ids,
                    reason=form.cleaned_data["reason"], admin=request.user, at=timezone.now(),
                )  # fmt: skip
                # Robust: where the queue does not answer, beat puts it there later.
                transaction.on_commit(lambda: erase_person.delay(erasure_id=erasure.pk), robust=True)
        except ErasureRefused as error:
            form.add_error(None, str(error))
        else:
            return redirect("erasure-detail", erasure.pk)
    return render(request, "curation/erasure_new.html", {"form": form, "preview": preview})


def _preview(request: HttpRequest) -> Preview:
    dataset = get_object_or_404(Dataset, name=request.GET.get("dataset", ""))
    identity = request.GET.get("identity", "")
    ids = [int(face) for face in request.GET.getlist("face") if face.isdecimal() and len(face) < 19]
    faces = list(faces_of(dataset, identity, ids))
    if not faces:
        raise Http404("There is no such face")
    return Preview(dataset, identity, faces)


@require_safe
@admin_required
def erasure_detail(request: HttpRequest, erasure_id: int) -> HttpResponse:
    return render(request, "curation/erasure.html", _erasure(erasure_id))


@require_safe
@admin_required
def erasure_live(request: HttpRequest, erasure_id: int) -> HttpResponse:
    """The part of the page that is refreshed while the erasure is under way."""
    return render(request, "curation/_erasure.html", _erasure(erasure_id))


def _erasure(erasure_id: int) -> dict[str, object]:
    erasure = get_object_or_404(Erasure.objects.select_related("dataset", "asked_by"), pk=erasure_id)
    return {
        "erasure": erasure,
        "is_done": erasure.state == ErasureState.DONE,
        "stage": STAGES.get(erasure.stage, ""),
        "counts": _counts(erasure),
    }


def _counts(erasure: Erasure) -> list[tuple[str, int]]:
    return [(label, erasure.counts.get(name, 0)) for name, label in COUNTED.items()]
