"""The page on which somebody takes back her consent. It reaches campaigns and studies, so it stands here."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.insight.withdrawal import answers_of, withdraw_everywhere


@login_required
def consent_withdraw(request: HttpRequest) -> HttpResponse:
    """Withdraw, and say whether the answers so far may be kept."""
    if not request.user.consents.filter(withdrawn_at=None).exists():
        return redirect("consent")
    if request.method == "POST" and request.POST.get("answers") in ("keep", "discard"):
        discard = request.POST["answers"] == "discard"
        discarded = withdraw_everywhere(request.user, discard=discard, at=timezone.now())
        messages.success(
            request,
            ngettext(
                "You have withdrawn your consent. %(count)d answer of yours was discarded.",
                "You have withdrawn your consent. %(count)d answers of yours were discarded.",
                discarded,
            ) % {"count": discarded}
            if discarded
            else _("You have withdrawn your consent. You are asked nothing more."),
        )  # fmt: skip
        return redirect("home")
    return render(request, "campaigns/consent_withdraw.html", {"answers": answers_of(request.user)})
