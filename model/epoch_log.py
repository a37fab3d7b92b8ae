"""log.csv of a run: one row an epoch, for spreadsheets and plots. What an epoch does is training.py's."""

import csv
from pathlib import Path

from model.accuracy import Report
from model.training import EpochResult

LOG = "log.csv"
_KINDS = {f"{name}_class": f"{name.upper()}_CLASS_TRIPLET" for name in ("one", "two", "three")}
_COLUMNS = {
    f"{strength}_{name}": (strength, kind)
    for strength in ("strong", "weak")
    for name, kind in (*_KINDS.items(), ("mean", "mean"))
}
HEADER = ("epoch", "seconds", "images", "loss", "train_accuracy", *_COLUMNS, "tournament")


def begin_log(folder: Path, epochs: int) -> None:
    """Keep the first `epochs` epochs' rows of the folder's log; with 0, begin a new one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOG
    kept = path.read_text(encoding="utf-8").splitlines()[1 : epochs + 1] if epochs and path.exists() else []
    path.write_text("\n".join([",".join(HEADER), *kept]) + "\n", encoding="utf-8")


def log_epoch(folder: Path, epoch: int, result: EpochResult, report: Report) -> None:
    """Add one epoch; accuracies are those of the val triplets, empty where nothing is counted."""
    accuracies = [report[strength]["accuracy"][kind] for strength, kind in _COLUMNS.values()]
    accuracies = [result.train_accuracy, *accuracies, report["tournament"]["accuracy"]]
    row = [epoch, round(result.seconds, 2), result.images, f"{result.loss:.6f}"]
    row += ["" if accuracy is None else f"{accuracy:.4f}" for accuracy in accuracies]
    with (folder / LOG).open("a", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerow(row)
