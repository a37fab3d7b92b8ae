"""Maps on disk: names with their places as CSV, Parquet or NumPy, and a plot. Nothing is laid out here."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from model.errors import OutputError

# Classes that a plot names and colours; more are "others".
MOST_NAMED = 24


def check_map_output(path: Path) -> None:
    """Raise OutputError if no map can be written to `path`: better before the work than after."""
    if path.suffix not in _WRITERS:
        raise OutputError(f"{path}: its suffix is none of {', '.join(_WRITERS)}")
    if not path.parent.is_dir():
        raise OutputError(f"{path.parent}: no such folder")


def write_map(path: Path, names: Sequence[str], places: np.ndarray) -> None:
    """Write names and places (N, 2) in the same order, by suffix; the file is whole or not there.

    .csv: header name, x, y. .parquet: columns name (string), x, y (float32). .npz: arrays `names` (unicode)
    and `places` float32 (N, 2). Raises OutputError for another suffix.
    """
    check_map_output(path)
    part = path.with_name(f".{path.name}.part")
    try:
        _WRITERS[path.suffix](part, names, places)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write_csv(path: Path, names: Sequence[str], places: np.ndarray) -> None:
    with path.open("w", newline="", encoding="utf-8") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["name", "x", "y"])
        writer.writerows((name, f"{x:.6g}", f"{y:.6g}") for name, (x, y) in zip(names, places, strict=True))


def _write_parquet(path: Path, names: Sequence[str], places: np.ndarray) -> None:
    columns = {"name": pa.array(names, pa.string())}
    for number, axis in enumerate("xy"):
        columns[axis] = pa.array(places[:, number].astype(np.float32))
    parquet.write_table(pa.table(columns), path)


def _write_npz(path: Path, names: Sequence[str], places: np.ndarray) -> None:
    with path.open("wb") as file:
        np.savez(file, names=np.array(names, dtype=np.str_), places=places.astype(np.float32))


_WRITERS: dict[str, Callable[[Path, Sequence[str], np.ndarray], None]] = {
    ".csv": _write_csv, ".parquet": _write_parquet, ".npz": _write_npz,
}  # fmt: skip


def plot_map(path: Path, places: np.ndarray, classes: Sequence[str], title: str) -> None:
    """A PNG of the map (N, 2), coloured by each point's class (N,); "" stands for none.

    The largest MOST_NAMED classes have a colour and a shape, which differ both from one to the next.
    """
    import matplotlib as mpl  # takes a second to load, and only this needs it

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 7), layout="constrained")
    texts = np.array(classes, dtype=np.str_)
    known, counts = np.unique(texts[texts != ""], return_counts=True)
    largest = sorted(known[np.argsort(-counts, kind="stable")][:MOST_NAMED])
    rest = ~np.isin(texts, largest)
    size = float(np.clip(30_000 / max(len(places), 1), 1, 24))
    if rest.any():
        label = "others" if largest else None
        x, y = places[rest].T
        axes.scatter(x, y, s=size, c="#b5b2ab", linewidths=0, label=label)
    for number, name in enumerate(largest):
        colour, shape = _COLOURS[number % len(_COLOURS)], _SHAPES[number % len(_SHAPES)]
        x, y = places[texts == name].T
        axes.scatter(x, y, s=size, c=colour, marker=shape, linewidths=0, label=str(name))
    axes.set(xticks=[], yticks=[], title=title)
    axes.set_aspect("equal")
    if largest:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, markerscale=2)
    figure.savefig(path, dpi=130)
    plt.close(figure)


# Okabe and Ito's, told apart also by those who see red and green alike; darkened where white needs it.
_COLOURS = ("#0072b2", "#d55e00", "#008a64", "#b4548e", "#3a9bd6", "#b87f00", "#55524b", "#7f7300")
_SHAPES = ("o", "s", "^", "D", "v")
