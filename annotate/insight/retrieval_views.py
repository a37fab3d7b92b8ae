"""The page of a face's neighbours, and what it shares with that of a picture that was sent. Its address says
all that was asked, so it can be passed on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from annotate.accounts.permissions import curator_required
from annotate.faces.models import Face
from annotate.insight.models import QueryEmbedding
from annotate.insight.retrieval import Found, Query, nearest, nearest_pictures, query_of
from annotate.insight.retrieval_forms import RetrievalForm
from annotate.training.models import Errand, ModelVersion


@dataclass(frozen=True)
class Column:
    """What one version, or none for the plain pictures, finds; None: it has no embedding of the query, for
    which `job` may be under way or have failed."""

    version: ModelVersion | None
    is_active: bool
    found: Found | None
    job: Errand | QueryEmbedding | None = None

    @property
    def is_under_way(self) -> bool:
        return self.found is None and self.job is not None and self.job.ended_at is None


def columns_of(
    form: RetrievalForm,
    query: Callable[[ModelVersion | None], Query],
    job: Callable[[ModelVersion], Errand | QueryEmbedding | None],
) -> list[Column]:
    """What the page shows: the query, and the work under way on it, come by version."""
    columns = []
    for version in form.sources():
        asked = query(version)
        is_active = version is not None and version == form.active
        if version is None:
            found = nearest_pictures(asked, form.wanted(), form.count()) if asked.phash is not None else None
            columns.append(Column(None, False, found))
        elif asked.vector is None:
            columns.append(Column(version, is_active, None, job(version)))
        else:
            columns.append(Column(version, is_active, nearest(version, asked, form.wanted(), form.count())))
    return columns


@require_safe
@curator_required
def query_face(request: HttpRequest, face_id: int) -> HttpResponse:
    face = get_object_or_404(Face.objects.select_related("dataset"), pk=face_id)
    form = RetrievalForm(request.GET, face)
    columns = []
    if form.is_valid():
        columns = columns_of(
            form,
            lambda version: query_of(face, version),
            lambda version: version.errands.filter(dataset=face.dataset_id).order_by("pk").last(),
        )
    context = {
        "face": face,
        "form": form,
        "columns": columns,
        "under_way": any(column.is_under_way for column in columns),
    }
    return render(request, "insight/query_face.html", context)
