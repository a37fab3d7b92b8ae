"""Recognition of expressions in a report: each k's figures and the confusion matrix as a table. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotate.insight.report_figures import Figures, Line, figure_of, line
from annotate.insight.report_measures import CLASS_ACCURACY, KNN_ACCURACY, RETRAINED_ACCURACY

# Shades of a cell, from none to the darkest that text can still be read on.
SHADES = 10


@dataclass(frozen=True)
class Cell:
    """How many faces, which share of their expression's, and how dark the cell is (0 to SHADES)."""

    count: int
    percent: str
    shade: int
    is_right: bool


@dataclass(frozen=True)
class Row:
    expression: str
    cells: list[Cell]
    total: int


@dataclass(frozen=True)
class Recognition:
    """One way of telling expressions: its figures, and what it took for what."""

    key: str
    title: str
    note: str
    lines: list[Line]
    expressions: list[str]
    rows: list[Row]


def recognitions(figures: Figures, other: Figures | None) -> list[Recognition]:
    """KNN for each k, then the retrained head, those of them that the report has."""
    by_k = _by_k(figures)
    found = [_knn(k, by_k[k], figures, other) for k in sorted(by_k, key=int)]
    if head := figures.get("retrained"):
        beside = (other or {}).get("retrained")
        note = (
            f"{head.get('faces', 0):,} held-out faces, once {head.get('train_faces', 0):,} others were "
            f"learnt from in {head.get('epochs', 0)} epochs."
        )
        lines = _lines(head, beside, other is not None, RETRAINED_ACCURACY, _most_frequent(head))
        found.append(
            Recognition("retrained", "Retrained with a classification head", note, lines, *_table(head))
        )
    return found


def _most_frequent(result: Mapping[str, Any]) -> float | None:
    """The share of the most frequent expression."""
    totals = [sum(row) for row in result.get("confusion") or []]
    return max(totals) / sum(totals) if any(totals) else None


def _by_k(figures: Figures | None) -> Mapping[str, Mapping[str, Any]]:
    return ((figures or {}).get("knn") or {}).get("k") or {}


def _knn(k: str, result: Mapping[str, Any], figures: Figures, other: Figures | None) -> Recognition:
    whole = figures["knn"]
    voters = "faces of the train split" if whole.get("gallery") == "train" else "other faces"
    note = f"{whole['faces']:,} faces are recognised by {whole['gallery_faces']:,} {voters}."
    title = f"{int(k):,} nearest neighbour{'s' if int(k) > 1 else ''}"
    lines = _lines(result, _by_k(other).get(k), other is not None, KNN_ACCURACY, whole.get("chance"))
    return Recognition(f"knn-{k}", title, note, lines, *_table(result))


def _lines(
    result: Mapping[str, Any],
    beside: Mapping[str, Any] | None,
    is_compared: bool,
    meaning: tuple[str, str],
    chance: float | None,
) -> list[Line]:
    """`chance`: of always naming the most frequent expression."""
    by_class = 1 / len(result["classes"]) if result.get("classes") else None
    lines = []
    for key, name, says, level in (
        ("accuracy", "Accuracy", meaning, chance),
        ("mean_class_accuracy", "Mean of the expressions’ accuracies", CLASS_ACCURACY, by_class),
    ):
        other = figure_of((beside or {}).get(key)) if is_compared else None
        lines.append(line(name, says, figure_of(result.get(key)), other, chance=level))
    return lines


def _table(result: Mapping[str, Any]) -> tuple[list[str], list[Row]]:
    expressions = [str(name) for name in result.get("classes") or []]
    counts: Sequence[Sequence[int]] = result.get("confusion") or []
    return expressions, [
        _row(name, place, row) for place, (name, row) in enumerate(zip(expressions, counts, strict=False))
    ]


def _row(expression: str, place: int, counts: Sequence[int]) -> Row:
    total = sum(counts)
    return Row(
        expression,
        [
            Cell(
                count,
                f"{100 * count / total:.0f} %" if total else "–",
                round(SHADES * count / total) if total else 0,
                number == place,
            )
            for number, count in enumerate(counts)
        ],
        total,
    )
