"""Several runs beside each other: what differs in their settings and surroundings, and their accuracies.

Reads; writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotate.faces.models import Kind
from annotate.training import curves, reports
from annotate.training.models import Run, Validation

FEWEST, MOST = 2, 6
NOTHING = "–"


@dataclass(frozen=True)
class Row:
    """One value of each run, in the runs' order."""

    name: str
    values: list[str]

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1


def differing(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.differs]


def alike(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if not row.differs]


def setting_rows(runs: Sequence[Run], labels: Mapping[str, str]) -> list[Row]:
    """What each was trained on and began with, and its settings under these labels."""
    settings = [dict(reports.settings_of(run, labels)) for run in runs]
    return [
        Row("Snapshot", [_snapshot(run) for run in runs]),
        Row("Begins with", [f"version {run.parent_id}" if run.parent_id else "nothing" for run in runs]),
        *_rows(labels.values(), settings),
    ]


def environment_rows(runs: Sequence[Run]) -> list[Row]:
    """With what each was trained: code, libraries, device. Empty where none of them has begun."""
    told = [{reports.PINS.get(name, name): value for name, value in _flat(run.environment)} for run in runs]
    return _rows(dict.fromkeys([*reports.PINS.values(), *(name for one in told for name in one)]), told)


def _rows(names: Any, told: Sequence[Mapping[str, str]]) -> list[Row]:
    rows = [Row(name, [one.get(name, NOTHING) for one in told]) for name in names]
    return [row for row in rows if any(value != NOTHING for value in row.values)]


def _flat(values: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """The leaves of nested values, under the names that lead to them."""
    found = []
    for name, value in values.items():
        words = f"{before} {name}".strip()
        if isinstance(value, Mapping):
            found += _flat(value, words)
        else:
            several = isinstance(value, list)
            found.append((words, ", ".join(map(str, value)) if several else reports.in_words(value)))
    return found


def _snapshot(run: Run) -> str:
    if run.snapshot is None:
        return "not frozen yet"
    return f"{run.snapshot.name} {run.snapshot.sha256_at(run.created_at)[:8]}"


def accuracy_rows(runs: Sequence[Run]) -> list[Row]:
    """On the held-out triplets of each one's own snapshot; only what somebody was measured on."""
    evaluations = [version.evaluation if (version := _version(run)) else {} for run in runs]
    kinds = [(kind.value, str(kind.label)) for kind in Kind]
    asked: list[tuple[str, Callable[[Mapping[str, Any]], float | None]]] = [
        (f"{strength.capitalize()}, {label}", _reader(strength, key))
        for strength in ("strong", "weak")
        for key, label in (*kinds, ("mean", "mean"))
    ]
    asked.append(("Tournament triplets", lambda said: (said.get("tournament") or {}).get("accuracy")))
    rows = [Row(name, [reports.percent(read(said)) for said in evaluations]) for name, read in asked]
    return [row for row in rows if any(value != NOTHING for value in row.values)]


def _reader(strength: str, key: str) -> Callable[[Mapping[str, Any]], float | None]:
    return lambda said: said.get(strength, {}).get("accuracy", {}).get(key)


def validation_rows(runs: Sequence[Run]) -> list[Row]:
    """On the snapshots that no version trains on: here the runs can be compared whatever they trained on."""
    versions = [_version(run) for run in runs]
    found = Validation.objects.filter(model_version__in=[v for v in versions if v])
    measured = {(one.snapshot, one.model_version_id): one for one in found.select_related("snapshot")}
    snapshots = sorted({snapshot for snapshot, _ in measured}, key=lambda snapshot: snapshot.pk)
    return [
        Row(
            f"{snapshot.name}, frozen for validation",
            [
                reports.headline(one.report) if v and (one := measured.get((snapshot, v.pk))) else NOTHING
                for v in versions
            ],
        )
        for snapshot in snapshots
    ]


def outcome_rows(runs: Sequence[Run]) -> list[Row]:
    """How each stands, how long it took, its newest figures."""
    rows = [
        Row("State", [run.get_state_display() for run in runs]),
        Row("Trains", [run.get_kind_display() for run in runs]),
        Row("Took", [reports.took(run) or NOTHING for run in runs]),
        Row("Last loss", [_last(run, "step", "loss", "{:.4g}") for run in runs]),
        Row("Last held-out accuracy", [_last(run, "epoch", "accuracy", "{:.1%}") for run in runs]),
        Row(
            "Nearer the target’s expression",
            [_last(run, "epoch", "nearer_to_expression", "{:.1%}") for run in runs],
        ),
        Row("Images per second", [_last(run, "step", "images_per_second", "{:,.0f}") for run in runs]),
    ]
    return [row for row in rows if any(value != NOTHING for value in row.values)]


def _last(run: Run, kind: str, value: str, form: str) -> str:
    points = curves.series(run.events, kind, value)
    return form.format(points[-1][1]).replace("%", " %") if points else NOTHING


def _version(run: Run) -> Any:
    return getattr(run, "model_version", None)
