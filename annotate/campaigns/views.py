"""The curators' and admins' pages of campaigns."""

from __future__ import annotations

from itertools import islice

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from annotate.accounts.permissions import admin_required, curator_required
from annotate.campaigns.contradictions import contradictory_groups
from annotate.campaigns.creation import CannotDrawGroups, create_campaign
from annotate.campaigns.forms import CampaignForm, PlanForm
from annotate.campaigns.models import Bracket, Campaign, Candidate, Comparison, Group, Relation
from annotate.campaigns.voting import AlreadyDecided, settle_as_tie
from annotate.faces.models import Dataset

WAITING_SHOWN = 20
CONTRADICTORY_SHOWN = 20


@require_safe
@curator_required
def campaign_list(request: HttpRequest) -> HttpResponse:
    campaigns = Campaign.objects.with_progress().select_related("dataset").order_by("-created_at")
    return render(
        request, "campaigns/list.html", {"campaigns": campaigns, "has_data": Dataset.objects.exists()}
    )


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
def campaign_detail(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign.objects.with_progress().select_related("dataset"), pk=campaign_id)
    brackets = Bracket.objects.filter(group__campaign=campaign).aggregate(
        all=Count("id"), finished=Count("id", filter=Q(finished_at__isnull=False))
    )
    return render(
        request,
        "campaigns/detail.html",
        {
            "campaign": campaign,
            "brackets": brackets,
            "triplets": 2 * Relation.objects.filter(bracket__group__campaign=campaign).count(),
            "ties": Comparison.objects.filter(campaign=campaign, is_tie=True).count(),
            "waiting": _waiting(campaign),
        },
    )


@require_safe
@curator_required
def campaign_contradictions(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Groups whose answers contradict each other, with faces; asked for by a button, as it reads all."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    found = list(islice(contradictory_groups(campaign), CONTRADICTORY_SHOWN))
    groups = Group.objects.in_bulk([one.group for one in found])
    faces: dict[int, dict[int, int]] = {one.group: {} for one in found}
    for group, slot, face in Candidate.objects.filter(group__in=faces).values_list(
        "group", "slot", "positive"
    ):
        faces[group][slot] = face
    rows = [
        {
            "group": groups[one.group],
            "pairs": [
                {"low": faces[one.group][low], "high": faces[one.group][high], "evidence": evidence}
                for (low, high), evidence in one.pairs
            ],
            "cycles": [[faces[one.group][slot] for slot in cycle] for cycle in one.cycles],
        }
        for one in found
    ]
    return render(request, "campaigns/contradictions.html", {"rows": rows, "most": CONTRADICTORY_SHOWN})


def _waiting(campaign: Campaign) -> dict[str, object]:
    """Comparisons that somebody was uncertain about, with their faces."""
    waiting = Comparison.objects.filter(campaign=campaign).waiting().filter(bracket__isnull=False)
    shown = list(waiting.select_related("group", "bracket").order_by("group", "id")[:WAITING_SHOWN])
    faces = {
        (group, slot): face
        for group, slot, face in Candidate.objects.filter(
            group__in={comparison.group_id for comparison in shown}
        ).values_list("group", "slot", "positive")
    }
    rows = [
        {"comparison": c, "low": faces[c.group_id, c.low], "high": faces[c.group_id, c.high]} for c in shown
    ]
    return {"count": waiting.count(), "rows": rows}


@require_POST
@curator_required
def campaign_pause(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Pause an active campaign, or resume a paused one."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    campaign.is_active = request.POST.get("active") == "true"
    campaign.save(update_fields=["is_active"])
    messages.success(request, f"{campaign} is {'active' if campaign.is_active else 'paused'}.")
    return redirect("campaign-detail", campaign.pk)


@require_POST
@admin_required
def comparison_settle(request: HttpRequest, campaign_id: int, comparison_id: int) -> HttpResponse:
    """Call a waiting comparison a tie."""
    get_object_or_404(Comparison, pk=comparison_id, campaign=campaign_id)
    try:
        settle_as_tie(comparison_id, admin=request.user, at=timezone.now())
    except AlreadyDecided as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, "Settled as a tie: the bracket goes on, and no triplet comes of it.")
    return redirect("campaign-detail", campaign_id)
