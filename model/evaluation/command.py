"""What `python -m model report` does: finds the faces, measures them, prints JSON and writes Markdown."""

import argparse
import json
import os
from pathlib import Path

from model.errors import ModelError, OutputError, writing_to
from model.evaluation.markdown import markdown
from model.evaluation.report import ReportSettings, report
from model.evaluation.sources import faces_to_measure
from model.events import Events


def run(arguments: argparse.Namespace) -> None:
    """Measure and print. Raises ModelError, before any work where the arguments do not go together."""
    path: Path | None = arguments.markdown
    if path is not None and not path.parent.is_dir():
        raise OutputError(f"{path.parent}: no such folder")
    where = None if arguments.events == "-" else Path(arguments.events or os.devnull)
    with Events(where) as events:
        try:
            source = faces_to_measure(arguments, events)
            found = report(source.faces, settings_of(arguments), source.triplets, events)
        except ModelError as error:
            events.emit("failed", reason=str(error))
            raise
    found["settings"]["embedding"] = source.what
    found["notes"] = [*source.notes, *found["notes"]]
    if path is not None:
        with writing_to(path):
            path.write_text(markdown(found), encoding="utf-8")
    print(json.dumps(found, allow_nan=False))


def settings_of(arguments: argparse.Namespace) -> ReportSettings:
    """The settings that the user gave, and the others' defaults."""
    given = {name: getattr(arguments, name) for name in ("split", "gallery", "queries", "resamples", "seed")}
    chosen = {name: value for name, value in given.items() if value is not None}
    if arguments.k:
        chosen["ks"] = tuple(sorted(set(arguments.k)))
    return ReportSettings(**chosen)
