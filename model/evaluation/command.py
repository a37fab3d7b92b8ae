"""What `python -m model report` does: finds the faces, measures them, prints JSON and writes Markdown."""

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from model.checkpoint import load_checkpoint
from model.device import chosen_device
from model.errors import LabelsError, ModelError, OutputError, writing_to
from model.evaluation.bootstrap import Bootstrap
from model.evaluation.markdown import markdown
from model.evaluation.report import ReportSettings, report
from model.evaluation.retraining import RetrainConfig, retrained
from model.evaluation.sources import Source, faces_to_measure
from model.events import Events
from model.pictures import Pictures


def run(arguments: argparse.Namespace) -> None:
    """Measure and print. Raises ModelError, before any work where the arguments do not go together."""
    path: Path | None = arguments.markdown
    if path is not None and not path.parent.is_dir():
        raise OutputError(f"{path.parent}: no such folder")
    where = None if arguments.events == "-" else Path(arguments.events or os.devnull)
    with Events(where) as events:
        try:
            _check(arguments)
            settings = settings_of(arguments)
            source = faces_to_measure(arguments, events)
            if arguments.leave_out:
                labels = source.faces.labels.without(arguments.leave_out)
                source = replace(source, faces=replace(source.faces, labels=labels))
            found = report(source.faces, settings, source.triplets, events)
            if arguments.retrain:
                found["retrained"] = _retrained(arguments, source, settings, events)
        except ModelError as error:
            events.emit("failed", reason=str(error))
            raise
    found["settings"]["embedding"] = source.what
    found["notes"] = [*source.notes, *found["notes"]]
    if path is not None:
        with writing_to(path):
            path.write_text(markdown(found), encoding="utf-8")
    print(json.dumps(found, allow_nan=False))


def _check(arguments: argparse.Namespace) -> None:
    if arguments.identity_branch and arguments.checkpoint is None:
        raise LabelsError("--identity-branch is one of a --checkpoint")
    if arguments.retrain and (arguments.checkpoint is None or arguments.identity_branch):
        raise LabelsError(
            "--retrain trains a whole network on pictures: give --checkpoint and where they are"
        )


def _retrained(
    arguments: argparse.Namespace, source: Source, settings: ReportSettings, events: Events
) -> dict[str, Any]:
    """What the network names once it has learnt expressions; `classes` by name."""
    network, _, _ = load_checkpoint(arguments.checkpoint)
    chosen = {"epochs": arguments.epochs, "rate": arguments.rate}
    given = {name: value for name, value in chosen.items() if value is not None}
    found = retrained(
        network,
        source.faces,
        cast(Pictures, source.pictures),
        source.faces.measured(settings.split_of(source.faces)),
        RetrainConfig(seed=settings.seed, **given),
        Bootstrap(settings.resamples, settings.seed),
        chosen_device(arguments.device),
        events,
    )
    return found | {"classes": [source.faces.labels.expressions[code] for code in found["classes"]]}


def settings_of(arguments: argparse.Namespace) -> ReportSettings:
    """The settings that the user gave, and the others' defaults."""
    given = {name: getattr(arguments, name) for name in ("split", "gallery", "queries", "resamples", "seed")}
    chosen = {name: value for name, value in given.items() if value is not None}
    if arguments.k:
        chosen["ks"] = tuple(sorted(set(arguments.k)))
    return ReportSettings(**chosen)
