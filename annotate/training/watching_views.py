"""The pages on which curators and admins watch runs: the list, and one run, live. Nothing is changed here."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from annotate.accounts.permissions import curator_required
from annotate.training import reports
from annotate.training.models import Run, RunState, Snapshot
from annotate.training.run_forms import SETTING_LABELS
from annotate.training.shared_folders import log_tail

LOG_LINES = 12
RUNS_SHOWN = 200


@require_safe
@curator_required
def run_list(request: HttpRequest) -> HttpResponse:
    runs = Run.objects.select_related("snapshot", "created_by", "model_version").order_by("-pk")
    runs = runs.prefetch_related("snapshot__alterations")[:RUNS_SHOWN]
    rows = [
        {
            "run": run,
            "sha256": run.snapshot.sha256_at(run.created_at) if run.snapshot else "",
            "took": reports.took(run),
            "accuracy": reports.headline(run.model_version.evaluation)
            if run.state == RunState.SUCCEEDED
            else "",
        }
        for run in runs.defer("events")
    ]
    context = {
        "rows": rows,
        "has_snapshots": Snapshot.objects.exists(),
        "unfinished": any(row["run"].is_unfinished for row in rows),
    }
    return render(request, "training/runs.html", context)


@require_safe
@curator_required
def run_detail(request: HttpRequest, run_id: int) -> HttpResponse:
    return render(request, "training/run.html", _run(run_id))


@require_safe
@curator_required
def run_live(request: HttpRequest, run_id: int) -> HttpResponse:
    """The part of the page that is refreshed while the run is unfinished."""
    return render(request, "training/_run.html", _run(run_id))


def _run(run_id: int) -> dict[str, object]:
    run = get_object_or_404(Run.objects.select_related("snapshot", "created_by", "model_version"), pk=run_id)
    version = getattr(run, "model_version", None)
    evaluation = version.evaluation if version else {}
    return {
        "run": run,
        "sha256": run.snapshot.sha256_at(run.created_at) if run.snapshot else "",
        "settings": reports.settings_of(run, SETTING_LABELS),
        "pins": reports.pins_of(run),
        "start": reports.start_of(run),
        "progress": reports.progress_of(run),
        "charts": [chart for chart in (reports.loss_chart(run), reports.accuracy_chart(run)) if chart],
        "took": reports.took(run),
        "version": version,
        "headline": reports.headline(evaluation),
        "accuracy_rows": reports.accuracy_rows(evaluation),
        "tournament": reports.tournament_accuracy(evaluation),
        "embeddings": version.embeddings.count() if version else 0,
        "log": log_tail(run, LOG_LINES),
    }
