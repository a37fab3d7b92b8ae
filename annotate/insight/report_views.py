"""The pages of evaluation reports: asked for, watched, read, and taken away as Markdown."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from annotate.accounts.permissions import curator_required
from annotate.insight import report_pages as pages
from annotate.insight.models import Report
from annotate.insight.report_forecast import forecast
from annotate.insight.report_forms import AgainstForm, ReportForm
from annotate.insight.report_markdown import markdown_of
from annotate.insight.reports import CannotReport, ask_for_report
from annotate.insight.tasks import make_report
from annotate.training.models import ModelVersion
from annotate.training.versions import active_version

RELATED = ("model_version__run__parent", "dataset", "created_by")


@curator_required
def report_list(request: HttpRequest) -> HttpResponse:
    """All reports, or with ?version= those of one version; posted, another is asked for."""
    version = _chosen_version(request)
    form = ReportForm(request.POST or None, initial={"version": version or active_version()})
    if request.method == "POST" and form.is_valid():
        return _ask(request, form)
    reports = (
        Report.objects.select_related(*RELATED).defer("model_version__run__events", "figures").order_by("-pk")
    )
    if version:
        reports = reports.filter(model_version=version)
    reports = list(reports[: pages.REPORTS_SHOWN])
    context = {
        "form": form,
        "reports": reports,
        "version": version,
        "has_versions": ModelVersion.objects.exists(),
        "under_way": any(report.ended_at is None for report in reports),
    }
    return render(request, "insight/reports.html", context)


def _chosen_version(request: HttpRequest) -> ModelVersion | None:
    asked = request.GET.get("version", "")
    if not asked:
        return None
    if not asked.isdecimal() or len(asked) > 18:
        raise Http404
    return get_object_or_404(ModelVersion, pk=int(asked))


def _ask(request: HttpRequest, form: ReportForm) -> HttpResponse:
    asked = form.cleaned_data
    try:
        with transaction.atomic():
            report = ask_for_report(
                asked["version"], asked["dataset"], asked["extent"], request.user, timezone.now(),
                neighbours=asked["neighbours"], measured=asked["measured"],
                retrain=asked["retrain"],
            )  # fmt: skip
            # Robust: where the queue does not answer, beat puts it there later.
            transaction.on_commit(lambda: make_report.delay(job_id=report.pk), robust=True)
    except CannotReport as error:
        messages.error(request, str(error))
        return redirect("report-list")
    return redirect("report-detail", report.pk)


@require_safe
@curator_required
def report_forecast(request: HttpRequest) -> HttpResponse:
    """What the report will take that is being asked for."""
    form = ReportForm(request.GET)
    told = None
    if form.is_valid():
        asked = form.cleaned_data
        told = forecast(asked["version"], asked["dataset"], asked["extent"], retrain=asked["retrain"])
    return render(request, "insight/_report_forecast.html", {"form": form, "told": told})


@require_safe
@curator_required
def report_detail(request: HttpRequest, report_id: int) -> HttpResponse:
    """One report; ?against= names the one beside it, empty for none. Keeps itself fresh until it is made."""
    report = _report(report_id)
    context: dict[str, object] = {"report": report}
    if report.is_done:
        chosen, form = _against(request, report)
        context |= {"shown": pages.shown(report, chosen), "form": form}
    return render(request, "insight/report.html", context)


def _against(request: HttpRequest, report: Report) -> tuple[Report | None, AgainstForm | None]:
    others = pages.comparable(report)
    chosen = pages.default_against(report)
    form = AgainstForm(request.GET if "against" in request.GET else None, others, chosen)
    if form.is_bound:
        if not form.is_valid():
            raise Http404
        chosen = form.cleaned_data["against"]
    return chosen, form if others.exists() else None


@require_safe
@curator_required
def report_file(request: HttpRequest, report_id: int) -> HttpResponse:
    """A made report as Markdown."""
    report = _report(report_id)
    if not report.is_done:
        raise Http404
    return HttpResponse(
        markdown_of(report),
        content_type="text/markdown; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="semblance-report-{report.pk}.md"'},
    )


def _report(report_id: int) -> Report:
    reports = Report.objects.select_related(*RELATED).defer("model_version__run__events")
    return get_object_or_404(reports, pk=report_id)
