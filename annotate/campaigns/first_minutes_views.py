"""An annotator's pages of her first minutes: the instructions, the practice, the qualification."""

from __future__ import annotations

import random

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from annotate.accounts.permissions import consent_required
from annotate.campaigns.api import shown
from annotate.campaigns.first_minutes import (
    CanNotBegin,
    Step,
    begin,
    has_practice,
    last_attempt,
    next_step,
    note_read,
    open_attempt,
)
from annotate.campaigns.instructions import instructions_html
from annotate.campaigns.models import Attempt, Campaign, Participation, Purpose

# Which side the right answer is on must not be guessable.
RANDOM = random.SystemRandom()


@login_required
def instructions(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """What to mind, with examples; posted once they are read. She may come back at any time."""
    campaign = _campaign(campaign_id)
    if request.method == "POST":
        hers = note_read(campaign, request.user, timezone.now())
        return redirect(next_step(campaign, hers).value, campaign.pk)
    examples = campaign.gold.filter(purpose=Purpose.EXAMPLE).order_by("pk")
    context = _where_she_is(campaign, request, Step.READ)
    return render(
        request,
        "campaigns/instructions.html",
        {**context, "html": instructions_html(campaign), "examples": examples},
    )


@consent_required
def practice(request: HttpRequest, campaign_id: int) -> HttpResponse:
    return _attempt(request, campaign_id, Purpose.PRACTICE, Step.PRACTISE)


@consent_required
def qualification(request: HttpRequest, campaign_id: int) -> HttpResponse:
    return _attempt(request, campaign_id, Purpose.QUALIFICATION, Step.QUALIFY)


def _attempt(request: HttpRequest, campaign_id: int, purpose: Purpose, here: Step) -> HttpResponse:
    """The comparisons of her attempt that is under way; without one, how the last went and what is next.
    Posted, one begins."""
    campaign = _campaign(campaign_id)
    if request.method == "POST":
        try:
            begin(campaign, request.user, purpose, at=timezone.now(), rng=RANDOM)
        except CanNotBegin as refusal:
            messages.warning(request, str(refusal))
        return redirect(here.value, campaign.pk)
    if purpose == Purpose.QUALIFICATION and not campaign.qualification_count:
        return redirect(Step.READ.value, campaign.pk)
    context = {**_where_she_is(campaign, request, here), "purpose": purpose}
    if context["next"] == Step.READ or (context["next"], here) == (Step.PRACTISE, Step.QUALIFY):
        return redirect(context["next"].value, campaign.pk)
    attempt = open_attempt(campaign, request.user, purpose)
    trials = _unanswered(attempt) if attempt else []
    if attempt and trials:
        context |= {"trials": trials, "asked": attempt.trials.count()}
        return render(request, "campaigns/trials.html", context)
    return render(
        request,
        f"campaigns/{here.value}.html",
        {**context, "last": last_attempt(campaign, request.user, purpose)},
    )


def _campaign(campaign_id: int) -> Campaign:
    return get_object_or_404(Campaign.objects.select_related("dataset"), pk=campaign_id)


def _where_she_is(campaign: Campaign, request: HttpRequest, here: Step) -> dict[str, object]:
    """The steps of this campaign's first minutes, which of them are behind her, and what comes next."""
    hers = Participation.objects.filter(campaign=campaign, annotator=request.user).first()
    hers = hers or Participation(campaign=campaign, annotator=request.user)
    practises = has_practice(campaign)
    steps = [(Step.READ, hers.read_at)]
    if practises:
        steps.append((Step.PRACTISE, hers.practised_at))
    if campaign.qualification_count:
        steps.append((Step.QUALIFY, hers.qualified_at))
    return {
        "campaign": campaign,
        "hers": hers,
        "here": here,
        "next": next_step(campaign, hers),
        "steps": [{"name": step.value, "is_done": done is not None} for step, done in steps],
        "has_practice": practises,
        "attempts_left": max(0, campaign.qualification_attempts - hers.attempts),
    }


def _unanswered(attempt: Attempt) -> list[dict[str, object]]:
    trials = attempt.trials.filter(answer__isnull=True).select_related("gold")
    return shown(list(trials.order_by("position")))
