"""What an annotator agrees to before she compares: reading and accepting it. Withdrawing is insight's."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from annotate.accounts.consent import ConsentChanged, current_text
from annotate.accounts.markdown import to_html
from annotate.campaigns.withdrawal import accept


@login_required
def consent(request: HttpRequest) -> HttpResponse:
    """The text in force; accepting it leads on to where she was going."""
    text = current_text(request.user)
    language, body = text.in_language(translation.get_language()) if text else ("", "")
    onward = request.POST.get("next") or request.GET.get("next") or ""
    if not url_has_allowed_host_and_scheme(onward, allowed_hosts={request.get_host()}):
        onward = ""
    if request.method == "POST" and text is not None:
        return _accepted(request, language, onward)
    given = request.user.consents.filter(text=text, withdrawn_at=None).first() if text else None
    context = {"text": text, "html": to_html(body), "language": language, "given": given, "next": onward}
    return render(request, "campaigns/consent.html", context)


def _accepted(request: HttpRequest, language: str, onward: str) -> HttpResponse:
    read = request.POST.get("text", "")
    try:
        accept(request.user, int(read) if read.isdecimal() else 0, language=language, at=timezone.now())
    except ConsentChanged:
        messages.warning(
            request,
            _("The text has changed while you read it. Please read the new version; nothing was accepted."),
        )
        return redirect("consent")
    messages.success(request, _("Thank you. You can read the text again and withdraw whenever you want."))
    return redirect(onward or "home")
