"""The page on which a curator chooses what of a campaign's triplets she downloads, and the download."""

from __future__ import annotations

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from annotate.accounts.permissions import curator_required
from annotate.campaigns.export_choice import count_triplets
from annotate.campaigns.export_file import CONTENT_TYPES, SUFFIXES, spooled
from annotate.campaigns.export_forms import ExportForm
from annotate.campaigns.models import Campaign


@require_safe
@curator_required
def campaign_export(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = _campaign(campaign_id)
    return render(request, "campaigns/export.html", {"campaign": campaign, "form": ExportForm()})


@require_safe
@curator_required
def export_count(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """How many triplets the choices in the form have; loaded as they change."""
    campaign, form = _campaign(campaign_id), ExportForm(request.GET)
    context: dict[str, object] = {"campaign": campaign, "form": form}
    if form.is_valid():
        choice = form.choice()
        counted = count_triplets(campaign, choice, form.cleaned_data["format"])
        context |= {"counted": counted, "choice": choice}
    return render(request, "campaigns/export_count.html", context)


@require_safe
@curator_required
def campaign_download(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """What was chosen, as a file."""
    campaign, form = _campaign(campaign_id), ExportForm(request.GET)
    if not form.is_valid():
        for errors in form.errors.values():
            messages.warning(request, " ".join(errors))
        return redirect("campaign-export", campaign.pk)
    return file_of(campaign, form)


def file_of(campaign: Campaign, form: ExportForm) -> FileResponse:
    """What a valid form chooses; its number of triplets is told in a header."""
    layout = form.cleaned_data["format"]
    out, triplets = spooled(campaign=campaign, choice=form.choice(), layout=layout)
    return FileResponse(
        out, as_attachment=True, filename=f"{slugify(campaign.name) or 'campaign'}-{SUFFIXES[layout]}",
        content_type=CONTENT_TYPES[layout], headers={"X-Triplets": str(triplets)},
    )  # fmt: skip


def _campaign(campaign_id: int) -> Campaign:
    return get_object_or_404(Campaign.objects.select_related("dataset"), pk=campaign_id)
