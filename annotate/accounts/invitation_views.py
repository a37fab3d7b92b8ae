"""Invitations: an admin invites anybody, a curator annotators."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from annotate.accounts.forms import InvitationForm
from annotate.accounts.invitations import invite, revoke
from annotate.accounts.models import Invitation
from annotate.accounts.people import may_invite
from annotate.accounts.permissions import curator_required

CLOSED_SHOWN = 50


@never_cache
@curator_required
def invitation_list(request: HttpRequest) -> HttpResponse:
    """Make an invitation, whose link is shown once, in the answer; and see those that there are."""
    now = timezone.now()
    form = InvitationForm(request.POST or None, may_invite(request.user))
    link = None
    if request.method == "POST" and form.is_valid():
        invitation, token = invite(request.user, **form.settings(), at=now)
        link = request.build_absolute_uri(reverse("join", args=[token]))
        form = InvitationForm(None, may_invite(request.user))
        messages.success(
            request, f"An invitation is made. Role: {invitation.get_role_display()}; uses: {invitation.uses}."
        )
    mine = Invitation.objects.manageable_by(request.user).select_related("created_by")
    still_open = mine.open(now).order_by("expires_at")
    closed = mine.exclude(pk__in=still_open.values("pk")).order_by("-created_at")
    context = {
        "form": form, "link": link, "open": still_open,
        "closed": closed.prefetch_related("people")[:CLOSED_SHOWN],
    }  # fmt: skip
    return render(request, "accounts/invitations.html", context)


@require_POST
@curator_required
def invitation_revoke(request: HttpRequest, invitation_id: int) -> HttpResponse:
    try:
        revoke(invitation_id, by=request.user, at=timezone.now())
    except Invitation.DoesNotExist:
        raise Http404 from None
    messages.success(request, "The invitation is revoked: its link lets nobody in any more.")
    return redirect("invitation-list")
