"""What a report is made from, as files for `python -m model report`: embeddings, labels, held-out triplets.

Faces and people are numbers there, so that no name of a person lies on a disk. Reads tables, writes files.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.db.models import Count, Q, QuerySet

from annotate.faces.models import Dataset, Face, ImportedTriplet, Split
from annotate.insight.models import Extent
from annotate.training.models import EMBEDDING_SIZE, Embedding, ModelVersion

EMBEDDINGS, LABELS, TRIPLETS = "embeddings.npz", "labels.csv", "triplets.csv"
ROWS_AT_ONCE = 10_000
# As crops_at_hand.py names them.
CROP_SUFFIX = ".jpg"


@dataclass(frozen=True)
class Survey:
    """What there is to report on: faces, those with an expression label, and how many different ones;
    people, and held-out triplets with a majority."""

    faces: int
    labelled: int
    expressions: int
    people: int
    triplets: int


def survey(dataset: Dataset, extent: str) -> Survey:
    """Counted in the database, of faces that are not set aside."""
    return Survey(**_counts(faces_of(dataset, extent)), triplets=triplets_of(dataset).count())


def _counts(faces: QuerySet[Face]) -> dict[str, int]:
    return faces.aggregate(
        faces=Count("pk"),
        labelled=Count("pk", filter=~Q(expression="")),
        expressions=Count("expression", distinct=True, filter=~Q(expression="")),
        people=Count("identity", distinct=True, filter=~Q(identity="")),
    )


def faces_of(dataset: Dataset, extent: str) -> QuerySet[Face]:
    """The faces that a report of this extent is of: none that is set aside."""
    faces = Face.objects.ready().filter(dataset=dataset)
    return faces.filter(split=Split.VAL) if extent == Extent.HELD_OUT else faces


def triplets_of(dataset: Dataset) -> QuerySet[ImportedTriplet]:
    """Held-out ones alone, whatever the extent: versions are trained on the others."""
    triplets = ImportedTriplet.objects.ready().filter(dataset=dataset, split=Split.VAL)
    return triplets.filter(odd__isnull=False)


def write_tables(
    version: ModelVersion, dataset: Dataset, extent: str, folder: Path, *, embedded: bool = True
) -> dict[str, Any]:
    """Write LABELS and, if there is one, TRIPLETS, and the EMBEDDINGS of what the version has embedded.

    Not `embedded`: of all faces, by the names that their crops have at hand, and no embeddings. All faces are
    written: those that are not of the extent are the neighbours by which others are recognised. Returns the
    counts of `Survey`, of the extent, and the `sha256` of labels and triplets: two reports with the same
    were made of the same faces. Memory holds the vectors (64 bytes a face).
    """
    every, asked = faces_of(dataset, Extent.ALL), faces_of(dataset, extent)
    if embedded:
        own = {"embeddings__model_version": version}
        every, asked = every.filter(**own), asked.filter(**own)
        _write_embeddings(version, every, folder / EMBEDDINGS)
    known, digest = _write_labels(every, folder / LABELS, "" if embedded else CROP_SUFFIX)
    triplets = _write_triplets(dataset, known, folder / TRIPLETS, digest, "" if embedded else CROP_SUFFIX)
    return _counts(asked) | {"triplets": triplets, "sha256": digest.hexdigest()}


def _write_embeddings(version: ModelVersion, faces: QuerySet[Face], path: Path) -> None:
    embedded = Embedding.objects.filter(model_version=version, face__in=faces).order_by("face")
    rows = list(embedded.values_list("face", "vector").iterator(ROWS_AT_ONCE))
    vectors = np.array([vector for _, vector in rows], dtype=np.float32).reshape(-1, EMBEDDING_SIZE)
    np.savez(path, names=np.array([str(face) for face, _ in rows], dtype=np.str_), embeddings=vectors)


def _write_labels(faces: QuerySet[Face], path: Path, suffix: str) -> tuple[set[int], hashlib._Hash]:
    """The faces' ids, and a hash of what was written that does not depend on the suffix of the names."""
    digest = hashlib.sha256()
    known: set[int] = set()
    people: dict[str, int] = {}
    rows = faces.order_by("pk").values_list("pk", "identity", "expression", "split")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name", "identity", "expression", "split"])
        for face, identity, expression, split in rows.iterator(ROWS_AT_ONCE):
            person = people.setdefault(identity, len(people) + 1) if identity else ""
            writer.writerow([f"{face}{suffix}", person, expression, split])
            digest.update(f"{face},{person},{expression},{split}\n".encode())
            known.add(face)
    return known, digest


def _write_triplets(dataset: Dataset, known: set[int], path: Path, digest: hashlib._Hash, suffix: str) -> int:
    """How many there are of known faces; without one there is no file."""
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["anchor", "positive", "negative", "kind", "strength"])
        for *faces, kind, strength in _triplets(dataset):
            if known.issuperset(faces):
                writer.writerow([*(f"{face}{suffix}" for face in faces), kind, strength])
                digest.update(f"{faces},{kind},{strength}\n".encode())
                count += 1
    if not count:
        path.unlink()
    return count


def _triplets(dataset: Dataset) -> Iterator[tuple[int, int, int, str, str]]:
    """As the snapshot has them: "o is the odd one of x, y, o" is (x, y, o)."""
    columns = ("face_1", "face_2", "face_3", "odd", "kind", "strength")
    rows = triplets_of(dataset).order_by("pk").values_list(*columns)
    for *faces, odd, kind, strength in rows.iterator(ROWS_AT_ONCE):
        negative = faces.pop(odd - 1)
        yield faces[0], faces[1], negative, kind, strength
