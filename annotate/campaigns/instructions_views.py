"""The page on which curators prepare an annotator's first minutes, and its parts, which htmx asks for."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from annotate.accounts.models import User
from annotate.accounts.permissions import curator_required
from annotate.campaigns.first_minutes import let_in, start_over
from annotate.campaigns.gold import BadGold, StillNeeded, draw_more, mark_gold, pick, pickable, set_aside
from annotate.campaigns.instructions import instructions_html, refusals
from annotate.campaigns.instructions_forms import (
    FirstMinutesForm,
    LetInForm,
    MarkForm,
    PickForm,
    TakeForm,
    WhyForm,
)
from annotate.campaigns.models import Attempt, Campaign, Participation, Purpose
from annotate.faces.models import ImportedTriplet, Strength

# What a curator prepares here; hidden checks are the campaign's own.
SECTIONS = {
    Purpose.EXAMPLE: "Example comparisons",
    Purpose.PRACTICE: "Practice",
    Purpose.QUALIFICATION: "Qualification",
}
SHOWN, PICKABLE, PEOPLE = 12, 6, 50


@curator_required
@transaction.atomic
def first_minutes(request: HttpRequest, campaign_id: int) -> HttpResponse:
    # Nobody sets aside what is being asked for with this.
    rows = Campaign.objects.select_for_update(of=("self",)) if request.method == "POST" else Campaign.objects
    campaign = get_object_or_404(rows.select_related("dataset"), pk=campaign_id)
    form = FirstMinutesForm(request.POST or None, instance=campaign)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Saved. Annotators see it from now on.")
        return redirect("campaign-first-minutes", campaign.pk)
    # What the form could not take is not to be shown as the campaign's own.
    campaign.refresh_from_db()
    return render(
        request,
        "campaigns/first_minutes.html",
        {
            "campaign": campaign,
            "form": form,
            "html": instructions_html(campaign, str(form["instructions"].value() or "")),
            "sections": [_section(campaign, purpose) for purpose in SECTIONS],
            "let_in": LetInForm(),
            **_people(campaign, request.GET.get("after", "")),
        },
    )


@require_POST
@curator_required
def preview(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """What annotators would see of the text as it is typed, and what of it can not be shown."""
    campaign = get_object_or_404(Campaign.objects.select_related("dataset"), pk=campaign_id)
    text = request.POST.get("instructions", "")
    return render(
        request,
        "campaigns/_instructions_preview.html",
        {"text": text, "html": instructions_html(campaign, text), "refusals": refusals(text)},
    )


@require_safe
@curator_required
def gold_section(request: HttpRequest, campaign_id: int, purpose: str) -> HttpResponse:
    """The comparisons of one purpose, or those that follow one of them."""
    campaign, purpose = _of(campaign_id, purpose)
    after = request.GET.get("after", "")
    section = _section(campaign, purpose, after=int(after) if after.isdecimal() else 0)
    part = "_gold_rows" if after else "_gold_section"
    return render(request, f"campaigns/{part}.html", {"campaign": campaign, "section": section})


@require_POST
@curator_required
def gold_take(request: HttpRequest, campaign_id: int, purpose: str) -> HttpResponse:
    """So many more of the strongest triplets."""
    campaign, purpose = _of(campaign_id, purpose)
    form = TakeForm(request.POST)
    if not form.is_valid():
        return _answered(request, campaign, purpose, problem=form.errors["count"][0])
    taken = draw_more(campaign, form.cleaned_data["count"], purpose)
    return _answered(request, campaign, purpose, done=f"Taken: {taken}.")


@curator_required
def gold_pick(request: HttpRequest, campaign_id: int, purpose: str) -> HttpResponse:
    """Strong triplets to choose from; posted, one of them is chosen."""
    campaign, purpose = _of(campaign_id, purpose)
    if request.method != "POST":
        after = request.GET.get("after", "")
        choices = pickable(campaign, after=int(after) if after.isdecimal() else 0, count=PICKABLE)
        context = {"campaign": campaign, "section": {"purpose": purpose}, "choices": choices, "after": after}
        return render(request, "campaigns/_gold_picker.html", context)
    form = PickForm(request.POST)
    if not form.is_valid():
        return _answered(request, campaign, purpose, problem=" ".join(form.errors.get("why", ["Pick one."])))
    try:
        is_new = pick(campaign, form.cleaned_data["triplet"], purpose, form.cleaned_data["why"])
    except ImportedTriplet.DoesNotExist:
        raise Http404("There is no such strong triplet") from None
    if not is_new:
        return _answered(request, campaign, purpose, problem="That one serves another purpose already.")
    return _answered(request, campaign, purpose, done="Added.")


@require_POST
@curator_required
def gold_mark(request: HttpRequest, campaign_id: int, purpose: str) -> HttpResponse:
    """A comparison of the curator's own."""
    campaign, purpose = _of(campaign_id, purpose)
    form = MarkForm(request.POST)
    if not form.is_valid():
        return _answered(request, campaign, purpose, mark=form)
    given = form.cleaned_data
    row = (given["anchor"], given["nearer"], given["farther"])
    try:
        marked = mark_gold(campaign, [row], by=request.user, purpose=purpose, why=given["why"])
    except BadGold as error:
        form.add_error(None, f"{str(error).removeprefix('row 1: ').capitalize()}.")
        return _answered(request, campaign, purpose, mark=form)
    if not marked:
        return _answered(request, campaign, purpose, problem="The campaign has this comparison already.")
    return _answered(request, campaign, purpose, done="Added.")


@require_POST
@curator_required
def gold_change(request: HttpRequest, campaign_id: int, gold_id: int) -> HttpResponse:
    """Say why the answer is what it is, or set the comparison aside."""
    campaign = get_object_or_404(Campaign.objects.select_related("dataset"), pk=campaign_id)
    gold = get_object_or_404(campaign.gold.filter(purpose__in=SECTIONS), pk=gold_id)
    purpose = Purpose(gold.purpose)
    if "aside" in request.POST:
        try:
            set_aside(gold)
        except StillNeeded as refusal:
            return _answered(request, campaign, purpose, problem=str(refusal))
        return _answered(request, campaign, purpose, done="Set aside.")
    form = WhyForm(request.POST)
    if not form.is_valid():
        return _answered(request, campaign, purpose, problem=form.errors["why"][0])
    gold.why = form.cleaned_data["why"]
    gold.save(update_fields=["why"])
    return _answered(request, campaign, purpose, done="Saved.")


@require_POST
@curator_required
def let_somebody_in(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Let somebody compare without a qualification; a curator may let herself in."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    form = LetInForm(request.POST)
    if form.is_valid():
        somebody = form.cleaned_data["annotator"]
        let_in(campaign, somebody, curator=request.user, at=timezone.now())
        messages.success(request, f"{somebody} may compare in {campaign}.")
    else:
        messages.warning(request, form.errors["annotator"][0])
    return redirect("campaign-first-minutes", campaign.pk)


@require_POST
@curator_required
def again(request: HttpRequest, campaign_id: int, annotator_id: int) -> HttpResponse:
    """Give somebody all attempts again."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    somebody = get_object_or_404(User, pk=annotator_id)
    start_over(campaign, somebody)
    messages.success(request, f"{somebody} has all attempts again.")
    return redirect("campaign-first-minutes", campaign.pk)


def _of(campaign_id: int, purpose: str) -> tuple[Campaign, Purpose]:
    if purpose not in SECTIONS:
        raise Http404("There is no such section")
    return get_object_or_404(Campaign.objects.select_related("dataset"), pk=campaign_id), Purpose(purpose)


def _answered(
    request: HttpRequest, campaign: Campaign, purpose: Purpose, *, mark: MarkForm | None = None, **said: str
) -> HttpResponse:
    """The section as it is now, with what was `done` or what the `problem` is."""
    section = _section(campaign, purpose, mark=mark) | said
    return render(request, "campaigns/_gold_section.html", {"campaign": campaign, "section": section})


def _section(
    campaign: Campaign, purpose: Purpose, *, after: int = 0, mark: MarkForm | None = None
) -> dict[str, object]:
    gold = campaign.gold.filter(purpose=purpose)
    rows = list(gold.filter(pk__gt=after).order_by("pk")[: SHOWN + 1])
    asked = {
        Purpose.PRACTICE: campaign.practice_count, Purpose.QUALIFICATION: campaign.qualification_count
    }.get(purpose)  # fmt: skip
    return {
        "purpose": purpose.value,
        "title": SECTIONS[purpose],
        "count": gold.count(),
        "asked": asked,
        "rows": rows[:SHOWN],
        "more_after": rows[SHOWN - 1].pk if len(rows) > SHOWN else None,
        "has_triplets": campaign.dataset.imported_triplets.filter(strength=Strength.STRONG).exists(),
        "take": TakeForm(auto_id=f"{purpose.value}-take-%s"),
        "mark": mark or MarkForm(auto_id=f"{purpose.value}-mark-%s"),
    }


def _people(campaign: Campaign, after: str) -> dict[str, object]:
    """Those who have begun here, by name, with their best attempt at the qualification."""
    rows = list(
        Participation.objects.filter(campaign=campaign, annotator__username__gt=after)
        .select_related("annotator", "qualified_by")
        .order_by("annotator__username")[: PEOPLE + 1]
    )
    shown = rows[:PEOPLE]
    tried = Attempt.objects.filter(campaign=campaign, purpose=Purpose.QUALIFICATION)
    best = dict(
        tried.filter(annotator__in=[row.annotator_id for row in shown], finished_at__isnull=False)
        .values("annotator")
        .annotate(best=Max("right"))
        .values_list("annotator", "best")
    )
    return {
        "people": [{"hers": row, "best": best.get(row.annotator_id)} for row in shown],
        "people_after": shown[-1].annotator.username if len(rows) > PEOPLE else None,
    }
