"""What an annotator opens: her campaigns, and the page on which she compares. All else there is api.py's."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from annotate.accounts.permissions import consent_required
from annotate.campaigns.first_minutes import Step, next_step
from annotate.campaigns.models import Campaign, Participation
from annotate.faces.models import Dataset, Face


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The campaigns that ask for answers now; to curators also how far the whole has come."""
    campaigns = Campaign.objects.active().with_progress(request.user).order_by("name")
    overview = None
    if request.user.is_curator:
        overview = {
            "datasets": Dataset.objects.count(),
            "faces": Face.objects.count(),
            "campaigns": Campaign.objects.count(),
        }
    return render(request, "home.html", {"campaigns": campaigns, "overview": overview})


@require_safe
@consent_required
def compare(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The page itself; what it shows comes from the API, also that the campaign is paused or finished.
    Whoever is not through her first minutes is led to them."""
    campaign = get_object_or_404(Campaign.objects.with_progress(request.user), pk=campaign_id)
    hers = Participation.objects.filter(campaign=campaign, annotator=request.user).first()
    step = next_step(campaign, hers)
    if step != Step.COMPARE:
        return redirect(step.value, campaign.pk)
    return render(request, "campaigns/compare.html", {"campaign": campaign})
