"""Ablation figures as a Markdown table and a plot. Nothing is trained here."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy import stats

from model.ablation import Measured
from model.accuracy import Report

TABLE, PLOT = "table.md", "accuracies.png"
_KINDS = ("ONE_CLASS_TRIPLET", "TWO_CLASS_TRIPLET", "THREE_CLASS_TRIPLET", "mean")
_HEADS = ("C1", "C2", "C3", "M")


def table(measured: Sequence[Measured]) -> str:
    """Strong and weak val triplets by type and in all, in percent, mean ± standard deviation over seeds.

    "Difference" is that of the strong triplets' mean to the row named, seed by seed, with its 95 %
    t-interval over seeds (three seeds make it wide).
    """
    heads = [f"{strength} {head}" for strength in ("strong", "weak") for head in _HEADS]
    lines = [_line(["", "seeds", *heads, "tournament", "difference"])]
    lines.append(_line(["---"] * (len(heads) + 4)))
    by_name = {one.row.name: one for one in measured}
    for one in measured:
        cells = [one.row.name, str(len(one.reports)) if one.row.floor is None else ""]
        cells += [_figure(one, _of(s, kind)) for s in ("strong", "weak") for kind in _KINDS]
        cells.append(_figure(one, lambda report: report["tournament"]["accuracy"]))
        cells.append(_difference(one, by_name.get(one.row.against or "")))
        lines.append(_line(cells))
    return "\n".join(lines) + "\n"


def difference(values: np.ndarray, others: np.ndarray) -> tuple[float, float, float]:
    """Mean of the paired differences (S,) - (S,) and the ends of its 95 % t-interval; NaN ends for S = 1."""
    differences = values - others
    mean = float(differences.mean())
    if len(differences) < 2:
        return mean, float("nan"), float("nan")
    half = stats.t.ppf(0.975, len(differences) - 1) * stats.sem(differences)
    return mean, mean - float(half), mean + float(half)


def plot(measured: Sequence[Measured], path: Path) -> None:
    """One bar a row: the strong triplets' mean accuracy, with a dot for each seed."""
    import matplotlib as mpl  # takes a second to load, and only this needs it

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 0.4 * len(measured) + 1.2), layout="constrained")
    for place, one in enumerate(measured):
        values = 100 * _values(one, _of("strong", "mean"))
        axes.barh(place, values.mean(), color="#8fb4d8" if one.row.floor is None else "#c8c8c8")
        axes.plot(values, np.full(len(values), place), "o", color="#1f3a5f", markersize=4)
    axes.set_yticks(range(len(measured)), [one.row.name for one in measured])
    axes.invert_yaxis()
    axes.axvline(100 / 3, color="#a04040", linewidth=1, linestyle="--", label="chance")
    axes.set_xlabel("strong val triplets ordered right, %")
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _of(strength: str, kind: str) -> Callable[[Report], float | None]:
    return lambda report: report[strength]["accuracy"][kind]


def _values(one: Measured, of: Callable[[Report], float | None]) -> np.ndarray:
    return np.array([np.nan if (value := of(report)) is None else value for report in one.reports])


def _figure(one: Measured, of: Callable[[Report], float | None]) -> str:
    values = 100 * _values(one, of)
    if np.isnan(values).any():
        return ""
    spread = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
    return f"{values.mean():.1f}{spread}"


def _difference(one: Measured, other: Measured | None) -> str:
    if other is None or not one.reports or len(one.reports) != len(other.reports):
        return ""
    values, others = (100 * _values(each, _of("strong", "mean")) for each in (one, other))
    mean, low, high = difference(values, others)
    interval = "" if np.isnan(low) else f" ({low:+.1f} to {high:+.1f})"
    return f"{mean:+.1f}{interval} to {other.row.name}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
