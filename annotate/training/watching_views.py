"""The pages on which curators and admins watch runs: the list, one run live, several beside each other."""

from __future__ import annotations

import csv

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from annotate.accounts.permissions import curator_required
from annotate.training import comparing, notices, reports
from annotate.training.judgements import figures, outcome_of
from annotate.training.manipulation_forms import MANIPULATION_LABELS
from annotate.training.models import Run, RunKind, RunState, Snapshot
from annotate.training.run_charts import Axis, charts_of, compared
from annotate.training.run_forms import SETTING_LABELS
from annotate.training.shared_folders import log_tail
from annotate.training.situations import is_silent, situation_of

LOG_LINES = 40
RUNS_SHOWN = 200
# How each kind's form calls its settings.
LABELS = {RunKind.EMBEDDING: SETTING_LABELS, RunKind.MANIPULATION: MANIPULATION_LABELS}
HELD = (RunState.RUNNING, RunState.CANCELLING)


@require_safe
@curator_required
def run_list(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    runs = Run.objects.select_related(
        "snapshot", "freeze", "created_by", "model_version", "manipulator"
    ).order_by("-pk")
    runs = runs.prefetch_related("snapshot__alterations")[:RUNS_SHOWN]
    rows = [
        {
            "run": run,
            "sha256": run.snapshot.sha256_at(run.created_at) if run.snapshot else "",
            "took": reports.took(run),
            "is_silent": run.state in HELD and is_silent(run, now),
            "accuracy": outcome_of(run),
            "network": reports.network_of(run),
            "erased_at": reports.erased_at(run),
        }
        for run in runs.defer("events")
    ]
    context = {
        "rows": rows,
        "has_snapshots": Snapshot.objects.exists(),
        "unfinished": any(row["run"].is_unfinished for row in rows),
        "fewest": comparing.FEWEST,
    }
    return render(request, "training/runs.html", context)


@require_safe
@curator_required
def run_compare(request: HttpRequest) -> HttpResponse:
    """Runs beside each other: ?run= names each, ?by=time has the curves by time."""
    named = [one for one in dict.fromkeys(request.GET.getlist("run")) if one.isdecimal() and len(one) < 19]
    if not comparing.FEWEST <= len(named) <= comparing.MOST:
        what = f"Choose {comparing.FEWEST} to {comparing.MOST} runs to compare; you chose {len(named)}."
        messages.warning(request, what)
        return redirect("run-list")
    runs = Run.objects.select_related("snapshot", "created_by", "model_version", "manipulator")
    found = runs.prefetch_related("snapshot__alterations").in_bulk([int(one) for one in named])
    if len(found) < len(named):
        raise Http404
    return render(request, "training/compare.html", _compared([found[int(one)] for one in named], request))


def _compared(runs: list[Run], request: HttpRequest) -> dict[str, object]:
    settings = comparing.setting_rows(runs, {**SETTING_LABELS, **MANIPULATION_LABELS})
    environment = comparing.environment_rows(runs)
    axis: Axis = "time" if request.GET.get("by") == "time" else "step"
    snapshots = {run.snapshot.sha256 if run.snapshot else None for run in runs}
    return {
        "runs": runs,
        "chosen": "&".join(f"run={run.pk}" for run in runs),
        "axis": axis,
        "charts": compared({f"run {run.pk}": run for run in runs}, axis),
        "outcome": comparing.outcome_rows(runs),
        "settings": {"differing": comparing.differing(settings), "alike": comparing.alike(settings)},
        "environment": {"differing": comparing.differing(environment), "alike": comparing.alike(environment)},
        "accuracies": comparing.accuracy_rows(runs),
        "validations": comparing.validation_rows(runs),
        "same_snapshot": len(snapshots) == 1,
        "unfinished": any(run.is_unfinished for run in runs),
    }


@require_safe
@curator_required
def run_detail(request: HttpRequest, run_id: int) -> HttpResponse:
    return render(request, "training/run.html", _run(request, run_id))


@require_safe
@curator_required
def run_live(request: HttpRequest, run_id: int) -> HttpResponse:
    """The part of the page that is refreshed while the run is unfinished."""
    return render(request, "training/_run.html", _run(request, run_id))


def _run(request: HttpRequest, run_id: int) -> dict[str, object]:
    runs = Run.objects.select_related("snapshot", "freeze", "created_by", "model_version", "manipulator")
    run = get_object_or_404(runs, pk=run_id)
    if not run.is_unfinished and run.created_by_id == request.user.pk and run.seen_at is None:
        notices.see(request.user, timezone.now(), [run_id])
    version, manipulator = getattr(run, "model_version", None), getattr(run, "manipulator", None)
    evaluation = version.evaluation if version else {}
    return {
        "run": run,
        "situation": situation_of(run, timezone.now()),
        "sha256": run.snapshot.sha256_at(run.created_at) if run.snapshot else "",
        "settings": reports.settings_of(run, LABELS[run.kind]),
        "pins": reports.pins_of(run),
        "start": reports.start_of(run),
        "progress": reports.progress_of(run),
        "charts": charts_of(run),
        "took": reports.took(run),
        "version": version,
        "manipulator": manipulator,
        "figures": figures(manipulator.judgement) if manipulator else [],
        "erased_at": reports.erased_at(run),
        "headline": reports.headline(evaluation),
        "accuracy_rows": reports.accuracy_rows(evaluation),
        "tournament": reports.tournament_accuracy(evaluation),
        "embeddings": version.embeddings.count() if version else 0,
        "log": reports.log_lines(log_tail(run, LOG_LINES)),
    }


@require_safe
@curator_required
def run_points(request: HttpRequest, run_id: int) -> HttpResponse:
    """The points of a run's curves, as CSV."""
    run = get_object_or_404(Run, pk=run_id)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="run-{run.pk}-points.csv"'
    points = [point for point in run.events if point["kind"] != "start"]
    names = list(dict.fromkeys(name for point in points for name in point))
    writer = csv.DictWriter(response, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(points)
    return response
