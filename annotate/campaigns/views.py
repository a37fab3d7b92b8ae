"""The curators' and admins' pages of campaigns: the list, a campaign's overview, making and changing one."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from annotate.accounts.permissions import curator_required
from annotate.campaigns.creation import CannotDrawGroups, create_campaign, preview_groups
from annotate.campaigns.day_chart import day_chart
from annotate.campaigns.editing import CHANGEABLE, change_campaign
from annotate.campaigns.forms import CampaignForm, DrawForm, PlanForm, SettingsForm
from annotate.campaigns.models import Bracket, Campaign, Comparison, Purpose, Relation
from annotate.campaigns.pace import answers_by_day, here_now, pace
from annotate.faces.models import Dataset


@require_safe
@curator_required
def campaign_list(request: HttpRequest) -> HttpResponse:
    campaigns = list(
        Campaign.objects.with_progress().select_related("dataset").order_by("-is_active", "-created_at")
    )
    here = here_now(campaigns, timezone.now())
    rows = [{"campaign": campaign, "here": here.get(campaign.pk, [])} for campaign in campaigns]
    return render(request, "campaigns/list.html", {"rows": rows, "has_data": Dataset.objects.exists()})


@curator_required
def campaign_create(request: HttpRequest) -> HttpResponse:
    form = CampaignForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            creation = create_campaign(**form.cleaned_data)
        except CannotDrawGroups as error:
            form.add_error(None, str(error))
        else:
            messages.success(
                request,
                f"Campaign {creation.campaign} has {creation.groups} groups. {creation.skipped} anchors were "
                "skipped, as they can not fill a group.",
            )
            return redirect("campaign-detail", creation.campaign.pk)
    return render(request, "campaigns/create.html", {"form": form, "has_data": Dataset.objects.exists()})


@require_safe
@curator_required
def campaign_plan(request: HttpRequest) -> HttpResponse:
    """What the settings in the form would ask and give; loaded as they are typed."""
    form = PlanForm(request.GET)
    plan = form.plan() if form.is_valid() else None
    return render(request, "campaigns/plan.html", {"plan": plan})


@require_safe
@curator_required
def campaign_preview(request: HttpRequest) -> HttpResponse:
    """The first groups that the settings in the form would draw; nothing is written."""
    form = DrawForm(request.GET)
    context: dict[str, object] = {"form": form}
    if form.is_valid():
        try:
            context["preview"] = preview_groups(**form.cleaned_data)
        except CannotDrawGroups as error:
            context["error"] = error
    return render(request, "campaigns/preview.html", context)


@require_safe
@curator_required
def campaign_detail(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """How a campaign stands. What takes a look at all of it is loaded afterwards (campaign_figures)."""
    campaign = get_object_or_404(Campaign.objects.with_progress().select_related("dataset"), pk=campaign_id)
    here = here_now([campaign], timezone.now()).get(campaign.pk, [])
    context = {
        "campaign": campaign,
        "here": here,
        "gold": campaign.gold.filter(purpose=Purpose.HIDDEN).count(),
    }
    return render(request, "campaigns/detail.html", context)


@require_safe
@curator_required
def campaign_figures(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Numbers, the projected end and the answers by day: a part of the overview."""
    campaign = get_object_or_404(Campaign.objects.with_progress(), pk=campaign_id)
    now = timezone.now()
    comparisons = Comparison.objects.filter(campaign=campaign)
    context = {
        "campaign": campaign,
        "now": now,
        "brackets": Bracket.objects.filter(group__campaign=campaign).aggregate(
            all=Count("id"), finished=Count("id", filter=Q(finished_at__isnull=False))
        ),
        "triplets": 2 * Relation.objects.filter(bracket__group__campaign=campaign).count(),
        "ties": comparisons.tied().count(),
        "unsure": comparisons.open().filter(uncertain__gt=0).count(),
        "annotators": campaign.votes.order_by().values("annotator").distinct().count(),
        "pace": pace(campaign, campaign.total - campaign.decided, now),
        "chart": day_chart(answers_by_day(campaign, now)),
    }
    return render(request, "campaigns/_figures.html", context)


@curator_required
def campaign_edit(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Change what may be changed of a campaign that is under way."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    before = {name: getattr(campaign, name) for name in CHANGEABLE}
    form = SettingsForm(request.POST or None, initial=before, campaign=campaign)
    if request.method == "POST" and form.is_valid():
        change_campaign(campaign, **form.cleaned_data)
        messages.success(request, f"{campaign} is changed.")
        return redirect("campaign-detail", campaign.pk)
    context = {
        "campaign": Campaign.objects.get(pk=campaign_id),
        "form": form,
        "gold": campaign.gold.filter(purpose=Purpose.HIDDEN).count(),
    }
    return render(request, "campaigns/edit.html", context)


@require_POST
@curator_required
def campaign_pause(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Pause an active campaign, or resume a paused one."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    campaign.is_active = request.POST.get("active") == "true"
    campaign.save(update_fields=["is_active"])
    messages.success(request, f"{campaign} is {'active' if campaign.is_active else 'paused'}.")
    return redirect("campaign-detail", campaign.pk)
