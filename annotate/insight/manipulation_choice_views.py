"""What the pages of manipulation have in common: faces to choose among, and how made pictures are sent."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from annotate.faces.models import Face
from annotate.insight.manipulation_choices import page
from annotate.insight.manipulation_forms import FaceFilter
from annotate.insight.manipulations import read
from annotate.training.models import Manipulator


def face_choices(
    request: HttpRequest, manipulator: Manipulator, sources: list[Face], targets: list[Face]
) -> dict[str, object]:
    """The faces to choose among, each with what would be chosen with it."""
    form = FaceFilter(request.GET, manipulator.run.snapshot.dataset)
    if not form.is_valid():
        return {"form": form}
    found = page(form.wanted())
    in_sources, in_targets = [one.pk for one in sources], [one.pk for one in targets]
    rows = [
        {
            "face": face,
            "as_source": None if face.pk in in_sources else [*in_sources, face.pk],
            "as_target": None if face.pk in in_targets else [*in_targets, face.pk],
        }
        for face in found.faces
    ]
    return {"form": form, "rows": rows, "after": found.after}


def picture_response(name: str, which: str, called: str) -> HttpResponse:
    """A stored picture; one that is to be kept elsewhere is sent as a file, whose name says what it is."""
    if which not in ("sheet", "picture"):
        raise Http404("There is no such picture")
    try:
        content = read(name)
    except FileNotFoundError:
        raise Http404("It has just been deleted") from None
    headers = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
    if which == "picture":
        headers["Content-Disposition"] = f'attachment; filename="semblance-synthetic-{called}.png"'
    return HttpResponse(content, content_type="image/png", headers=headers)


def manipulator_of(manipulator_id: int) -> Manipulator:
    """Or 404."""
    found = Manipulator.objects.select_related("run__snapshot__dataset", "run__parent")
    return get_object_or_404(found.defer("run__events"), pk=manipulator_id)
