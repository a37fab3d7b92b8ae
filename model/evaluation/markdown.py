"""A report as Markdown: tables as papers have them, percentages with their intervals, then the settings."""

from collections.abc import Iterable, Sequence
from typing import Any

from model.snapshot import KINDS

Rows = Iterable[Sequence[str]]

_NONE = "–"
_KINDS = {name: name.removesuffix("_TRIPLET").lower().replace("_", "-") for name in KINDS if name}


def markdown(report: dict[str, Any], title: str = "Evaluation report") -> str:
    """The report (report.report) as one Markdown document."""
    parts = [f"# {title}", *_triplets(report), *_variance(report), *_leakage(report), *_silhouette(report)]
    parts += [*_knn(report), *_retrained(report), *_notes(report), *_settings(report)]
    return "\n\n".join(parts) + "\n"


def share(figure: dict[str, Any] | None) -> str:
    """A figure of 0 to 1 as a percentage with its interval: 81.2 (79.9 to 82.4)."""
    return _spelt(figure, lambda value: f"{100 * value:.1f}")


def number(figure: dict[str, Any] | None) -> str:
    """A figure as it is, to four digits, with its interval."""
    return _spelt(figure, lambda value: f"{value:.4g}")


def table(head: Sequence[str], rows: Rows) -> str:
    """A Markdown table; what is in the cells cannot end them."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def confusion(one: dict[str, Any]) -> str:
    """The matrix as shares of each row, with the row's count."""
    classes = one["classes"]
    rows = []
    for name, counts in zip(classes, one["confusion"], strict=True):
        total = sum(counts)
        shares = [f"{100 * count / total:.1f}" if total else _NONE for count in counts]
        rows.append([name, str(total), *shares])
    return table(["true \\ named (% of row)", "faces", *classes], rows)


def _spelt(figure: dict[str, Any] | None, text: Any) -> str:
    if figure is None:
        return _NONE
    if figure["low"] is None:
        return str(text(figure["value"]))
    return f"{text(figure['value'])} ({text(figure['low'])} to {text(figure['high'])})"


def _triplets(report: dict[str, Any]) -> list[str]:
    found = report["triplet_accuracy"]
    if found is None:
        return []
    rows = []
    for strength in ("strong", "weak"):
        accuracy, counts = found[strength]["accuracy"], found[strength]["counts"]
        rows.append(
            [
                strength,
                str(counts["all"]),
                *(share(accuracy[kind]) for kind in _KINDS),
                share(accuracy["mean"]),
            ]
        )
    if found["tournament"]["count"]:
        blank = [_NONE] * len(_KINDS)
        rows.append(
            ["tournament", str(found["tournament"]["count"]), *blank, share(found["tournament"]["accuracy"])]
        )
    head = ["triplets", "count", *_KINDS.values(), "all"]
    return ["## Triplet accuracy (%)", table(head, rows), "Chance is 33.3 % (tournament triplets: 50 %)."]


def _variance(report: dict[str, Any]) -> list[str]:
    found = report["average_variance"]
    if found is None:
        return []
    rows = [["average", "", number(found), number(found["scaled"])]]
    for name, one in found["classes"].items():
        rows.append([name, str(one["faces"]), number(one["variance"]), number(one["scaled"])])
    head = ["expression", "faces", "variance", "scaled"]
    return ["## Average variance (less is better)", table(head, rows), report["settings"]["normalisation"]]


def _leakage(report: dict[str, Any]) -> list[str]:
    found = report["identity_leakage"]
    if found is None:
        return []
    names = {
        "nearest_neighbour": ("the nearest other face is the same person's", "accuracy"),
        "linear_probe": ("a linear probe names the person", "accuracy"),
        "ordering": (
            "same expression, other person nearer than other expression, same person",
            "same_expression_nearer",
        ),
    }
    rows = [
        [text, share(one[key]), f"{100 * one['chance']:.1f}", str(one["faces"])]
        for name, (text, key) in names.items()
        if (one := found[name]) is not None
    ]
    advice = "Of the first two less is better, of the last more."
    return ["## Identity leakage (%)", table(["what", "%", "chance", "faces"], rows), advice]


def _silhouette(report: dict[str, Any]) -> list[str]:
    rows = [
        [what, number(one), str(one["labels"]), str(one["faces"])]
        for what, one in report["silhouette"].items()
        if one is not None
    ]
    if not rows:
        return []
    advice = "-1 to 1: by expression more is better, by identity less."
    return ["## Silhouette", table(["by", "silhouette", "labels", "faces"], rows), advice]


def _knn(report: dict[str, Any]) -> list[str]:
    found = report["knn"]
    if found is None or not found["k"]:
        return []
    rows = [[k, share(one["accuracy"]), share(one["mean_class_accuracy"])] for k, one in found["k"].items()]
    last = max(found["k"], key=int)
    voters = {"train": "faces of the train split", "others": "other faces"}[found["gallery"]]
    told = f"{found['faces']} faces; {found['gallery_faces']} {voters} vote, those of the same person never."
    chance = f" Always naming the most frequent expression: {100 * found['chance']:.1f} %."
    return [
        "## Expression recognition by nearest neighbours (%)",
        table(["k", "accuracy", "mean over classes"], rows),
        told + chance,
        f"Confusion at k = {last}:",
        confusion(found["k"][last]),
    ]


def _retrained(report: dict[str, Any]) -> list[str]:
    found = report["retrained"]
    if found is None:
        return []
    rows = [["retrained", share(found["accuracy"]), share(found["mean_class_accuracy"])]]
    told = f"{found['train_faces']} faces learnt from, {found['epochs']} epochs; {found['faces']} measured."
    return [
        "## Retrained with a classification head (%)",
        table(["", "accuracy", "mean over classes"], rows),
        told,
        confusion(found),
    ]


def _notes(report: dict[str, Any]) -> list[str]:
    return ["## Notes", "\n".join(f"- {note}" for note in report["notes"])] if report["notes"] else []


def _settings(report: dict[str, Any]) -> list[str]:
    settings = report["settings"]
    told = {name: value for name, value in settings.items() if name != "normalisation"}
    what = "people (faces of a person hang together)" if settings["bootstrap"] == "people" else "faces"
    interval = f"Intervals: {100 * settings['level']:.0f} %, bootstrap over {what}."
    return ["## Settings", interval, table(["setting", "value"], [[k, str(v)] for k, v in told.items()])]
