"""What pages show of reports: one whole, beside another, and which are the newest. Reads; writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from annotate.faces.models import Kind
from annotate.insight.models import Extent, Measured, Report
from annotate.insight.report_figures import Figure, Figures, Line, figure_of, line, line_of
from annotate.insight.report_measures import PARTS, TRIPLET_ACCURACY, Part
from annotate.insight.report_recognition import Recognition, recognitions
from annotate.insight.reports import changed_since, learnt_from
from annotate.training.models import ModelVersion
from annotate.training.versions import active_version

REPORTS_SHOWN = 200
STRENGTHS = ("strong", "weak")


@dataclass(frozen=True)
class AccuracyLine:
    """A type of triplet: its line, and on how many triplets it rests."""

    line: Line
    count: int


@dataclass(frozen=True)
class Shown:
    """A report's page: tables by question, the network's notes on them (what could not be worked out, what
    was drawn at random), and what should be kept in mind."""

    report: Report
    against: Report | None
    accuracies: list[AccuracyLine]
    parts: list[tuple[Part, list[Line]]]
    recognitions: list[Recognition]
    notes: list[str]
    cautions: list[str]


def shown(report: Report, against: Report | None) -> Shown:
    """A report that is made, beside another that is."""
    figures: Figures = report.figures or {}
    other = against.figures if against else None
    parts = [(part, [line_of(one, figures, other) for one in part.measures]) for part in PARTS]
    return Shown(
        report,
        against,
        accuracy_lines(figures, other),
        [(part, lines) for part, lines in parts if any(one.is_known for one in lines)],
        recognitions(figures, other),
        [str(sentence) for sentence in figures.get("notes") or []],
        cautions(report, against),
    )


def accuracy_lines(figures: Figures, other: Figures | None) -> list[AccuracyLine]:
    """Table 1: each type of the strong triplets, then their mean; then the weak ones."""
    kinds = [*((kind.value, kind.value, kind.label) for kind in Kind), ("mean", "all", "all types")]
    found = []
    for strength in STRENGTHS:
        for key, count_key, label in kinds:
            count = _triplets(figures, strength, "counts", count_key) or 0
            if count:
                mine = _accuracy(figures, strength, key)
                beside = None if other is None else _accuracy(other, strength, key)
                name = f"{label.capitalize()}, {strength}"
                found.append(AccuracyLine(line(name, TRIPLET_ACCURACY, mine, beside, chance=1 / 3), count))
    return found


def _accuracy(figures: Figures, strength: str, key: str) -> Figure:
    return figure_of(_triplets(figures, strength, "accuracy", key))


def _triplets(figures: Figures, strength: str, part: str, key: str) -> Any:
    of_strength: Mapping[str, Any] = (figures.get("triplet_accuracy") or {}).get(strength) or {}
    return (of_strength.get(part) or {}).get(key)


def cautions(report: Report, against: Report | None) -> list[str]:
    """What whoever reads the figures should know of them."""
    found = []
    if report.extent == Extent.ALL and learnt_from(report.model_version, report.dataset):
        found.append(
            f"{str(report.model_version).capitalize()} was trained on faces of {report.dataset}, and they "
            "are among these: its figures flatter it. A report on held-out faces is fair."
        )
    if now := changed_since(report):
        found.append(
            f"“{report.dataset}” has changed since: the report is of {report.made_of.get('faces', 0):,} "
            f"faces, {report.made_of.get('labelled', 0):,} of them labelled; now there are {now.faces:,} and "
            f"{now.labelled:,}. Ask for a new one."
        )
    if against and against.made_of.get("sha256") != report.made_of.get("sha256"):
        found.append(
            f"The report beside it, on {against.subject}, was made of other faces or "
            "labels, so differences say little. Ask for a new one of both."
        )
    return found


def newest_of(version: ModelVersion | None, report: Report) -> Report | None:
    """The newest made report of a version on the same faces as this one."""
    if version is None or (version.pk == report.model_version_id and report.measured == Measured.EMBEDDING):
        return None
    return comparable(report).filter(model_version=version, measured=Measured.EMBEDDING).first()


def comparable(report: Report) -> QuerySet[Report]:
    """Other made reports on the same data set and extent, the newest first."""
    made = Report.objects.done().filter(dataset=report.dataset_id, extent=report.extent)
    return made.exclude(pk=report.pk).select_related("model_version", "dataset").order_by("-pk")


def default_against(report: Report) -> Report | None:
    """What a report is read beside unless another is chosen: the active version's, else that of the version
    that it was fine-tuned from, else the newest; a baseline beside its version's."""
    if report.measured != Measured.EMBEDDING:
        return newest_of(report.model_version, report)
    parent = report.model_version.run.parent
    found = newest_of(active_version(), report) or newest_of(parent, report)
    return found or comparable(report).exclude(model_version=report.model_version_id).first()


def newest_reports(versions: Iterable[int]) -> dict[int, list[Report]]:
    """The newest made report of each version on each data set and extent, the newest first, by version."""
    made = Report.objects.done().filter(model_version__in=versions, measured=Measured.EMBEDDING)
    newest = made.order_by("model_version", "dataset", "extent", "-pk").distinct(
        "model_version", "dataset", "extent"
    )
    found: dict[int, list[Report]] = {}
    for report in sorted(newest.select_related("dataset").defer("figures"), key=lambda one: -one.pk):
        found.setdefault(report.model_version_id, []).append(report)
    return found
