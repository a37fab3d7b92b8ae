"""Pages of a campaign's groups: the list of them, and one group with its brackets as pictures."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Max, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from annotate.accounts.permissions import curator_required
from annotate.campaigns.bracket_picture import Drawn, Picture, draw
from annotate.campaigns.contradictions import count_said_both_ways
from annotate.campaigns.forms import GroupFilter
from annotate.campaigns.group_reading import Asked, GroupReading, Repetition, Standing, read_group
from annotate.campaigns.models import Campaign, Group
from annotate.tournament.bracket import rounds

GROUPS_SHOWN = 24


@require_safe
@curator_required
def campaign_groups(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The groups in their order, page by page; each page begins after the last group of another."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    form = GroupFilter(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    if wanted.get("number"):
        return redirect("campaign-group", campaign.pk, wanted["number"])
    state, after = wanted.get("state") or "", wanted.get("after") or 0
    groups = list(Group.objects.filter(campaign=campaign).in_state(state).after(after)[: GROUPS_SHOWN + 1])
    has_more, groups = len(groups) > GROUPS_SHOWN, groups[:GROUPS_SHOWN]
    contradictory = count_said_both_ways(groups)
    rows = [{"group": group, "contradictions": contradictory.get(group.pk, 0)} for group in groups]
    context = {
        "campaign": campaign, "rows": rows, "form": form, "state": state, "after": after,
        "total": campaign.repetitions * (campaign.k - 1), "next": groups[-1].index if has_more else None,
    }  # fmt: skip
    return render(request, "campaigns/groups.html", context)


@require_safe
@curator_required
def campaign_group(request: HttpRequest, campaign_id: int, index: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    try:
        reading = read_group(campaign, index)
    except Group.DoesNotExist:
        raise Http404("There is no such group") from None
    faces = [candidate.positive_id for candidate in reading.candidates.values()]
    context = {
        "campaign": campaign,
        "group": reading.group,
        "reading": reading,
        "trees": [
            {
                "repetition": repetition,
                "picture": _picture(repetition, faces),
                "rounds": _by_round(repetition),
            }
            for repetition in reading.repetitions
        ],
        "candidates": _candidates(reading),
        "links": _links(reading),
        "total": campaign.k - 1,
        # A group that was voided leaves a gap.
        "previous": campaign.groups.filter(index__lt=index).aggregate(index=Max("index"))["index"],
        "next": campaign.groups.filter(index__gt=index).aggregate(index=Min("index"))["index"],
    }
    return render(request, "campaigns/group.html", context)


def _picture(repetition: Repetition, faces: list[int]) -> Picture:
    matches = {
        (one.comparison.round, one.comparison.position): Drawn(
            one.comparison.pk, one.comparison.low, one.comparison.high, one.comparison.winner,
            one.comparison.is_tie, one.comparison.uncertain, tuple(one.marks),
        )
        for one in repetition.matches
    }  # fmt: skip
    return draw(faces, matches)


def _by_round(repetition: Repetition) -> list[tuple[int, list[Asked]]]:
    found: dict[int, list[Asked]] = {}
    for one in repetition.matches:
        found.setdefault(one.comparison.round, []).append(one)
    return list(found.items())


def _candidates(reading: GroupReading) -> list[dict[str, object]]:
    """The candidates, the nearest first, each with what the brackets say of it."""
    order = [standing.slot for standing in reading.standings] or list(reading.candidates)
    bars = dict(_bars(reading.standings))
    return [
        {
            "slot": slot, "candidate": reading.candidates[slot], "bar": bars.get(slot),
            "story": [_story(repetition, slot) for repetition in reading.repetitions],
        }
        for slot in order
    ]  # fmt: skip


def _bars(standings: list[Standing]) -> Iterator[tuple[int, dict[str, float]]]:
    """Each interval on the scale of all of them, 4 .. 96."""
    if not standings:
        return
    least, most = min(s.low for s in standings), max(s.high for s in standings)
    for s in standings:
        low, mean, high = (round(4 + 92 * (x - least) / (most - least), 1) for x in (s.low, s.mean, s.high))
        yield s.slot, {"low": low, "mean": mean, "high": high}


def _story(repetition: Repetition, slot: int) -> dict[str, object]:
    """How far it came in a repetition, and who stands below it."""
    lost = next(
        (one for one in repetition.matches if one.loser == slot and one.comparison.winner is not None), None
    )
    met = [one for one in repetition.matches if slot in (one.comparison.low, one.comparison.high)]
    last = rounds(2 * len([one for one in repetition.matches if one.comparison.round == 1]))
    is_winner = any(one.comparison.winner == slot and one.comparison.round == last for one in met)
    below = sorted(
        (r for r in repetition.relations if r.winner == slot), key=lambda r: (len(r.chain), r.loser)
    )
    return {"repetition": repetition.number, "lost": lost, "is_winner": is_winner, "below": below}


def _links(reading: GroupReading) -> dict[str, object]:
    """What the page's script highlights: who stands below whom by which matches, and each marked pair."""
    below: dict[int, dict[int, list[object]]] = {}
    for repetition in reading.repetitions:
        of_slot = below.setdefault(repetition.number, {})
        for r in repetition.relations:
            of_slot.setdefault(r.winner, []).append([r.loser, len(r.chain), [match.id for match in r.chain]])
    pairs = {
        one.mark: {
            "slots": [one.low, one.high],
            "matches": [m for said in one.statements for m in said.matches],
        }
        for one in reading.contradictions
    }
    return {"below": below, "pairs": pairs}
