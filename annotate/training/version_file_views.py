"""What curators take away of a model version: its card, and the version itself as a file."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from annotate.accounts.markdown import to_html
from annotate.accounts.permissions import curator_required
from annotate.training.model_card import card_of
from annotate.training.models import ModelVersion
from annotate.training.shared_folders import BadCheckpoint
from annotate.training.version_download import zipped


@require_safe
@curator_required
def version_card(request: HttpRequest, version_id: int) -> HttpResponse:
    """The card as a page."""
    version = _version(version_id)
    return render(
        request, "training/version_card.html", {"version": version, "card": to_html(card_of(version))}
    )


@require_safe
@curator_required
def version_card_file(request: HttpRequest, version_id: int) -> HttpResponse:
    """The card as Markdown."""
    return HttpResponse(card_of(_version(version_id)), content_type="text/markdown; charset=utf-8")


@require_safe
@curator_required
def version_download(request: HttpRequest, version_id: int) -> HttpResponseBase:
    """Weights, configuration and card as one ZIP file."""
    version = _version(version_id)
    try:
        pieces = zipped(version)
    except BadCheckpoint as error:
        messages.error(request, str(error))
        return redirect("version-detail", version_id)
    return StreamingHttpResponse(
        pieces,
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="semblance-version-{version_id}.zip"'},
    )


def _version(version_id: int) -> ModelVersion:
    related = ("run__snapshot__dataset", "run__snapshot__campaign")
    return get_object_or_404(ModelVersion.objects.select_related(*related), pk=version_id)
