"""The pages of snapshots: curators look, and freeze."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from annotate.accounts.models import User
from annotate.accounts.permissions import curator_required
from annotate.campaigns.models import Campaign
from annotate.faces.models import Dataset
from annotate.training import snapshot_store
from annotate.training.freezing import ask_for_snapshot
from annotate.training.models import Freeze, Snapshot
from annotate.training.snapshot_forms import FreezeForm
from annotate.training.tasks import make_snapshot

NAME_LENGTH = 100
EVERY = Q()


@curator_required
def snapshot_list(request: HttpRequest) -> HttpResponse:
    """The snapshots, those that are being made, and the form to ask for one."""
    form = FreezeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        _ask(request.user, **{key: form.cleaned_data[key] for key in ("name", "dataset", "campaign")})
        return redirect("snapshot-list")
    return render(request, "training/snapshots.html", {"form": form, **_snapshots()})


@require_safe
@curator_required
def snapshot_live(request: HttpRequest) -> HttpResponse:
    """The part of the page that is refreshed while a snapshot is being made."""
    return render(request, "training/_snapshots.html", _snapshots())


@curator_required
def campaign_snapshots(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The part of a campaign's export page with its snapshots and its data set's; posted, asks for one."""
    campaign = get_object_or_404(Campaign.objects.select_related("dataset"), pk=campaign_id)
    if request.method == "POST":
        name = request.POST.get("name", "").strip()[:NAME_LENGTH] or campaign.name
        _ask(request.user, name=name, dataset=campaign.dataset, campaign=campaign)
    of_it = Q(campaign=campaign) | Q(campaign=None, dataset=campaign.dataset)
    context = {"campaign": campaign, "name_length": NAME_LENGTH, **_snapshots(of_it)}
    return render(request, "training/_campaign_snapshots.html", context)


def _ask(user: User, *, name: str, dataset: Dataset, campaign: Campaign | None) -> None:
    with transaction.atomic():
        freeze = ask_for_snapshot(name=name, dataset=dataset, campaign=campaign, created_by=user)
        # Robust: where the queue does not answer, beat puts it there later.
        transaction.on_commit(lambda: make_snapshot.delay(freeze_id=freeze.pk), robust=True)


def _snapshots(only: Q = EVERY) -> dict[str, object]:
    snapshots = list(
        Snapshot.objects.filter(only)
        .select_related("dataset", "campaign", "created_by")
        .prefetch_related("alterations")
        .order_by("-created_at", "-pk")
    )
    first = {snapshot.sha256: snapshot for snapshot in snapshots}
    freezes = Freeze.objects.filter(only).select_related("dataset", "campaign").order_by("created_at")
    return {
        "rows": [
            {"snapshot": s, "same_as": first[s.sha256] if first[s.sha256] != s else None} for s in snapshots
        ],
        "pending": freezes.pending(),
        "failed": freezes.failed(),
        "has_sources": Dataset.objects.exists(),
        "files": snapshot_store.FILES,
    }


@require_safe
@curator_required
def snapshot_file(request: HttpRequest, snapshot_id: int, name: str) -> HttpResponse:
    """One of a snapshot's tables, or its manifest, to download."""
    snapshot = get_object_or_404(Snapshot, pk=snapshot_id)
    if name not in snapshot_store.FILES:
        raise Http404
    try:
        file = snapshot_store.open_file(snapshot.folder, name)
    except FileNotFoundError:
        raise Http404 from None
    return FileResponse(file, as_attachment=True, filename=f"{snapshot.folder}-{name}")
