"""The pages of expression maps: the list, asking for one, looking at one or at two, and the points' data."""

from __future__ import annotations

import gzip
import hashlib

from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import parse_etags, quote_etag
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotate.accounts.permissions import curator_required
from annotate.faces.models import Dataset
from annotate.insight import maps
from annotate.insight.map_columns import disagreement_of, points_of
from annotate.insight.map_forms import BesideForm, MapForm
from annotate.insight.models import ExpressionMap, FaceSelection
from annotate.insight.tasks import lay_out_map
from annotate.training.models import ModelVersion
from annotate.training.versions import active_version

CLASSES_LISTED = 100
SELECTIONS_SHOWN = 20


@require_http_methods(["GET", "HEAD", "POST"])
@curator_required
def map_list(request: HttpRequest) -> HttpResponse:
    """All maps and the form for a new one; posted: has it laid out."""
    active = active_version()
    form = MapForm(request.POST or None, initial=_first_choice(request, active), label_suffix="")
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        with transaction.atomic():
            asked = maps.ask_for_map(
                given["version"], given["datasets"], request.user, timezone.now(), **form.settings()
            )
            # Robust: where the queue does not answer, beat puts it there later.
            transaction.on_commit(lambda: lay_out_map.delay(job_id=asked.pk), robust=True)
        return redirect("map-detail", asked.pk)
    selections = FaceSelection.objects.select_related("created_by").order_by("-pk")
    context = {
        "maps": maps.newest_maps(),
        "form": form,
        "selections": selections.annotate(count=Count("faces"))[:SELECTIONS_SHOWN],
        "has_versions": ModelVersion.objects.exists(),
        "has_data": Dataset.objects.exists(),
    }
    return render(request, "insight/maps.html", context)


def _first_choice(request: HttpRequest, active: ModelVersion | None) -> dict[str, object]:
    """The version that a link named, else the active one, and the data set that it learnt from."""
    named = request.GET.get("version", "")
    version = (
        ModelVersion.objects.filter(pk=named).first() if named.isdecimal() and len(named) < 19 else active
    )
    if version is None:
        return {}
    return {"version": version, "datasets": [version.run.snapshot.dataset_id]}


@require_safe
@curator_required
def map_detail(request: HttpRequest, map_id: int) -> HttpResponse:
    """The map, with another beside it if that is asked for; while it is made, how far it is."""
    asked = get_object_or_404(maps.newest_maps(), pk=map_id)
    if not asked.is_done:
        return render(request, "insight/map_under_way.html", {"map": asked})
    others = maps.newest_maps().done().exclude(pk=asked.pk)
    form = BesideForm(request.GET, others)
    beside = form.cleaned_data["beside"] if form.is_valid() else None
    context = {
        "map": asked,
        "form": form,
        "panels": [one for one in (asked, beside) if one],
        "beside": beside,
        "has_others": others.exists(),
        "classes": maps.class_counts(asked)[:CLASSES_LISTED],
        "count": asked.points.count(),
    }
    return render(request, "insight/map.html", context)


@require_safe
@curator_required
def map_live(request: HttpRequest, map_id: int) -> HttpResponse:
    """The part that is refreshed while the map is made."""
    asked = get_object_or_404(maps.newest_maps(), pk=map_id)
    return render(request, "insight/_map_state.html", {"map": asked})


@require_POST
@curator_required
def map_again(request: HttpRequest, map_id: int) -> HttpResponse:
    """Lay out anew what failed, or what has more faces by now: another map of the same settings."""
    old = get_object_or_404(ExpressionMap, pk=map_id)
    settings = {name: getattr(old, name) for name in ("method", "perplexity", "neighbours", "seed")}
    with transaction.atomic():
        version, datasets = old.model_version, list(old.datasets.all())
        asked = maps.ask_for_map(version, datasets, request.user, timezone.now(), **settings)
        transaction.on_commit(lambda: lay_out_map.delay(job_id=asked.pk), robust=True)
    return redirect("map-detail", asked.pk)


@require_POST
@curator_required
def map_remove(request: HttpRequest, map_id: int) -> HttpResponse:
    maps.remove_map(get_object_or_404(ExpressionMap, pk=map_id).pk)
    return redirect("map-list")


@require_safe
@curator_required
def map_points(request: HttpRequest, map_id: int) -> HttpResponse:
    """Every point with what is known of its face, as map_columns.py lays it out."""
    return _columns(request, points_of(get_object_or_404(ExpressionMap, pk=map_id)))


@require_safe
@curator_required
def map_disagreement(request: HttpRequest, map_id: int) -> HttpResponse:
    """How far annotators disagree on each face, as of now; loaded when somebody asks for that colour."""
    return _columns(request, disagreement_of(get_object_or_404(ExpressionMap, pk=map_id)))


def _columns(request: HttpRequest, body: bytes) -> HttpResponse:
    """Asked for again each time, since faces may be erased, but sent again only where they have changed."""
    headers = {
        "Cache-Control": "private, no-cache",
        "ETag": quote_etag(hashlib.sha256(body).hexdigest()),
        "Vary": "Accept-Encoding, Cookie",
        "X-Content-Type-Options": "nosniff",
    }
    if headers["ETag"] in parse_etags(request.headers.get("If-None-Match", "")):
        return HttpResponseNotModified(headers=headers)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        body = gzip.compress(body, compresslevel=6, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return HttpResponse(body, content_type="application/octet-stream", headers=headers)
