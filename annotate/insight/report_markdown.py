"""A made report as Markdown, with tables as papers have them. It names nobody: it counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from annotate.insight.models import Extent, Report
from annotate.insight.report_figures import NOTHING, Line
from annotate.insight.report_pages import AccuracyLine, Shown, shown
from annotate.insight.report_recognition import Recognition
from annotate.training.markdown_tables import plain, table

HEAD = ("Figure", "Value", "95 % interval", "Chance", "Better")


def markdown_of(report: Report) -> str:
    """The whole of it. `report` is made, with its version and data set."""
    found = shown(report, None)
    parts = [
        [f"# Report on model {report.subject}", *_identity(report)],
        *_section("Triplets", _accuracies(found.accuracies)),
        *([f"## {part.title}", plain(part.question), *_lines(lines)] for part, lines in found.parts),
        *_section("Recognition of expressions", _recognitions(found.recognitions)),
        *_section("Notes", [f"- {plain(note)}" for note in found.notes]),
        ["## How it was made", *_settings(found)],
    ]
    return "\n\n".join("\n\n".join(part) for part in parts) + "\n"


def _section(title: str, blocks: Iterable[str]) -> list[list[str]]:
    """None where it would be empty."""
    written = list(blocks)
    return [[f"## {title}", *written]] if written else []


def _identity(report: Report) -> Iterator[str]:
    made_of = report.made_of
    which = "Held-out faces" if report.extent == Extent.HELD_OUT else "All faces"
    yield (
        f"{which} of data set {plain(report.dataset.name)}: {made_of.get('faces', 0):,}, "
        f"{made_of.get('labelled', 0):,} of them labelled with {made_of.get('expressions', 0):,} "
        f"expressions, {made_of.get('people', 0):,} people; {made_of.get('triplets', 0):,} held-out "
        f"triplets. Made {report.ended_at:%Y-%m-%d}."
    )


def _accuracies(accuracies: Sequence[AccuracyLine]) -> Iterator[str]:
    if not accuracies:
        return
    yield "Share of triplets whose odd one out is found; chance is 1/3."
    yield from table(
        ("Type", "Accuracy", "95 % interval", "Triplets"),
        [(one.line.name, one.line.figure, one.line.interval, f"{one.count:,}") for one in accuracies],
    )


def _lines(lines: Sequence[Line]) -> Iterator[str]:
    yield from table(HEAD, [_row(line) for line in lines if line.is_known])
    yield "\n".join(f"- {plain(line.name)}: {plain(line.says)}" for line in lines if line.is_known)


def _row(line: Line) -> tuple[str, ...]:
    return (line.name, line.figure, line.interval or NOTHING, line.chance or NOTHING, line.better)


def _recognitions(found: Sequence[Recognition]) -> Iterator[str]:
    if not found:
        return
    yield from table(
        ("Method", "Accuracy", "95 % interval", "Mean class accuracy", "95 % interval"),
        [
            (one.title, *(text for line in one.lines for text in (line.figure, line.interval or NOTHING)))
            for one in found
        ],
    )
    for one in found:
        if one.rows:
            yield f"### {plain(one.title)}: true expression by row, recognised by column, faces"
            names = tuple(map(plain, one.expressions))
            rows = [(row.expression, *(str(cell.count) for cell in row.cells)) for row in one.rows]
            yield from table(("", *names), rows)


def _settings(found: Shown) -> Iterator[str]:
    settings = (found.report.figures or {}).get("settings") or {}
    rows = [("labels and triplets, SHA-256", str(found.report.made_of.get("sha256", "")))]
    rows += [
        (name.replace("_", " "), str(value))
        for name, value in settings.items()
        if not isinstance(value, dict | list)
    ]
    yield from table(("Setting", "Value"), rows)
    for caution in found.cautions:
        yield plain(caution)
