"""From a data set's folder to its labels, in memory or as the labels.csv that the web's importers take."""

import csv
from pathlib import Path

from model.datasets import affectnet, celeba, ckplus, mmi, rafd, rafdb
from model.datasets.layout import Dataset, Row, rows_of
from model.errors import OutputError, writing_to
from model.labels import Labels

DATASETS: dict[str, Dataset] = {
    "affectnet": affectnet.DATASET,
    "celeba": celeba.DATASET,
    "ckplus": ckplus.DATASET,
    "mmi": mmi.DATASET,
    "rafd": rafd.DATASET,
    "rafdb": rafdb.DATASET,
}


def dataset_labels(name: str, root: Path) -> Labels:
    """What is known of the data set's pictures, by their paths in `root`. Raises DatasetError."""
    image, who, shown, split = zip(*_once(rows_of(DATASETS[name], root)), strict=True)
    return Labels.of_texts(image, who, shown, split)


def write_labels(name: str, root: Path, output: Path) -> int:
    """Write labels.csv (image, identity, expression, split); how many rows it has. Raises ModelError."""
    if not output.parent.is_dir():
        raise OutputError(f"{output.parent}: no such folder")
    rows = _once(rows_of(DATASETS[name], root))
    with writing_to(output), output.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Row._fields)
        writer.writerows(rows)
    return len(rows)


def _once(rows: list[Row]) -> list[Row]:
    """Each picture once: where sequences share a frame, what the first says of it."""
    return list({row.image: row for row in reversed(rows)}.values())[::-1]
