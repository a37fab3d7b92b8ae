"""A campaign's page of fine-tuning: admins set it, curators see how it stands and what came of it."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from annotate.accounts.permissions import curator_required
from annotate.campaigns.models import Campaign
from annotate.training.deciding import chance
from annotate.training.growing import set_up, standing, what_is_missing
from annotate.training.growing_forms import FineTuningForm, initial_of
from annotate.training.models import FineTuning, Run
from annotate.training.versions import active_version

RUNS_SHOWN = 50


@curator_required
def campaign_fine_tuning(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """How it stands, the form to set it, and its runs."""
    campaign = get_object_or_404(Campaign.objects.select_related("dataset"), pk=campaign_id)
    if request.method == "POST" and not request.user.is_admin:
        raise PermissionDenied
    fine_tuning = _of(campaign)
    form = FineTuningForm(request.POST or None, initial=initial_of(fine_tuning))
    if request.method == "POST" and form.is_valid():
        set_up(campaign, request.user, timezone.now(), **form.values())
        messages.success(request, "Fine-tuning is set.")
        return redirect("campaign-fine-tuning", campaign.pk)
    return render(request, "training/fine_tuning.html", {"form": form, **_standing(campaign, fine_tuning)})


@require_safe
@curator_required
def campaign_fine_tuning_live(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The part of the page that is refreshed: how it stands, and its runs."""
    campaign = get_object_or_404(Campaign.objects.select_related("dataset"), pk=campaign_id)
    return render(request, "training/_fine_tuning.html", _standing(campaign, _of(campaign)))


def _of(campaign: Campaign) -> FineTuning | None:
    return FineTuning.objects.filter(campaign=campaign).first()


def _standing(campaign: Campaign, fine_tuning: FineTuning | None) -> dict[str, object]:
    active = active_version()
    stands = standing(fine_tuning, timezone.now()) if fine_tuning else None
    runs = Run.objects.filter(fine_tuning=fine_tuning) if fine_tuning else Run.objects.none()
    runs = runs.select_related("snapshot", "parent", "decision__against", "model_version").defer("events")
    every, new = (fine_tuning.every_triplets or 0, stands.new) if stands else (0, 0)
    return {
        "campaign": campaign,
        "fine_tuning": fine_tuning,
        "stands": stands,
        "active": active,
        # Told before anything is set up.
        "missing": what_is_missing(campaign, active),
        "progress": min(new, every),
        "lacking": max(0, every - new),
        "margin": _points(fine_tuning.margin) if fine_tuning else "",
        "chance": _points(chance(campaign.dataset, active)),
        "rows": [_row(run) for run in runs.order_by("-pk")[:RUNS_SHOWN]],
        "zone": timezone.get_default_timezone_name(),
    }


def _row(run: Run) -> dict[str, object]:
    decision = getattr(run, "decision", None)
    return {
        "run": run,
        "decision": decision,
        "before": _percent(decision and decision.accuracy_against),
        "after": _percent(decision and decision.accuracy),
    }


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _points(share: float | None) -> str:
    return "" if share is None else f"{round(100 * share, 2):g}"
