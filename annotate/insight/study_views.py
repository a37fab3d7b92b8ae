"""The pages of blind studies for those who run them: curators look, admins make, close and open them."""

from __future__ import annotations

import csv

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_POST, require_safe

from annotate.accounts.permissions import admin_required, curator_required
from annotate.insight.models import Study, StudyQuery
from annotate.insight.studies import choose_participants, close, create_study, reopen
from annotate.insight.study_choosing import CannotMakeStudy, find
from annotate.insight.study_export import as_json, vote_rows
from annotate.insight.study_figures import casts_of, figures_of, strengths_of
from annotate.insight.study_forms import ListsForm, ParticipantsForm, StudyForm
from annotate.insight.study_reports import chart_of, lists_of, pair_rows, study_rows
from annotate.insight.tasks import prepare_study
from annotate.training.models import ModelVersion

PREVIEWED = 3


@require_safe
@curator_required
def study_list(request: HttpRequest) -> HttpResponse:
    context = {"rows": study_rows(), "versions": ModelVersion.objects.count()}
    return render(request, "insight/studies.html", context)


@admin_required
def study_create(request: HttpRequest) -> HttpResponse:
    form = StudyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                study = create_study(form.plan(), request.user, timezone.now())
                _enqueue(study)
        except CannotMakeStudy as error:
            form.add_error(None, str(error))
        else:
            return redirect("study-detail", study.pk)
    context = {"form": form, "versions": ModelVersion.objects.count()}
    return render(request, "insight/study_create.html", context)


def _enqueue(study: Study) -> None:
    # Robust: where the queue does not answer, beat puts it there later.
    transaction.on_commit(lambda: prepare_study.delay(job_id=study.pk), robust=True)


@require_safe
@admin_required
def study_preview(request: HttpRequest) -> HttpResponse:
    """The lists of the first queries that the settings in the form would give; nothing is written."""
    form = ListsForm(request.GET)
    context: dict[str, object] = {"form": form}
    if form.is_valid():
        given = form.cleaned_data
        queries = given["queries"]
        options = {"top_n": given["top_n"], "others_only": given["others_only"]}
        try:
            context |= {
                "found": list(find(queries[:PREVIEWED], given["versions"], **options)),
                "count": len(queries),
            }
        except CannotMakeStudy as error:
            context["error"] = error
    return render(request, "insight/study_preview.html", context)


@require_safe
@curator_required
def study_detail(request: HttpRequest, study_id: int) -> HttpResponse:
    """What a study says, or how far its preparation is."""
    study = get_object_or_404(Study.objects.select_related("dataset", "created_by"), pk=study_id)
    context: dict[str, object] = {"study": study}
    if study.is_done:
        figures = figures_of(study, casts_of(study))
        context |= {
            "figures": figures,
            "chart": chart_of(figures),
            "totals": list(zip(figures.contenders, figures.votes, strict=True)),
            "pairs": pair_rows(figures),
            "form": _participants_form(study),
        }
    else:
        context["contenders"] = study.contenders.select_related("model_version").order_by("place")
    return render(request, "insight/study.html", context)


def _participants_form(study: Study) -> ParticipantsForm:
    chosen = study.participants.filter(may_answer=True).values_list("user", flat=True)
    return ParticipantsForm(
        initial={"for_everybody": "yes" if study.for_everybody else "no", "participants": list(chosen)}
    )


@require_safe
@curator_required
def study_live(request: HttpRequest, study_id: int) -> HttpResponse:
    """The part of the page that is refreshed while the study is prepared."""
    study = get_object_or_404(Study.objects.select_related("dataset"), pk=study_id)
    response = render(request, "insight/_study_preparing.html", {"study": study})
    if study.is_done:
        # The whole page has more to show now.
        response["HX-Refresh"] = "true"
    return response


@require_safe
@curator_required
def study_strengths(request: HttpRequest, study_id: int) -> HttpResponse:
    """A part of the page, of three versions or more: loaded afterwards, as it takes a moment."""
    study = get_object_or_404(Study.objects.done(), pk=study_id)
    contenders = {contender.pk: contender for contender in study.contenders.select_related("model_version")}
    rows = [(contenders[one.contender], one) for one in strengths_of(study, casts_of(study))]
    return render(request, "insight/_study_strengths.html", {"rows": rows})


@require_safe
@curator_required
def study_query(request: HttpRequest, study_id: int, number: int) -> HttpResponse:
    """What each version found for a query."""
    query = get_object_or_404(
        StudyQuery.objects.select_related("study__dataset", "face"), study=study_id, number=number
    )
    numbers = list(query.study.queries.order_by("number").values_list("number", flat=True))
    place = numbers.index(number)
    context = {
        "query": query,
        "study": query.study,
        "lists": lists_of(query),
        "before": numbers[place - 1] if place else None,
        "after": numbers[place + 1] if place + 1 < len(numbers) else None,
    }
    return render(request, "insight/study_query.html", context)


@require_POST
@admin_required
def study_close(request: HttpRequest, study_id: int) -> HttpResponse:
    """Close an open study, or open a closed one again."""
    study = get_object_or_404(Study, pk=study_id)
    if request.POST.get("open") == "true":
        done, said = reopen(study), f"{study} is open again: participants go on where they stopped."
    else:
        done, said = close(study, timezone.now()), f"{study} is closed: nobody is asked any more."
    if done:
        messages.success(request, said)
    return redirect("study-detail", study_id)


@require_POST
@admin_required
def study_participants(request: HttpRequest, study_id: int) -> HttpResponse:
    """Say anew who takes part."""
    study = get_object_or_404(Study, pk=study_id)
    form = ParticipantsForm(request.POST)
    if form.is_valid():
        choose_participants(study, form.chosen)
        messages.success(request, "Who takes part is changed.")
    else:
        messages.error(request, "Nothing was changed: choose at least one annotator, or everybody.")
    return redirect("study-detail", study_id)


@require_safe
@curator_required
def study_csv(request: HttpRequest, study_id: int) -> HttpResponse:
    """Every counted answer."""
    study = get_object_or_404(Study.objects.done(), pk=study_id)
    casts = casts_of(study)
    response = HttpResponse(content_type="text/csv; charset=utf-8", headers=_as_file(study, "csv"))
    csv.writer(response).writerows(vote_rows(figures_of(study, casts), casts))
    return response


@require_safe
@curator_required
def study_json(request: HttpRequest, study_id: int) -> HttpResponse:
    """The figures, and which faces stood in which list."""
    study = get_object_or_404(Study.objects.done().select_related("dataset"), pk=study_id)
    casts = casts_of(study)
    said = as_json(study, figures_of(study, casts), strengths_of(study, casts))
    return JsonResponse(said, json_dumps_params={"indent": 2}, headers=_as_file(study, "json"))


def _as_file(study: Study, ending: str) -> dict[str, str]:
    name = slugify(study.name) or f"study-{study.pk}"
    return {"Content-Disposition": f'attachment; filename="{name}.{ending}"'}
