"""One's own API tokens."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from annotate.accounts.authentication import create_token, unexpired_tokens
from annotate.accounts.forms import TokenForm
from annotate.accounts.models import ApiToken


@never_cache
@login_required
def token_list(request: HttpRequest) -> HttpResponse:
    """Make a token; it is shown once, in the answer. Below: those that still work."""
    form, secret = TokenForm(request.POST or None), None
    if request.method == "POST" and form.is_valid():
        lasts = timedelta(days=form.cleaned_data["days"])
        _token, secret = create_token(request.user, form.cleaned_data["name"], lasts)
        form = TokenForm()
    context = {"form": form, "secret": secret, "tokens": unexpired_tokens(request.user, timezone.now())}
    return render(request, "accounts/tokens.html", context)


@require_POST
@login_required
def token_revoke(request: HttpRequest, digest: str) -> HttpResponse:
    token = get_object_or_404(ApiToken, pk=digest, user=request.user)
    token.delete()
    messages.success(
        request, _("The token “%(name)s” is revoked: scripts that use it are refused.") % {"name": token.name}
    )
    return redirect("token-list")
