"""The pages of manipulators: what there are, how each was judged, the grids that each has made."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotate.accounts.permissions import curator_required
from annotate.faces.models import Face
from annotate.insight.manipulation_choice_views import face_choices, manipulator_of, picture_response
from annotate.insight.manipulation_forms import chosen
from annotate.insight.manipulations import (
    MOST_SOURCES,
    MOST_TARGETS,
    ManipulationRefused,
    ask_for_grid,
    remove,
)
from annotate.insight.models import ManipulationGrid
from annotate.insight.tasks import make_grid
from annotate.training.judgements import figures, headline
from annotate.training.models import Manipulator, Run, RunKind

GRIDS_SHOWN = 12


@require_safe
@curator_required
def manipulator_list(request: HttpRequest) -> HttpResponse:
    """What there are. ?source= or ?query= is a face for which one looks for a manipulator."""
    manipulators = Manipulator.objects.select_related("run__snapshot__dataset", "run__parent")
    rows = [
        {"manipulator": one, "figures": figures(one.judgement), "headline": headline(one.judgement)}
        for one in manipulators.defer("run__events").order_by("-pk")
    ]
    under_way = Run.objects.unfinished().filter(kind=RunKind.MANIPULATION).defer("events")
    # What one came with goes on to the manipulator that is chosen.
    is_for_one = bool({"source", "query"} & {*request.GET})
    context = {"rows": rows, "under_way": under_way.order_by("pk"), "is_for_one": is_for_one}
    return render(request, "insight/manipulators.html", context)


@require_safe
@curator_required
def manipulator_detail(request: HttpRequest, manipulator_id: int) -> HttpResponse:
    """Its judgement and one of its grids: the newest, or the one that ?grid= names."""
    manipulator = manipulator_of(manipulator_id)
    grids = ManipulationGrid.objects.filter(manipulator=manipulator).order_by("-pk")
    asked = request.GET.get("grid", "")
    grid = get_object_or_404(grids, pk=asked) if asked.isdecimal() else grids.first()
    context = {
        "manipulator": manipulator,
        "figures": figures(manipulator.judgement),
        "grids": grids[:GRIDS_SHOWN],
        **_grid(grid),
    }
    return render(request, "insight/manipulator.html", context)


@require_safe
@curator_required
def manipulation_grid_live(request: HttpRequest, grid_id: int) -> HttpResponse:
    """The part of the page that is refreshed while a grid is made."""
    grid = get_object_or_404(ManipulationGrid, pk=grid_id)
    context = {"manipulator": manipulator_of(grid.manipulator_id), **_grid(grid)}
    return render(request, "insight/_manipulation_grid.html", context)


def _grid(grid: ManipulationGrid | None) -> dict[str, object]:
    """A grid as the template draws it: each row's source, and where its faces lie in the sheet."""
    faces = list(grid.faces.select_related("face")) if grid else []
    sources = [one.face for one in faces if not one.is_target]
    targets = [one.face for one in faces if one.is_target]
    side = (grid.side or 0) if grid else 0
    rows = [
        {
            "source": source,
            "cells": [
                {"target": target, "x": column * side, "y": row * side}
                for column, target in enumerate(targets)
            ],
        }
        for row, source in enumerate(sources)
    ]
    size = {"width": side * len(targets), "height": side * len(sources)}
    return {"grid": grid, "targets": targets, "rows": rows, "sheet_size": size}


@require_http_methods(["GET", "HEAD", "POST"])
@curator_required
def manipulator_grid(request: HttpRequest, manipulator_id: int) -> HttpResponse:
    """Choose sources and targets (?source=, ?target=), then have a grid of them made; or, posted without any,
    a grid of held-out people."""
    manipulator = manipulator_of(manipulator_id)
    given = request.POST if request.method == "POST" else request.GET
    sources = chosen(given.getlist("source"), MOST_SOURCES + 1)
    targets = chosen(given.getlist("target"), MOST_TARGETS + 1)
    if request.method == "POST":
        try:
            return _ask_for_grid(request, manipulator, sources, targets)
        except ManipulationRefused as error:
            messages.error(request, str(error))
    context = {
        "manipulator": manipulator,
        "sources": _removable(sources),
        "targets": _removable(targets),
        "most_sources": MOST_SOURCES,
        "most_targets": MOST_TARGETS,
        **face_choices(request, manipulator, sources, targets),
    }
    return render(request, "insight/manipulation_choose.html", context)


def _ask_for_grid(
    request: HttpRequest, manipulator: Manipulator, sources: list[Face], targets: list[Face]
) -> HttpResponse:
    before = ManipulationGrid.objects.filter(manipulator=manipulator).count()
    with transaction.atomic():
        grid = ask_for_grid(
            manipulator, request.user, timezone.now(), sources=[face.pk for face in sources],
            targets=[face.pk for face in targets], seed=before,
        )  # fmt: skip
        transaction.on_commit(lambda: make_grid.delay(job_id=grid.pk), robust=True)
    return redirect("manipulator-detail", manipulator.pk)


def _removable(faces: list[Face]) -> list[dict[str, object]]:
    """Each with the numbers of the others: what is left when it is taken out."""
    return [{"face": face, "others": [one.pk for one in faces if one != face]} for face in faces]


@require_POST
@curator_required
def manipulation_grid_delete(request: HttpRequest, grid_id: int) -> HttpResponse:
    grid = get_object_or_404(ManipulationGrid, pk=grid_id)
    remove([grid])
    messages.success(request, "The grid and its pictures are deleted.")
    return redirect("manipulator-detail", grid.manipulator_id)


@require_safe
@curator_required
def manipulation_grid_picture(request: HttpRequest, grid_id: int, which: str) -> HttpResponse:
    grid = get_object_or_404(ManipulationGrid.objects.done(), pk=grid_id)
    return picture_response(grid.sheet if which == "sheet" else grid.picture, which, f"grid-{grid.pk}")
