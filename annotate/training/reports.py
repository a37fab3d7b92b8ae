"""What the pages say of a run: its settings, how far it is, its accuracies. Reads; writes nothing."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from annotate.faces.models import Kind
from annotate.training import curves
from annotate.training.models import Run, RunKind, RunState

# The network's stages and the worker's own, in words for the page.
STAGES = {
    "starting": "Starting",
    "reading": "Reading the snapshot",
    "crops": "Decoding the faces",
    "identity": "Training the identity branch",
    "identity vectors": "Identity vectors of all faces",
    "train": "Training",
    "evaluating": "Measuring on who was held out",
    "embed": "Embedding all faces",
    "judging": "Judging it on held-out people",
    "judging crops": "Judging it: decoding the faces",
    "judging expression": "Judging it: training a judge of expressions",
    "judging identity": "Judging it: training a judge of people",
    "embedding": "Embedding all faces",
    "storing": "Storing the embeddings",
}


UNKNOWN = "–"


@dataclass(frozen=True)
class AccuracyRow:
    """Accuracies as percentages, "–" where nothing was counted."""

    name: str
    strong: str
    strong_count: int
    weak: str
    weak_count: int


@dataclass(frozen=True)
class Progress:
    """Of a run that is under way. `time_left` is empty while it can not be told."""

    stage: str
    percent: int | None
    time_left: str
    images_per_second: float | None


def settings_of(run: Run, labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """Its settings, under and in the order of these labels; those that are empty say what that means."""
    return [(label, setting(name, run.config)) for name, label in labels.items() if name in run.config]


def setting(name: str, config: Mapping[str, Any]) -> str:
    """One of a run's settings in words."""
    value = config[name]
    if value is not None:
        return in_words(value)
    if name == "epochs" and config.get("steps") is None:
        return "at least 10, and enough for 2,000 steps"
    return UNSET.get(name, "the network’s default")


# What it means that a setting is empty.
UNSET = {
    "size": "the backbone’s own",
    "epochs": "as the steps take",
    "steps": "as the epochs take",
    "imported_share": "as they are",
    "replay": "as they are",
    "patience": "never stops early",
}
# What a run was trained with, in words for the page.
PINS = {
    "semblance": "Semblance",
    "python": "Python",
    "torch": "PyTorch",
    "cuda": "CUDA",
    "numpy": "NumPy",
    "device": "Device",
    "device_name": "Its name",
}


def pins_of(run: Run) -> list[tuple[str, str]]:
    """The versions of code and libraries and the device that it was trained with; empty before it began."""
    return [(label, str(run.environment[name])) for name, label in PINS.items() if name in run.environment]


def in_words(value: object) -> str:
    """A setting's value."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


@dataclass(frozen=True)
class LogLine:
    """`key` stays as long as the line does; the last one, which a progress bar rewrites, is "now"."""

    key: str
    text: str


def log_lines(tail: str) -> list[LogLine]:
    """A log's end, line by line, so that a page can add to what it shows."""
    if not tail:
        return []
    *lines, last = tail.split("\n")
    times: Counter[str] = Counter()
    found = []
    for line in lines:
        times[line] += 1
        found.append(LogLine(f"{zlib.crc32(line.encode()):08x}-{times[line]}", line))
    return [*found, LogLine("now", last)]


def network_of(run: Run) -> str:
    """What a run trains, in a few words."""
    config = run.config
    if run.kind == RunKind.MANIPULATION:
        return f"face manipulation, {config['size']} px, by version {run.parent_id}"
    crowd = "" if config.get("crowd", True) else ", no crowd layer"
    return f"{config['backbone']}, order {config['order']}{crowd}"


def erased_at(run: Run) -> datetime | None:
    """When somebody whom the run's outcome learnt from was erased last."""
    outcome = getattr(run, "model_version", None) or getattr(run, "manipulator", None)
    return outcome.erased_at if outcome else None


def start_of(run: Run) -> curves.Event:
    """What the network said of its data and its device when it began; empty before that."""
    return next(iter(curves.of_kind(run.events, "start")), {})


def progress_of(run: Run) -> Progress:
    """How far it is. Evaluation and embedding do not tell."""
    steps = curves.of_kind(run.events, "step")
    training = run.state == RunState.RUNNING and run.stage == "train"
    left = curves.seconds_left(run.events) if training else None
    percent = round(100 * run.progress) if run.progress > 0 else None
    rate = steps[-1].get("images_per_second") if training and steps else None
    return Progress(
        STAGES.get(run.stage, run.stage),
        percent,
        "" if left is None else f"about {duration(left)} left",
        rate,
    )


def duration(seconds: float) -> str:
    """For people: the two largest units."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3_600:
        return f"{seconds // 60} min {seconds % 60} s"
    if seconds < 86_400:
        return f"{seconds // 3_600} h {seconds % 3_600 // 60} min"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3_600} h"


def took(run: Run) -> str:
    """How long an ended run was worked on, waiting between workers included."""
    if run.started_at is None or run.ended_at is None:
        return ""
    return duration((run.ended_at - run.started_at).total_seconds())


def accuracy_rows(evaluation: Mapping[str, Any]) -> list[AccuracyRow]:
    """Imported triplets: one row a kind, the last one the mean over all; none where none was counted."""
    names = [(kind.value, kind.label) for kind in Kind]
    rows = [
        AccuracyRow(
            label,
            percent(_of(evaluation, "strong", "accuracy", key)),
            _of(evaluation, "strong", "counts", count_key) or 0,
            percent(_of(evaluation, "weak", "accuracy", key)),
            _of(evaluation, "weak", "counts", count_key) or 0,
        )
        for key, count_key, label in (*((k, k, label) for k, label in names), ("mean", "all", "all"))
    ]
    return rows if rows[-1].strong_count or rows[-1].weak_count else []


def tournament_accuracy(evaluation: Mapping[str, Any]) -> tuple[str, int]:
    """Of triplets from comparisons: accuracy and count."""
    found = evaluation.get("tournament") or {}
    return percent(found.get("accuracy")), found.get("count") or 0


def headline(evaluation: Mapping[str, Any]) -> str:
    """The one figure, as a percentage."""
    return percent(curves.headline(evaluation))


def _of(evaluation: Mapping[str, Any], strength: str, part: str, key: str) -> Any:
    return evaluation.get(strength, {}).get(part, {}).get(key)


def percent(share: float | None) -> str:
    """With one digit; "–" where nothing was measured."""
    return UNKNOWN if share is None else f"{100 * share:.1f} %"
