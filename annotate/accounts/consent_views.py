"""Where admins write and publish what annotators consent to. Accepting it is campaigns/consent_views.py's."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from annotate.accounts.consent import NothingToPublish, draft_or_new, publish, save_draft
from annotate.accounts.forms import ConsentTextForm
from annotate.accounts.markdown import to_html
from annotate.accounts.models import ConsentText
from annotate.accounts.permissions import admin_required


@require_safe
@admin_required
def consent_text_list(request: HttpRequest) -> HttpResponse:
    """Every version, the one in force first, and how many accepted it."""
    texts = ConsentText.objects.published().select_related("published_by").annotate(
        accepted=Count("consents__user", distinct=True, filter=Q(consents__withdrawn_at__isnull=True)),
        withdrawn=Count("consents", filter=Q(consents__withdrawn_at__isnull=False)),
    )  # fmt: skip
    draft = ConsentText.objects.filter(published_at__isnull=True).first()
    return render(request, "accounts/consent_texts.html", {"texts": texts, "draft": draft})


@require_safe
@admin_required
def consent_text_detail(request: HttpRequest, version: int) -> HttpResponse:
    text = get_object_or_404(ConsentText.objects.published(), version=version)
    context = {"text": text, "html": to_html(text.text), "html_zh_hans": to_html(text.text_zh_hans)}
    return render(request, "accounts/consent_text.html", context)


@admin_required
def consent_text_edit(request: HttpRequest) -> HttpResponse:
    """Write the next version. It is saved as a draft; publishing is a step of its own, after reading it."""
    draft = draft_or_new()
    form = ConsentTextForm(request.POST or None, instance=draft)
    if request.method == "POST" and form.is_valid():
        save_draft(form.cleaned_data["text"], form.cleaned_data["text_zh_hans"])
        return redirect("consent-text-draft")
    return render(request, "accounts/consent_text_edit.html", {"form": form, "draft": draft})


@require_POST
@admin_required
def consent_text_preview(request: HttpRequest) -> HttpResponse:
    """What is being typed, as annotators would read it."""
    html = to_html(request.POST.get("text", ""))
    return render(request, "accounts/_consent_preview.html", {"html": html})


@admin_required
def consent_text_draft(request: HttpRequest) -> HttpResponse:
    """The draft as annotators will read it, and the button that puts it in force."""
    draft = ConsentText.objects.filter(published_at__isnull=True).first()
    if draft is None:
        return redirect("consent-text-list")
    if request.method == "POST":
        try:
            text = publish(draft.pk, by=request.user, at=timezone.now())
        except NothingToPublish:
            messages.warning(request, "Somebody has published it meanwhile.")
        else:
            messages.success(request, f"Version {text.version} is in force. Everybody is asked for it anew.")
        return redirect("consent-text-list")
    context = {"draft": draft, "html": to_html(draft.text), "html_zh_hans": to_html(draft.text_zh_hans)}
    return render(request, "accounts/consent_draft.html", context)
