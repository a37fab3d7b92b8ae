"""Writes snapshot folders for the tests here, as docs/snapshot.md states them. Knows no web application."""

import csv
import hashlib
import json
import os
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

FACE_COLUMNS = ("face", "image", "crop", "crop_sha256", "split", "identity", "expression")
TRIPLET_COLUMNS = (
    "triplet", "anchor", "positive", "negative", "anchor_image", "positive_image", "negative_image", "kind",
    "source", "group", "repetition", "round", "chain", "annotators", "weight", "strength", "votes_for",
    "votes_against",
)  # fmt: skip
ANSWER_COLUMNS = ("triplet", "annotator", "answer", "weight")


@dataclass
class Face:
    """One face and its aligned crop; `name` is also its file name without suffix."""

    name: str
    crop: Image.Image
    split: str = "train"
    identity: str = ""
    expression: str = ""


def write_snapshot(
    folder: Path, faces: list[Face], triplets: list[dict], answers: list[dict], dataset: str = "drawn"
) -> Path:
    """`triplets` name faces by `Face.name`; their and the answers' missing columns are left empty."""
    (folder / "crops").mkdir(parents=True)
    face_rows = [_face_row(folder, face, dataset) for face in faces]
    triplet_rows = [_triplet_row(number, triplet, dataset) for number, triplet in enumerate(triplets, 1)]
    _write(folder / "faces.csv", FACE_COLUMNS, face_rows)
    _write(folder / "triplets.csv", TRIPLET_COLUMNS, triplet_rows)
    _write(folder / "answers.csv", ANSWER_COLUMNS, answers)
    write_manifest(folder, dataset)
    return folder


def grow_snapshot(old: Path, folder: Path, triplets: list[dict], answers: list[dict], dataset: str) -> Path:
    """The snapshot `old` with more triplets, whose answers count from 1; it shares the crops' files."""
    shutil.copytree(old, folder, copy_function=os.link)
    had = sum(1 for _ in csv.reader((old / "triplets.csv").open(newline="", encoding="utf-8"))) - 1
    rows = [_triplet_row(number, triplet, dataset) for number, triplet in enumerate(triplets, had + 1)]
    said = [answer | {"triplet": answer["triplet"] + had} for answer in answers]
    for name, columns, more in (
        ("triplets", TRIPLET_COLUMNS, rows),
        ("answers", ANSWER_COLUMNS, said),
    ):
        path = folder / f"{name}.csv"
        path.unlink()  # what is written there would be the old one's
        shutil.copy(old / path.name, path)
        with path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, columns, restval="", lineterminator="\n").writerows(more)
    (folder / "manifest.json").unlink()
    write_manifest(folder, dataset)
    return folder


def write_manifest(folder: Path, dataset: str = "drawn") -> None:
    """(Re)write manifest.json for the three CSV files as they are now."""
    tables = {}
    for name in ("answers", "faces", "triplets"):
        with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            tables[name] = list(csv.DictReader(file))
    files = {
        f"{name}.csv": hashlib.sha256((folder / f"{name}.csv").read_bytes()).hexdigest() for name in tables
    }
    lines = "".join(f"{digest}  {path}\n" for path, digest in sorted(files.items()))
    counts = {name: len(rows) for name, rows in tables.items()} | {
        "triplets_by_source": Counter(str(row["source"]) for row in tables["triplets"]),
        "faces_by_split": Counter(str(row["split"]) for row in tables["faces"]),
    }
    manifest = {
        "format": 1,
        "name": folder.name,
        "dataset": dataset,
        "campaign": "",
        "counts": counts,
        "files": files,
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2, sort_keys=True))


def _face_row(folder: Path, face: Face, dataset: str) -> dict:
    crop = folder / "crops" / f"{face.name}.jpg"
    face.crop.save(crop, quality=92)
    return {
        "face": f"{dataset}:{face.name}",
        "image": f"{face.name}.jpg",
        "crop": f"crops/{face.name}.jpg",
        "crop_sha256": hashlib.sha256(crop.read_bytes()).hexdigest(),
        "split": face.split,
        "identity": face.identity,
        "expression": face.expression,
    }


def _triplet_row(number: int, triplet: dict, dataset: str) -> dict:
    row = {"triplet": number, "source": "imported", "chain": 0} | triplet
    for place in ("anchor", "positive", "negative"):
        row[f"{place}_image"] = f"{row[place]}.jpg"
        row[place] = f"{dataset}:{row[place]}"
    return row


def _write(path: Path, columns: tuple[str, ...], rows: list[dict]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
