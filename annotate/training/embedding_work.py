"""What is to be done with a run of an embedding: train, measure, embed every face, enter the version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from django.utils import timezone

from annotate.training.launching import train_arguments
from annotate.training.models import Run
from annotate.training.results import enter_model_version
from annotate.training.runs import Claim
from annotate.training.workplace import Workplace


def produce(place: Workplace, run: Run, snapshot_folder: Path) -> Callable[[Claim], None]:
    """What enters the version that came of it, to be called once its files are stored."""
    files, snapshot = place.files, ["--snapshot", str(snapshot_folder)]
    if not files.is_trained:
        with train_arguments(run) as arguments:
            output = ["--output", str(files.checkpoint), "--resume"]
            place.train(["train", *snapshot, *arguments, *output], processes=place.processes)
    snapshot += ["--checkpoint", str(files.checkpoint)]
    evaluation = place.figures(["evaluate", *snapshot])
    place.watch.enter_stage("embedding")
    place.run(["embed", *snapshot, "--output", str(files.embeddings)], lambda line: None)

    def enter(claim: Claim) -> None:
        enter_model_version(
            claim,
            folder=f"{files.folder.name}/{files.checkpoint.name}",
            evaluation=evaluation,
            embedded=files.embedded(),
            at=timezone.now(),
        )
        files.drop_embeddings()

    return enter
