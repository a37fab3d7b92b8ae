"""The table of a campaign's annotators, and what an admin does about one of them."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count, Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from annotate.accounts.models import User
from annotate.accounts.permissions import admin_required, curator_required
from annotate.campaigns.answers import Only, in_short, page_of_answers
from annotate.campaigns.forms import AnswerFilter
from annotate.campaigns.models import Campaign, Participation
from annotate.campaigns.quality import annotator_quality, campaign_agreement
from annotate.campaigns.retraction import discard_votes, pause, resume
from annotate.tournament.agreement import ENOUGH
from annotate.tournament.quality import TOO_FAST_MS

COLUMNS = ["Votes", "N", "W", "Gold", "Uncertain", "Time", "Left", "Repeats"]


@require_safe
@curator_required
def campaign_annotators(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The page around the table, which it loads."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    return render(request, "campaigns/annotators.html", {"campaign": campaign})


@require_safe
@curator_required
def annotator_table(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The table of annotators, loaded after the page: its cost grows with the campaign."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    return render(
        request,
        "campaigns/_annotators.html",
        {
            "campaign": campaign,
            "annotators": _annotators(campaign),
            "columns": COLUMNS,
            "agreement": campaign_agreement(campaign),
            "enough": ENOUGH,
            "too_fast": TOO_FAST_MS,
        },
    )


def _annotators(campaign: Campaign) -> list[dict[str, object]]:
    qualities = annotator_quality(campaign)
    pks = [quality.annotator for quality in qualities]
    names = dict(User.objects.filter(pk__in=pks).values_list("pk", "username"))
    paused = set(
        Participation.objects.filter(campaign=campaign, paused_at__isnull=False).values_list(
            "annotator", flat=True
        )
    )
    rows = [
        {"name": names[quality.annotator], "quality": quality, "is_paused": quality.annotator in paused}
        for quality in qualities
    ]
    return sorted(rows, key=lambda row: row["name"])


@require_safe
@curator_required
def campaign_annotator(request: HttpRequest, campaign_id: int, annotator_id: int) -> HttpResponse:
    """Her answers as pictures, page by page; each page begins after the last answer of another."""
    campaign, annotator = _who_voted(campaign_id, annotator_id)
    form = AnswerFilter(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    only = Only(wanted.get("only") or Only.ALL)
    before = campaign.votes.filter(annotator=annotator, pk=wanted.get("before")).first()
    answers, has_more = page_of_answers(campaign, annotator, only, before)
    context = {
        "campaign": campaign, "annotator": annotator, "answers": answers, "only": only, "kinds": Only,
        "before": before, "next": answers[-1].vote.pk if has_more else None,
        "figures": in_short(campaign, annotator), "too_fast": TOO_FAST_MS,
        "participation": campaign.participations.filter(annotator=annotator).first(),
    }  # fmt: skip
    return render(request, "campaigns/annotator.html", context)


@require_POST
@admin_required
def annotator_pause(request: HttpRequest, campaign_id: int, annotator_id: int) -> HttpResponse:
    """Pause an annotator in this campaign, or resume a paused one."""
    campaign, annotator = _who_voted(campaign_id, annotator_id)
    if request.POST.get("paused") == "true":
        pause(campaign, annotator, admin=request.user, at=timezone.now())
        messages.success(request, f"{annotator} is paused in {campaign} and is asked nothing more.")
    else:
        resume(campaign, annotator)
        messages.success(request, f"{annotator} is asked again in {campaign}.")
    return redirect("campaign-annotator", campaign.pk, annotator.pk)


@admin_required
def annotator_discard(request: HttpRequest, campaign_id: int, annotator_id: int) -> HttpResponse:
    """Say what discarding all that an annotator answered in this campaign takes out, and do it if posted."""
    campaign, annotator = _who_voted(campaign_id, annotator_id)
    if request.method != "POST":
        loses = campaign.votes.live().filter(annotator=annotator).aggregate(
            votes=Count("pk"), brackets=Count("comparison__bracket", distinct=True, filter=Q(counts=True))
        )  # fmt: skip
        context = {"campaign": campaign, "annotator": annotator, "loses": loses}
        return render(request, "campaigns/discard.html", context)
    discarded = discard_votes(campaign, annotator, admin=request.user, at=timezone.now())
    messages.success(
        request,
        f"Votes of {annotator} that were discarded: {discarded.votes:,}. "
        f"Brackets that were replayed without them: {discarded.brackets:,}. {annotator} is paused.",
    )
    return redirect("campaign-annotator", campaign.pk, annotator.pk)


def _who_voted(campaign_id: int, annotator_id: int) -> tuple[Campaign, User]:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    hers = campaign.votes.filter(annotator=OuterRef("pk"))
    return campaign, get_object_or_404(User.objects.filter(Exists(hers)), pk=annotator_id)
