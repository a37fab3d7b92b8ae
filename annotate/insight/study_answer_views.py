"""What a participant of a blind study opens: the page to compare on, and what her start page says of it.
Nothing here may tell which model version found what."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_safe

from annotate.accounts.markdown import to_html
from annotate.accounts.permissions import consent_required
from annotate.insight.models import Participant, Study
from annotate.insight.study_voting import Progress, progress_before, progress_of


def asking(request: HttpRequest) -> dict[str, object]:
    """A context processor: the studies that ask her, on pages that show them."""
    return {"studies_asking": SimpleLazyObject(lambda: _asking(request))}


def _asking(request: HttpRequest) -> list[tuple[Study, Progress]]:
    studies = Study.objects.asking(request.user).order_by("name")
    return [(study, _progress(study, request)) for study in studies]


def _progress(study: Study, request: HttpRequest) -> Progress:
    hers = Participant.objects.filter(study=study, user=request.user).exclude(began_at=None).first()
    return progress_of(hers) if hers else progress_before(study)


@require_safe
@consent_required
def study_answer(request: HttpRequest, study_id: int) -> HttpResponse:
    """The page itself; what it shows comes from the API, also that the study is closed."""
    known = Participant.objects.filter(study=study_id, user=request.user, may_answer=True).exists()
    study = Study.objects.asking(request.user).filter(pk=study_id).first()
    if study is None and known:
        study = Study.objects.done().filter(pk=study_id).first()
    if study is None:
        raise Http404
    context = {
        "study": study,
        "progress": _progress(study, request),
        "ranks": range(1, study.top_n + 1),
        "instructions": to_html(study.instructions),
    }
    return render(request, "insight/study_answer.html", context)
