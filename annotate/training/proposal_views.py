"""The page of the groups that the active version proposes to a campaign: admins propose, curators look."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from annotate.accounts.permissions import admin_required, curator_required
from annotate.campaigns.models import Campaign
from annotate.training.models import Proposal
from annotate.training.proposal_forms import ProposalForm
from annotate.training.proposals import ask_for_proposal
from annotate.training.proposing import CannotPropose, draft
from annotate.training.sources import Source, brought, history
from annotate.training.tasks import propose_groups
from annotate.training.versions import active_version

GROUPS_PREVIEWED = 4


@require_safe
@curator_required
def campaign_proposals(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The form, what each source brought (loaded afterwards), and the proposals so far."""
    return _page(request, _campaign(campaign_id), ProposalForm())


@require_POST
@admin_required
def propose(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Let the active version propose groups."""
    campaign, form = _campaign(campaign_id), ProposalForm(request.POST)
    if not form.is_valid():
        return _page(request, campaign, form)
    try:
        with transaction.atomic():
            proposal = ask_for_proposal(campaign, **form.asked, by=request.user, at=timezone.now())
            # Robust: where the queue does not answer, beat puts it there later.
            transaction.on_commit(lambda: propose_groups.delay(proposal_id=proposal.pk), robust=True)
    except CannotPropose as error:
        form.add_error(None, str(error))
        return _page(request, campaign, form)
    messages.success(
        request, "A worker is choosing the groups; annotators are asked as soon as they are there."
    )
    return redirect("campaign-proposals", campaign.pk)


@require_safe
@admin_required
def preview(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Some of the groups that the settings in the form would add; nothing is written."""
    campaign, form, version = _campaign(campaign_id), ProposalForm(request.GET), active_version()
    context: dict[str, object] = {"campaign": campaign, "form": form}
    if version is None:
        context["error"] = "No model version is active."
    elif form.is_valid():
        try:
            found = draft(campaign, version, **form.asked)
        except CannotPropose as error:
            context["error"] = error
        else:
            shown = [{"group": group, "score": score} for group, score in found.proposed]
            context |= {
                "draft": found,
                "shown": shown[: GROUPS_PREVIEWED - 1] + [{"group": group} for group in found.drawn[:1]],
                "total": len(found.drawn) + len(found.proposed),
            }
    return render(request, "training/_proposal_preview.html", context)


@require_safe
@curator_required
def sources(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """What each source of groups brought: a part of the page."""
    campaign, active = _campaign(campaign_id), active_version()
    rows = brought(campaign, active)
    context = {
        "campaign": campaign,
        "active": active,
        "rows": rows,
        "random": next((row for row in rows if row.source == Source.RANDOM), None),
    }
    return render(request, "training/_sources.html", context)


def _campaign(campaign_id: int) -> Campaign:
    return get_object_or_404(Campaign.objects.select_related("dataset"), pk=campaign_id)


def _page(request: HttpRequest, campaign: Campaign, form: ProposalForm) -> HttpResponse:
    active = active_version()
    ready = campaign.dataset.faces.ready()
    context = {
        "campaign": campaign,
        "form": form,
        "active": active,
        "faces": ready.count(),
        "embedded": active.embeddings.filter(face__in=ready).count() if active else 0,
        "history": history(campaign),
        "unfinished": Proposal.objects.unfinished().filter(campaign=campaign).exists(),
    }
    response = render(request, "training/proposals.html", context)
    if request.htmx and not context["unfinished"]:
        # Nobody asks again: the groups are there, and what each source brought has another row.
        trigger_client_event(response, "groups-added", after="settle")
    return response
