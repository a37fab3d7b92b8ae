"""Enters what a run of face manipulation produced. Writes manipulators alone, but for erasures' marks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from annotate.training.models import Manipulator, Run
from annotate.training.runs import Claim, ClaimLost, end_succeeded


@transaction.atomic
def enter_manipulator(claim: Claim, *, folder: str, judgement: dict[str, Any], at: datetime) -> Manipulator:
    """End the run as succeeded and enter its generator (`folder` in the runs folder).

    Called again for an entered run it changes nothing and returns its manipulator. Raises ClaimLost.
    """
    entered = Manipulator.objects.filter(run=claim.run_id).first()
    if entered is not None:
        return entered
    if not end_succeeded(claim, at):
        raise ClaimLost
    run = Run.objects.select_related("parent").get(pk=claim.run_id)
    return Manipulator.objects.create(
        run=run,
        folder=folder,
        judgement=judgement,
        # What its embedding learnt from somebody who has been erased since, it has learnt too.
        erased_at=run.parent.erased_at,
    )
