"""The page from which everything that the embedding is good for is reached."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotate.accounts.permissions import curator_required
from annotate.training.versions import active_version


@require_safe
@curator_required
def explore(request: HttpRequest) -> HttpResponse:
    return render(request, "insight/explore.html", {"active": active_version()})
