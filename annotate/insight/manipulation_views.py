"""The pages on which a source, a face or one of a sent picture, takes on any face's expression."""

from __future__ import annotations

from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from annotate.accounts.permissions import curator_required
from annotate.faces.models import Face
from annotate.insight.manipulation_choice_views import face_choices, manipulator_of, picture_response
from annotate.insight.manipulation_forms import chosen
from annotate.insight.manipulations import ask_for_interpolation
from annotate.insight.models import Interpolation, QueryFace
from annotate.insight.tasks import make_interpolation
from annotate.training.models import Manipulator

QUERIES_SHOWN = 12
SIDES = ("source", "target")


@require_http_methods(["GET", "HEAD", "POST"])
@curator_required
def manipulator_try(request: HttpRequest, manipulator_id: int) -> HttpResponse:
    """Choose a source (?source= a face, ?query= one of a sent picture) and a target; posted with both, the
    one is made to take on the other's expression."""
    manipulator = manipulator_of(manipulator_id)
    given = request.POST if request.method == "POST" else request.GET
    [source] = chosen(given.getlist("source")[:1], 1) or [None]
    query = _query(request, given.get("query", ""))
    [target] = chosen(given.getlist("target")[:1], 1) or [None]
    if request.method == "POST":
        if (source is None and query is None) or target is None:
            raise BadRequest("A source and a target are needed")
        return _ask_for_interpolation(request, manipulator, source or query, target)
    picks = request.GET.get("pick") if request.GET.get("pick") in SIDES else None
    has_source = source is not None or query is not None
    context = {
        "manipulator": manipulator,
        "source": source,
        "query": query,
        "target": target,
        "pick": picks or ("target" if has_source else "source"),
        "queries": _queries(request),
        **face_choices(request, manipulator, [], []),
    }
    return render(request, "insight/manipulation_try.html", context)


def _query(request: HttpRequest, number: str) -> QueryFace | None:
    """A face of a picture that she sent herself, and that has not expired."""
    if not number.isdecimal():
        return None
    return next((face for face in _queries(request) if face.pk == int(number)), None)


def _queries(request: HttpRequest) -> list[QueryFace]:
    now = timezone.now()
    hers = QueryFace.objects.filter(picture__created_by=request.user, picture__expires_at__gt=now)
    return list(hers.select_related("picture").order_by("-picture", "place")[:QUERIES_SHOWN])


def _ask_for_interpolation(
    request: HttpRequest, manipulator: Manipulator, source: Face | QueryFace, target: Face
) -> HttpResponse:
    with transaction.atomic():
        asked, is_new = ask_for_interpolation(manipulator, source, target, request.user, timezone.now())
        if is_new:
            transaction.on_commit(lambda: make_interpolation.delay(job_id=asked.pk), robust=True)
    return redirect("manipulation-detail", asked.pk)


@require_safe
@curator_required
def manipulation_detail(request: HttpRequest, manipulation_id: int) -> HttpResponse:
    return render(request, "insight/manipulation.html", _interpolation(request, manipulation_id))


@require_safe
@curator_required
def manipulation_live(request: HttpRequest, manipulation_id: int) -> HttpResponse:
    """The part of the page that is refreshed while the faces are made."""
    return render(request, "insight/_manipulation.html", _interpolation(request, manipulation_id))


def _interpolation(request: HttpRequest, manipulation_id: int) -> dict[str, object]:
    seen = Interpolation.objects.seen_by(request.user).select_related("source", "query__picture", "target")
    asked = get_object_or_404(seen, pk=manipulation_id)
    return {
        "asked": asked,
        "manipulator": manipulator_of(asked.manipulator_id),
        "last": ((asked.side or 0) * (asked.steps - 1)),
        "width": (asked.side or 0) * asked.steps,
    }


@require_safe
@curator_required
def manipulation_picture(request: HttpRequest, manipulation_id: int, which: str) -> HttpResponse:
    asked = get_object_or_404(Interpolation.objects.done().seen_by(request.user), pk=manipulation_id)
    return picture_response(
        asked.sheet if which == "sheet" else asked.picture, which, f"manipulation-{asked.pk}"
    )
