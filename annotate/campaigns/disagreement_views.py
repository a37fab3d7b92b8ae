"""The page of a campaign's contradictions, ties and waiting comparisons, and what an admin does about one."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from annotate.accounts.models import User
from annotate.accounts.permissions import admin_required, curator_required
from annotate.campaigns.contradictions import Disputed, Kind, find_disputed
from annotate.campaigns.forms import DisagreementFilter
from annotate.campaigns.models import Campaign, Candidate, Comparison, Group
from annotate.campaigns.voting import AlreadyDecided, settle_as_tie


@require_safe
@curator_required
def campaign_disagreements(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    form = DisagreementFilter(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    kind, after = Kind(wanted.get("kind") or Kind.REPETITIONS), wanted.get("after") or 0
    found = find_disputed(campaign, kind, after=after)
    context = {
        "campaign": campaign, "kind": kind, "kinds": Kind, "after": after, "found": found,
        "rows": _rows(found.pairs, kind),
    }  # fmt: skip
    return render(request, "campaigns/disagreements.html", context)


def _rows(pairs: list[Disputed], kind: Kind) -> list[dict[str, object]]:
    """With faces and names, in two queries or three however many there are."""
    groups = {pair.group for pair in pairs}
    anchors = dict(Group.objects.filter(pk__in=groups).values_list("pk", "anchor"))
    faces = {
        (group, slot): face
        for group, slot, face in Candidate.objects.filter(group__in=groups).values_list(
            "group", "slot", "positive"
        )
    }
    names: dict[int, str] = {}
    if kind == Kind.ANNOTATORS:
        who = {pk for pair in pairs for pk in (*pair.for_low, *pair.for_high)}
        names = dict(User.objects.filter(pk__in=who).values_list("pk", "username"))
    return [
        {
            "pair": pair, "anchor": anchors[pair.group],
            "low": faces[pair.group, pair.low], "high": faces[pair.group, pair.high],
            "say_low": [names.get(one, one) for one in pair.for_low],
            "say_high": [names.get(one, one) for one in pair.for_high],
        }
        for pair in pairs
    ]  # fmt: skip


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
    return redirect(reverse("campaign-disagreements", args=[campaign_id]) + f"?kind={Kind.WAITING}")
