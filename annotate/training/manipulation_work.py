"""What is to be done with a run of face manipulation: train the generator, have it judged, enter it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.utils import timezone

from annotate.training.manipulators import enter_manipulator
from annotate.training.models import Run
from annotate.training.run_kinds import config_of
from annotate.training.runs import Claim
from annotate.training.shared_folders import checkpoint_at_hand
from annotate.training.workplace import Failed, Workplace


def produce(place: Workplace, run: Run, snapshot_folder: Path) -> Callable[[Claim], None]:
    """What enters the manipulator that came of it, to be called once its files are stored."""
    files = place.files
    with checkpoint_at_hand(run.parent) as checkpoint:
        given = ["--checkpoint", str(checkpoint), "--snapshot", str(snapshot_folder)]
        if not files.is_trained:
            output = ["--output", str(files.checkpoint), "--resume"]
            place.train(["manipulate", "train", *given, *config_of(run).arguments(), *output])
        judgement = _judged(place, ["--manipulator", str(files.checkpoint), *given])

    def enter(claim: Claim) -> None:
        folder = f"{files.folder.name}/{files.checkpoint.name}"
        enter_manipulator(claim, folder=folder, judgement=judgement, at=timezone.now())

    return enter


def _judged(place: Workplace, arguments: list[str]) -> dict[str, Any]:
    """The judges' figures or, under "refused", why there are none: nobody was held out, say. What was learnt
    is good without."""
    try:
        return place.figures(["manipulate", "judge", *arguments, "--events", "-"], "judging")
    except Failed as error:
        return {"refused": str(error)}
