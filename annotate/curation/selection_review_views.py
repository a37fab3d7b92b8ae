"""The review of a selection: its faces ten by ten, to be kept or set aside."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from annotate.accounts.permissions import curator_required
from annotate.curation import review_lists, reviewing
from annotate.curation.review_views import LISTS, ids_in, place_after
from annotate.faces.models import Dataset, SetAsideReason
from annotate.insight.models import FaceSelection


@require_http_methods(["GET", "HEAD", "POST"])
@curator_required
def review_selection(request: HttpRequest, name: str, selection_id: int) -> HttpResponse:
    """Those of the selection that nobody has looked at; posted: which of them to set aside."""
    dataset = get_object_or_404(Dataset, name=name)
    selection = get_object_or_404(FaceSelection, pk=selection_id)
    if request.method == "POST":
        shown, marked = ids_in(request, "face"), ids_in(request, "marked")
        reviewing.review_crops(
            dataset, shown, marked, reason=SetAsideReason.OTHER, by=request.user, at=timezone.now()
        )
        return redirect(request.get_full_path())
    after = place_after(request)
    faces = review_lists.selected_faces(selection, dataset, after)
    context = {
        "dataset": dataset, "which": "selection", "selection": selection, "title": f"Selection “{selection}”",
        "says": "Marked on a map, in the order of import", "faces": faces, "goes_on": after is not None,
        "lists": [(key, words[0]) for key, words in LISTS.items()],
        "next": f"{faces[-1].value}-{faces[-1].pk}" if len(faces) == review_lists.PAGE else "",
    }  # fmt: skip
    return render(request, "curation/review_list.html", context)
