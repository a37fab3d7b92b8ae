"""What comes of a run that fine-tuning launched: its version is promoted or kept, or the run's end is noted.

Two versions are compared on the data set's validation snapshot as it is now, the new one with the one that is
active at that moment: that need not be its parent any more. When a run starts is growing.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from annotate.faces.models import Dataset
from annotate.training import curves
from annotate.training.growing import measured, not_measured, note, triplets_in, undecided
from annotate.training.models import (
    ENDED,
    Decision,
    FineTuning,
    ModelVersion,
    Run,
    RunState,
    Snapshot,
    Verdict,
)
from annotate.training.pairing import paired_on
from annotate.training.significance import Difference, in_words, unpaired
from annotate.training.validating import validation_snapshot
from annotate.training.versions import CannotPromote, active_version, promote, promotions_wait

MOST_FAILURES = 3


@transaction.atomic
def decide(fine_tuning_id: int, at: datetime) -> Decision | None:
    """Decide on its run that has ended, once; None while there is none, or its version is not measured yet.

    Two at once decide one after the other, and the second finds nothing left.
    """
    fine_tuning = FineTuning.objects.select_for_update().filter(pk=fine_tuning_id).first()
    run = fine_tuning and undecided(fine_tuning).filter(state__in=ENDED).first()
    if run is None:
        return None
    was_on = fine_tuning.is_on
    if run.state == RunState.FAILED:
        decision = _failed(fine_tuning, run)
    elif run.state == RunState.CANCELLED:
        decision = Decision(verdict=Verdict.CANCELLED, reason="Somebody cancelled it.")
    else:
        decision = _compared(fine_tuning, run.model_version, at)
        if decision is None:
            return None
        fine_tuning.failures = 0
    decision.run, decision.at = run, at
    decision.save(force_insert=True)
    if fine_tuning.is_on == was_on:
        fine_tuning.note = _said(decision)
    fine_tuning.save(update_fields=["note", "failures", "is_on", "triplets"])
    return decision


def chance(dataset: Dataset, active: ModelVersion | None) -> float | None:
    """By how much (0 to 1) two versions as good as the active one may differ on the data set's validation
    snapshot by chance alone; None where that can not be told yet."""
    snapshot = validation_snapshot(dataset)
    validation = measured(active, snapshot) if active and snapshot else None
    alike = _difference(validation.report, validation.report) if validation else None
    return alike.noise if alike else None


def _failed(fine_tuning: FineTuning, run: Run) -> Decision:
    """Its triplets are new again. Some failures in a row are nothing that waiting mends."""
    fine_tuning.failures += 1
    fine_tuning.triplets = _triplets_before(fine_tuning)
    if fine_tuning.failures >= MOST_FAILURES:
        fine_tuning.is_on = False
        fine_tuning.note = (
            f"It switched itself off: {fine_tuning.failures} runs in a row failed, the last one, {run}, "
            f"with: {run.error} Mend that, then switch it on again."
        )
    return Decision(verdict=Verdict.FAILED, reason=run.error)


def _triplets_before(fine_tuning: FineTuning) -> int:
    """How many the last of its runs had that gave a version; 0 where none did."""
    gave = Run.objects.filter(fine_tuning=fine_tuning, state=RunState.SUCCEEDED)
    last = gave.select_related("snapshot").order_by("pk").last()
    return triplets_in(last.snapshot) if last else 0


def _compared(fine_tuning: FineTuning, version: ModelVersion, at: datetime) -> Decision | None:
    promotions_wait()
    active, snapshot = active_version(), validation_snapshot(version.run.snapshot.dataset)
    if active == version:
        return Decision(verdict=Verdict.PROMOTED, reason="Somebody promoted it before it was compared.")
    if active is None or active.run.snapshot.dataset_id != version.run.snapshot.dataset_id:
        reason = f"It could not be compared: {active or 'no version'} is active now, of another data set."
        return Decision(verdict=Verdict.KEPT, reason=reason, against=active)
    if snapshot is None:
        note(fine_tuning, f"{version} waits: its data set has no validation snapshot.".capitalize())
        return None
    new, old = measured(version, snapshot), measured(active, snapshot)
    if new is None or old is None:
        return _waiting(fine_tuning, snapshot, version, active)
    decision = Decision(verdict=Verdict.KEPT, against=active, snapshot=snapshot, sha256=snapshot.sha256)
    difference = _difference(new.report, old.report)
    if difference is None:
        decision.reason = f"{snapshot} has no held-out triplets to compare by."
        return decision
    difference = paired_on(version, active, snapshot, difference) or difference
    decision.accuracy, decision.accuracy_against = difference.accuracy, difference.against
    decision.standard_error = difference.standard_error
    return _judged(decision, difference, fine_tuning, version, at)


def _judged(
    decision: Decision, difference: Difference, fine_tuning: FineTuning, version: ModelVersion, at: datetime
) -> Decision:
    words = in_words(difference, fine_tuning.margin)
    if not difference.reaches(fine_tuning.margin):
        decision.reason = f"Kept beside {decision.against}: {words}"
    elif not fine_tuning.is_on:
        decision.reason = f"Kept, since fine-tuning was switched off meanwhile: {words}"
    else:
        decision.reason = f"Better than {decision.against}: {words}"
        try:
            promote(version, None, f"Fine-tuning by {fine_tuning.campaign}. {decision.reason}", at)
            decision.verdict = Verdict.PROMOTED
        except CannotPromote as error:
            decision.reason = f"Kept: {error}. {words}"
    return decision


def _waiting(
    fine_tuning: FineTuning, snapshot: Snapshot, version: ModelVersion, active: ModelVersion
) -> Decision | None:
    """Kept where the measuring itself failed; else it goes on: beat asks for what is missing."""
    for one in (version, active):
        if failure := not_measured(one, snapshot):
            reason = f"It could not be compared: {failure}"
            return Decision(verdict=Verdict.KEPT, reason=reason, snapshot=snapshot, against=active)
    note(fine_tuning, f"{version} is being measured on {snapshot}.".capitalize())
    return None


def _difference(new: Mapping[str, Any], old: Mapping[str, Any]) -> Difference | None:
    accuracy, against, count = curves.headline(new), curves.headline(old), _counted(new)
    if accuracy is None or against is None or not count:
        return None
    return unpaired(accuracy, against, count)


def _counted(report: Mapping[str, Any]) -> int:
    """Of how many triplets `curves.headline` is."""
    for strength in ("strong", "weak"):
        part = report.get(strength, {})
        if part.get("accuracy", {}).get("mean") is not None:
            return part.get("counts", {}).get("all", 0)
    return report.get("tournament", {}).get("count", 0)


def _said(decision: Decision) -> str:
    what = {
        Verdict.PROMOTED: "was promoted",
        Verdict.KEPT: "was kept beside the active version",
        Verdict.FAILED: "failed",
        Verdict.CANCELLED: "was cancelled",
    }[decision.verdict]
    succeeded = decision.verdict in (Verdict.PROMOTED, Verdict.KEPT)
    who = str(decision.run.model_version if succeeded else decision.run)
    return f"{who.capitalize()} {what}. {decision.reason}"
