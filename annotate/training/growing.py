"""Fine-tuning of the active version as a campaign's triplets come in: who set what, what is due, its start.

What comes of such a run is deciding.py's. A triplet here is what an export writes of a campaign: two for
each relation of each bracket, whatever the split. New are those that neither the last run nor the active
version's own snapshot had; what was discarded since is set off against them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.utils import timezone

from annotate.accounts.models import User
from annotate.campaigns.models import Campaign, Relation
from annotate.training.freezing import ask_for_snapshot
from annotate.training.models import Errand, FineTuning, Freeze, ModelVersion, Run, Snapshot, Validation
from annotate.training.nights import last_night, next_night
from annotate.training.run_config import RunConfig
from annotate.training.runs import BadSnapshot, queue_run
from annotate.training.validating import validation_snapshot
from annotate.training.versions import active_version

# After a failure it waits so long, since what failed for want of a disk or a GPU may not the next time.
AGAIN_AFTER = timedelta(hours=1)


class Missing(StrEnum):
    """What is to be there before a run can start."""

    VERSION = "version"
    VALIDATION = "validation"
    FIT = "fit"
    MEASURE = "measure"


@dataclass(frozen=True)
class Standing:
    """How a campaign's fine-tuning stands at a moment. `cause` says why a run is due, if one is."""

    triplets: int
    new: int
    missing: dict[Missing, str]
    active: ModelVersion | None
    unfinished: Run | None
    cause: str
    next_night: datetime | None
    again_at: datetime | None


def triplets_of(campaign: Campaign) -> int:
    """How many triplets its comparisons have given: counted by indexes, as the campaign's page does."""
    return 2 * Relation.objects.filter(bracket__group__campaign=campaign).count()


def triplets_in(snapshot: Snapshot) -> int:
    """How many triplets of its campaign a snapshot has, counted as `triplets_of` does."""
    by_source = snapshot.counts.get("triplets_by_source", {})
    return by_source.get("direct", 0) + by_source.get("inferred", 0)


@transaction.atomic
def set_up(campaign: Campaign, by: User, at: datetime, **values: Any) -> FineTuning:
    """Set or alter a campaign's fine-tuning: is_on, every_triplets, nightly_at, margin, replay.

    The first night is the next one. Failures of before are forgotten. Raises ValidationError, by field.
    """
    # The campaign's row, since there may be none of fine-tuning yet; answers come in all the same.
    Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    fine_tuning = FineTuning.objects.select_for_update().filter(campaign=campaign).first()
    before = fine_tuning and (fine_tuning.is_on, fine_tuning.nightly_at)
    fine_tuning = fine_tuning or FineTuning(campaign=campaign, created_by=by)
    for name, value in values.items():
        setattr(fine_tuning, name, value)
    fine_tuning.clean_fields(exclude=[name for name, given in vars(fine_tuning).items() if given is None])
    fine_tuning.validate_constraints()
    if before != (fine_tuning.is_on, fine_tuning.nightly_at):
        fine_tuning.night_over_at = at
    if fine_tuning.failures:
        fine_tuning.failures, fine_tuning.note = 0, ""
    fine_tuning.save()
    return fine_tuning


def standing(fine_tuning: FineTuning, at: datetime) -> Standing:
    """What it waits for, and whether a run is due."""
    campaign, active = fine_tuning.campaign, active_version()
    triplets = triplets_of(campaign)
    new = max(0, triplets - max(fine_tuning.triplets, _triplets_seen(active, campaign)))
    nightly = fine_tuning.nightly_at
    zone = timezone.get_default_timezone()
    return Standing(
        triplets=triplets,
        new=new,
        missing=what_is_missing(campaign, active),
        active=active,
        unfinished=undecided(fine_tuning).order_by("pk").first(),
        cause=_cause(fine_tuning, new, at),
        next_night=None if nightly is None else next_night(nightly, at, zone),
        again_at=fine_tuning.last_at + AGAIN_AFTER if fine_tuning.failures and fine_tuning.last_at else None,
    )


def undecided(fine_tuning: FineTuning) -> Any:
    """Its runs of which it is not known yet what comes of them: at most one."""
    return Run.objects.filter(fine_tuning=fine_tuning, decision=None)


@transaction.atomic
def start_due(fine_tuning_id: int, at: datetime) -> Freeze | None:
    """Ask for a snapshot and queue the run on it, where one is due; the caller puts the freeze on the queue.

    None where nothing is due, or something is missing: that is noted. Two at once start one.
    """
    locked = FineTuning.objects.select_for_update(of=("self",)).select_related("campaign__dataset")
    fine_tuning = locked.filter(pk=fine_tuning_id, is_on=True).first()
    if fine_tuning is None or undecided(fine_tuning).exists():
        return None
    stands = standing(fine_tuning, at)
    if not stands.cause:
        _pass_night(fine_tuning, stands, at)
        return None
    if stands.missing:
        note(fine_tuning, f"It can not start: {' '.join(stands.missing.values())}")
        return None
    return _start(fine_tuning, stands, at)


def _start(fine_tuning: FineTuning, stands: Standing, at: datetime) -> Freeze | None:
    campaign, active = fine_tuning.campaign, stands.active
    name = f"{campaign.name[:60]}, fine-tuning {timezone.localtime(at):%Y-%m-%d %H:%M}"
    try:
        # Of its own, so that a run that is refused leaves no freeze behind.
        with transaction.atomic():
            freeze = ask_for_snapshot(name=name, dataset=campaign.dataset, campaign=campaign, created_by=None)
            config = _config(active, fine_tuning)
            run = queue_run(freeze, config, None, parent=active, fine_tuning=fine_tuning)
    except (ValueError, BadSnapshot) as error:
        note(fine_tuning, f"It can not start: {error}")
        return None
    fine_tuning.triplets, fine_tuning.last_at, fine_tuning.night_over_at = stands.triplets, at, at
    fine_tuning.note = f"{run} was started from {active}: {stands.cause}.".capitalize()
    fine_tuning.save(update_fields=["triplets", "last_at", "night_over_at", "note"])
    return freeze


def _config(active: ModelVersion, fine_tuning: FineTuning) -> RunConfig:
    """As the active version was trained, with what it was trained on replayed."""
    return replace(RunConfig.from_json(active.run.config), replay=fine_tuning.replay)


def _cause(fine_tuning: FineTuning, new: int, at: datetime) -> str:
    if fine_tuning.failures:
        again = fine_tuning.last_at is None or at >= fine_tuning.last_at + AGAIN_AFTER
        return "tried again after a failure" if again else ""
    if fine_tuning.every_triplets is not None and new >= fine_tuning.every_triplets:
        return f"{new:,} new triplets"
    if _night_is_due(fine_tuning, at) and new:
        return f"every night, {new:,} new triplet{'s' if new > 1 else ''}"
    return ""


def _night_is_due(fine_tuning: FineTuning, at: datetime) -> bool:
    if fine_tuning.nightly_at is None:
        return False
    last = last_night(fine_tuning.nightly_at, at, timezone.get_default_timezone())
    return fine_tuning.night_over_at is None or fine_tuning.night_over_at < last


def _pass_night(fine_tuning: FineTuning, stands: Standing, at: datetime) -> None:
    """A night without anything new is over: what comes in the morning waits for the next."""
    if _night_is_due(fine_tuning, at) and not stands.new:
        fine_tuning.night_over_at = at
        fine_tuning.note = f"Nothing new in the night of {timezone.localtime(at):%Y-%m-%d}: no run."
        fine_tuning.save(update_fields=["night_over_at", "note"])


def note(fine_tuning: FineTuning, text: str) -> None:
    """Say what it did or why it did nothing; called by who holds its row."""
    if fine_tuning.note != text:
        fine_tuning.note = text
        fine_tuning.save(update_fields=["note"])


def _triplets_seen(active: ModelVersion | None, campaign: Campaign) -> int:
    """How many of the campaign's triplets the snapshot of the active version has."""
    snapshot = active.run.snapshot if active else None
    return triplets_in(snapshot) if snapshot and snapshot.campaign_id == campaign.pk else 0


def what_is_missing(campaign: Campaign, active: ModelVersion | None) -> dict[Missing, str]:
    """What has to be there before a run can start, in words for whoever sees to it; nothing if all is."""
    missing = {}
    validation = validation_snapshot(campaign.dataset)
    if validation is None:
        missing[Missing.VALIDATION] = f"Data set {campaign.dataset} has no validation snapshot."
    if active is None:
        missing[Missing.VERSION] = "No model version is active."
    elif misfit := _misfit(campaign, active):
        missing[Missing.FIT] = misfit
    elif validation is not None and (failure := not_measured(active, validation)):
        missing[Missing.MEASURE] = f"Nothing can be compared with the active version: {failure}"
    return missing


def _misfit(campaign: Campaign, active: ModelVersion) -> str:
    """Why a snapshot of the campaign has nothing that the active version was trained on; empty if it has."""
    snapshot = active.run.snapshot
    if snapshot.dataset_id != campaign.dataset_id:
        trained_on = f"data set {snapshot.dataset}, and this campaign is of {campaign.dataset}"
    elif snapshot.campaign_id != campaign.pk and not _imported_in(snapshot):
        trained_on = f"triplets of {snapshot.campaign or snapshot.dataset} alone"
    else:
        return ""
    return f"The active {active} was trained on {trained_on}: none of its triplets could be replayed."


def _imported_in(snapshot: Snapshot) -> int:
    return snapshot.counts.get("triplets_by_source", {}).get("imported", 0)


def measured(version: ModelVersion, snapshot: Snapshot) -> Validation | None:
    """What was measured before somebody was taken out of the snapshot is of other triplets."""
    found = Validation.objects.filter(model_version=version, snapshot=snapshot, sha256=snapshot.sha256)
    return found.first()


def not_measured(version: ModelVersion, snapshot: Snapshot) -> str | None:
    """Why a version could not be measured; None where it is, or may be yet."""
    if measured(version, snapshot) is not None:
        return None
    errand = Errand.objects.filter(model_version=version, snapshot=snapshot).order_by("pk").last()
    if errand is None or errand.ended_at is None or not errand.error:
        return None
    return f"{version} could not be measured on {snapshot}: {errand.error}"
