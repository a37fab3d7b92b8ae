"""The pages of selections: keeping what was marked on a map, what can be done with it, a campaign of it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotate.accounts.permissions import curator_required
from annotate.campaigns.creation import CannotDrawGroups, create_campaign
from annotate.faces.models import Dataset
from annotate.insight.map_forms import SelectionForm
from annotate.insight.models import FaceSelection
from annotate.insight.selection_forms import SelectionCampaignForm
from annotate.insight.selections import CannotSelect, datasets_of, make_selection, remove_selection


@require_POST
@curator_required
def selection_create(request: HttpRequest) -> HttpResponse:
    """Keep the faces that were marked, and show them: on the wall where they are of one data set."""
    form = SelectionForm(request.POST)
    chosen = None
    if form.is_valid():
        given = form.cleaned_data
        try:
            chosen = make_selection(
                given["faces"], name=given["name"], on=given["map"], by=request.user, at=timezone.now()
            )
        except CannotSelect as error:
            messages.error(request, str(error))
    else:
        messages.error(request, "Nothing was kept: no face is selected, or too many are.")
    if chosen is None:
        here = form.cleaned_data.get("map")
        return redirect("map-detail", here.pk) if here else redirect("map-list")
    datasets = datasets_of(chosen)
    if len(datasets) == 1:
        return _to_wall(datasets[0], chosen)
    return redirect("selection-detail", chosen.pk)


def _to_wall(dataset: Dataset, selection: FaceSelection) -> HttpResponse:
    return redirect(reverse("dataset-wall", args=[dataset.name], query={"selection": selection.pk}))


@require_safe
@curator_required
def selection_detail(request: HttpRequest, selection_id: int) -> HttpResponse:
    """How many faces of which data set it holds, and where to go with them."""
    selection = get_object_or_404(FaceSelection.objects.select_related("map", "created_by"), pk=selection_id)
    context = {"selection": selection, "datasets": datasets_of(selection)}
    return render(request, "insight/selection.html", context)


@require_POST
@curator_required
def selection_remove(request: HttpRequest, selection_id: int) -> HttpResponse:
    remove_selection(get_object_or_404(FaceSelection, pk=selection_id).pk)
    messages.success(request, "The selection is forgotten; its faces stay.")
    return redirect("map-list")


@require_http_methods(["GET", "HEAD", "POST"])
@curator_required
def selection_campaign(request: HttpRequest, selection_id: int, name: str) -> HttpResponse:
    """A new campaign whose anchors are the selection's faces of this data set."""
    selection = get_object_or_404(FaceSelection, pk=selection_id)
    dataset = get_object_or_404(datasets_of(selection), name=name)
    form = SelectionCampaignForm(request.POST or None, count=dataset.selected_count, label_suffix="")
    if request.method == "POST" and form.is_valid():
        anchors = set(selection.faces.filter(dataset=dataset).values_list("pk", flat=True))
        try:
            creation = create_campaign(dataset=dataset, anchors=anchors, **form.cleaned_data)
        except CannotDrawGroups as error:
            form.add_error(None, str(error))
        else:
            messages.success(
                request,
                f"Campaign {creation.campaign} has {creation.groups} groups. {creation.skipped} of the faces "
                "were skipped, as they can not fill a group.",
            )
            return redirect("campaign-detail", creation.campaign.pk)
    context = {"selection": selection, "dataset": dataset, "form": form}
    return render(request, "insight/selection_campaign.html", context)
