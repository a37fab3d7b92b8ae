"""What the pages say of a manipulator's judgement: figures of networks that took no part in its training.

Reads; writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from annotate.training import curves, reports
from annotate.training.models import Run, RunKind, RunState

# What each figure says of held-out (source, target) pairs.
FIGURES = {
    "nearer_to_expression": "Nearer to the target’s expression than the source was",
    "nearer_to_identity": "Nearer to the source’s person than to the target’s",
}


@dataclass(frozen=True)
class Figure:
    """One share of the pairs as a percentage, with its standard error in points."""

    label: str
    share: str
    error: str


def figures(judgement: Mapping[str, Any]) -> list[Figure]:
    """In the order of FIGURES; those that were not measured are left out."""
    found = []
    for name, label in FIGURES.items():
        share = curves.judged(judgement, name)
        if share is not None:
            error = judgement[name].get("standard_error")
            found.append(
                Figure(label, reports.percent(share), "" if error is None else f"± {100 * error:.1f}")
            )
    return found


def headline(judgement: Mapping[str, Any]) -> str:
    """The first figure, as a percentage."""
    return reports.percent(curves.judged(judgement, "nearer_to_expression"))


def outcome_of(run: Run) -> str:
    """The one figure of what a run gave, whichever kind it is of; empty before it gave anything."""
    if run.state != RunState.SUCCEEDED:
        return ""
    if run.kind == RunKind.MANIPULATION:
        return headline(run.manipulator.judgement)
    return reports.headline(run.model_version.evaluation)
