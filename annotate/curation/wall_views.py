"""The wall: a data set's faces as pictures, filtered, and page after page as one scrolls."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from annotate.accounts.permissions import curator_required
from annotate.curation import wall
from annotate.curation.wall_forms import WallFilter
from annotate.faces.models import Dataset, Face


@require_safe
@curator_required
def dataset_wall(request: HttpRequest, name: str) -> HttpResponse:
    """The wall from a face on (`from`, `after`) or up to one (`before`); to htmx, its next faces alone."""
    dataset = get_object_or_404(Dataset, name=name)
    form = WallFilter(request.GET, dataset)
    context = {"dataset": dataset, "form": form}
    if form.is_valid():
        context |= _shown(dataset, form, alone=bool(request.htmx))
    if request.htmx and form.is_valid():
        return render(request, "curation/_wall_faces.html", context)
    if form.is_valid():
        context["count"], context["is_more"] = wall.counted(wall.found(dataset, form.wanted()))
    return render(request, "curation/wall.html", context)


def _shown(dataset: Dataset, form: WallFilter, *, alone: bool) -> dict[str, object]:
    """The faces, and those at which the pages before and behind begin. `alone`: they are put among others."""
    wanted, place = form.wanted(), form.place()
    side = place.side if place else ""
    try:
        page = wall.page(wall.found(dataset, wanted), wanted.order, place)
    except Face.DoesNotExist:
        return {"is_gone": True}
    first, last = (page.faces[0].pk, page.faces[-1].pk) if page.faces else (None, None)
    came_from = {"after": not alone, "from": True, "before": not alone}.get(side, False)
    more = {"before": (page.goes_on, came_from)}.get(side, (came_from, page.goes_on))
    return {
        "faces": page.faces,
        "earlier": first if more[0] else None,
        "later": last if more[1] else None,
        "side": side,
    }
