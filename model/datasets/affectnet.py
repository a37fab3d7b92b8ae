"""AffectNet (Mollahosseini et al. 2017), in both of its distributions; nobody's identity is known."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from model.datasets.layout import Dataset, Missing, Row, found, numbered, relative

EXPRESSIONS = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")
# Numbers 8 to 10: none of these, uncertain, no face.
_NO_EXPRESSION = {"8", "9", "10"}
_SPLITS = {"train": ("training.csv", "train_set"), "val": ("validation.csv", "val_set")}


def rows(root: Path) -> Iterator[Row]:
    """The newer distribution where there is a train_set or a val_set, else the first one."""
    newer = [split for split, (_, folder) in _SPLITS.items() if (root / folder).is_dir()]
    for split in newer or _SPLITS:
        yield from _of_set(root, split) if newer else _of_table(root, split)


def _of_table(root: Path, split: str) -> Iterator[Row]:
    name = _SPLITS[split][0]
    path = found(root, name, f"Manually_Annotated_file_lists/{name}", f"Manually_Annotated/{name}")
    pictures = found(
        root,
        "Manually_Annotated_Images",
        "Manually_Annotated/Manually_Annotated_Images",
        "Manually_Annotated_compressed/Manually_Annotated_Images",
    )
    with path.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            code = row.get("expression")
            if code is None or not row.get("subDirectory_filePath"):
                raise Missing(f"{path}: no column subDirectory_filePath or expression, or an empty one")
            if code not in _NO_EXPRESSION:
                picture = pictures / row["subDirectory_filePath"]
                yield Row(relative(picture, root), "", numbered(EXPRESSIONS, code, path), split)


def _of_set(root: Path, split: str) -> Iterator[Row]:
    folder = root / _SPLITS[split][1]
    for path in sorted(found(folder, "annotations").glob("*_exp.npy")):
        try:
            code = str(np.load(path, allow_pickle=False))
        except (ValueError, EOFError) as error:
            raise Missing(f"{path}: not readable ({error})") from None
        if code not in _NO_EXPRESSION:
            picture = folder / "images" / f"{path.name.removesuffix('_exp.npy')}.jpg"
            yield Row(relative(picture, root), "", numbered(EXPRESSIONS, code, path), split)


DATASET = Dataset(
    "AffectNet",
    "https://www.mohammadmahoor.com/pages/databases/affectnet/",
    "training.csv, validation.csv and Manually_Annotated_Images/, or train_set/ and val_set/ with "
    "images/N.jpg and annotations/N_exp.npy",
    rows,
)
