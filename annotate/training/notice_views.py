"""What pages tell a curator or admin of the runs that she launched: a count, and messages as they end."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_POST, require_safe

from annotate.accounts.permissions import curator_required
from annotate.training import notices

# A page asks for no more than these at once.
MOST_ASKED = 50


def standing(request: HttpRequest) -> dict[str, object]:
    """A context processor: asks the database only on pages that show it."""
    return {"runs_standing": SimpleLazyObject(lambda: notices.standing_of(request.user, timezone.now()))}


@require_safe
@curator_required
def run_notices(request: HttpRequest) -> HttpResponse:
    """The part of every page that is asked for while her runs are under way; ?run= are those it waits for."""
    return _notices(request, request.GET.getlist("run"))


@require_POST
@curator_required
def run_seen(request: HttpRequest, run_id: int) -> HttpResponse:
    """She dismisses one message; answered with the others."""
    notices.see(request.user, timezone.now(), [run_id])
    return _notices(request, request.POST.getlist("run"))


@require_POST
@curator_required
def runs_seen(request: HttpRequest) -> HttpResponse:
    """She has seen them all."""
    notices.see(request.user, timezone.now())
    return redirect("run-list")


def _notices(request: HttpRequest, asked: Iterable[str]) -> HttpResponse:
    run_ids = [int(one) for one in asked if one.isdecimal() and len(one) < 19][:MOST_ASKED]
    return render(request, "training/_notices.html", {"told": notices.tell(request.user, run_ids)})
