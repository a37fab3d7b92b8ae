"""From a data set's folder to its labels, in memory or as the labels.csv that the web's importers take."""

import csv
import shutil
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


def write_folder(name: str, root: Path, folder: Path) -> int:
    """A new folder with labels.csv and the pictures that it names: hard links, or copies on another disk.

    That is what the importers take: of sequences they would take every frame. Raises ModelError.
    """
    rows = _once(rows_of(DATASETS[name], root))
    with writing_to(folder):
        try:
            folder.mkdir()
        except FileExistsError:
            raise OutputError(f"{folder} is there already: name a new folder") from None
        for row in rows:
            picture = folder / row.image
            picture.parent.mkdir(parents=True, exist_ok=True)
            try:
                picture.hardlink_to(root / row.image)
            except OSError:  # another disk, or one without links
                shutil.copyfile(root / row.image, picture)
    return write_labels(name, root, folder / "labels.csv")


def _once(rows: list[Row]) -> list[Row]:
    """Each picture once: where sequences share a frame, what the first says of it."""
    return list({row.image: row for row in reversed(rows)}.values())[::-1]
