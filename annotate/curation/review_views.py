"""The pages on which curators look through a data set's near-duplicates and bad crops."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from math import isfinite

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotate.accounts.permissions import curator_required
from annotate.curation import review_lists, reviewing
from annotate.curation.models import Scan
from annotate.curation.scanning import ask_for_scan
from annotate.curation.tasks import scan_dataset
from annotate.faces.models import Dataset, Face, SetAsideReason

LISTS: dict[str, tuple[str, str]] = {
    **review_lists.MEASURES,
    "flagged": ("Flagged", "Annotators could not answer: the picture is broken, or they know the person"),
    "set-aside": ("Set aside", "In no new group; they can be brought back"),
}


@require_safe
@curator_required
def review(request: HttpRequest, name: str) -> HttpResponse:
    """What there is to review, and the scan that finds it."""
    return render(request, "curation/review.html", _overview(name))


@require_safe
@curator_required
def review_live(request: HttpRequest, name: str) -> HttpResponse:
    """The part of the page that is refreshed while the scan is under way."""
    return render(request, "curation/_scan.html", _overview(name))


def _overview(name: str) -> dict[str, object]:
    dataset = get_object_or_404(Dataset, name=name)
    scan = Scan.objects.filter(dataset=dataset).first()
    newest = dataset.faces.order_by("-pk").values_list("pk", flat=True).first() or 0
    return {
        "dataset": dataset,
        "scan": scan,
        "is_under_way": scan is not None and scan.ended_at is None,
        "is_stale": scan is not None and scan.ended_at is not None and newest > scan.last_face,
        "pairs": review_lists.undecided_pairs(dataset),
        "aside": dataset.faces.set_aside().count(),
        "flagged": len(review_lists.flagged_faces(dataset, None)),
        "measures": [(measure, *words) for measure, words in review_lists.MEASURES.items()],
        "has_faces": newest > 0,
    }


@require_POST
@curator_required
def review_scan(request: HttpRequest, name: str) -> HttpResponse:
    """Ask for the faces to be measured and compared."""
    dataset = get_object_or_404(Dataset, name=name)
    with transaction.atomic():
        ask_for_scan(dataset, request.user, timezone.now())
        transaction.on_commit(lambda: scan_dataset.delay(dataset_id=dataset.pk), robust=True)
    return redirect("review", name)


@require_http_methods(["GET", "HEAD", "POST"])
@curator_required
def review_duplicates(request: HttpRequest, name: str) -> HttpResponse:
    """One cluster of faces that look the same; posted: the one to keep, or none where they differ."""
    dataset = get_object_or_404(Dataset, name=name)
    if request.method == "POST":
        keep = request.POST.get("keep", "")
        try:
            reviewing.judge_duplicates(
                dataset, ids_in(request, "face"), int(keep) if keep else None,
                by=request.user, at=timezone.now(),
            )  # fmt: skip
        except ValueError:
            return HttpResponseBadRequest("That face was not among those shown.")
        return redirect(request.get_full_path())
    distance, pk = place_after(request) or (0.0, 0)
    cluster = review_lists.next_cluster(dataset, (int(distance), pk) if pk else None)
    context = {"dataset": dataset, "cluster": cluster, "left": review_lists.undecided_pairs(dataset)}
    return render(request, "curation/review_duplicates.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@curator_required
def review_list(request: HttpRequest, name: str, which: str) -> HttpResponse:
    """The worst crops by a measure, flagged faces, or those set aside; posted: which of them to set aside (or
    bring back), the others are kept."""
    dataset = get_object_or_404(Dataset, name=name)
    if which not in LISTS:
        raise Http404
    if request.method == "POST":
        shown, marked = ids_in(request, "face"), ids_in(request, "marked")
        if which == "set-aside":
            reviewing.bring_back(dataset, marked)
        else:
            reason = SetAsideReason.BROKEN if which == "flagged" else SetAsideReason.BAD_CROP
            reviewing.review_crops(dataset, shown, marked, reason=reason, by=request.user, at=timezone.now())
        return redirect(request.get_full_path())
    reads: dict[str, Callable] = {
        "flagged": review_lists.flagged_faces,
        "set-aside": review_lists.faces_set_aside,
    }
    after = place_after(request)
    faces = (
        reads[which](dataset, after) if which in reads else review_lists.worst_crops(dataset, which, after)
    )
    context = {
        "dataset": dataset, "which": which, "title": LISTS[which][0], "says": LISTS[which][1], "faces": faces,
        "lists": [(key, words[0]) for key, words in LISTS.items()], "goes_on": after is not None,
        "next": f"{faces[-1].value}-{faces[-1].pk}" if len(faces) == review_lists.PAGE else "",
    }  # fmt: skip
    return render(request, "curation/review_list.html", context)


@require_POST
@curator_required
def review_undo(request: HttpRequest, name: str) -> HttpResponse:
    """Take back her last decision, and go back to where she was."""
    dataset = get_object_or_404(Dataset, name=name)
    if reviewing.undo_last(dataset, by=request.user, at=timezone.now()):
        messages.success(request, "Your last decision is taken back.")
    else:
        messages.info(request, "There is nothing to take back.")
    which, selection = request.POST.get("which", ""), request.POST.get("selection", "")
    if selection.isdecimal() and len(selection) < 19:
        return redirect("review-selection", name, int(selection))
    if which == "duplicates":
        return redirect("review-duplicates", name)
    return redirect("review-list", name, which) if which in LISTS else redirect("review", name)


@require_POST
@curator_required
def face_status(request: HttpRequest, face_id: int) -> HttpResponse:
    """Set one face aside from its own page, or bring it back."""
    face = get_object_or_404(Face.objects.select_related("dataset"), pk=face_id)
    if request.POST.get("status") == "ready":
        reviewing.bring_back(face.dataset, [face.pk])
    else:
        reviewing.review_crops(
            face.dataset,
            [face.pk],
            [face.pk],
            reason=SetAsideReason.OTHER,
            by=request.user,
            at=timezone.now(),
        )
    return redirect("face-detail", face_id)


def ids_in(request: HttpRequest, name: str) -> list[int]:
    """The faces that a review posts under this name."""
    return [int(face) for face in request.POST.getlist(name) if face.isdecimal() and len(face) < 19]


def place_after(request: HttpRequest) -> tuple[float, int] | None:
    """Behind which value and face the list goes on, if the address says so."""
    value, _, pk = request.GET.get("after", "").rpartition("-")
    with suppress(ValueError):
        if pk.isdecimal() and len(pk) < 19 and isfinite(float(value)):
            return float(value), int(pk)
    return None
