"""How two versions order the very same held-out triplets of a snapshot, from their stored embeddings.

A report has how many are right, not which: that alone makes a small difference sure. Writes nothing.
"""

from __future__ import annotations

import csv
import io

import numpy as np

from annotate.training.models import Embedding, ModelVersion, Snapshot
from annotate.training.significance import Difference, paired
from annotate.training.snapshot_store import open_file
from annotate.training.validating import held_out

# What rounding may make of a report's figure; more says that something else was measured.
TOLERANCE = 0.001


def paired_on(
    new: ModelVersion, old: ModelVersion, snapshot: Snapshot, reported: Difference
) -> Difference | None:
    """The difference by pairs of the triplets behind the headline. None where it can not be had: a face is
    not embedded by both, the folder is gone, or the result is not what the reports say."""
    try:
        triplets, imported = _held_out_triplets(snapshot)
    except FileNotFoundError:
        return None
    faces = {face: place for place, face in enumerate(sorted({face for row in triplets for face in row}))}
    vectors = [_vectors(version, snapshot, faces) for version in (new, old)]
    if not triplets or any(of_one is None for of_one in vectors):
        return None
    rows = np.array([[faces[face] for face in row] for row in triplets])
    right, was_right = (_hits(of_one, rows, imported) for of_one in vectors)
    counted = (right & was_right, right & ~was_right, ~right & was_right, ~right & ~was_right)
    found = paired(*(int(of_kind.sum()) for of_kind in counted))
    is_it = (
        found.count == reported.count
        and abs(found.accuracy - reported.accuracy) <= TOLERANCE
        and abs(found.against - reported.against) <= TOLERANCE
    )
    return found if is_it else None


def _held_out_triplets(snapshot: Snapshot) -> tuple[list[tuple[str, ...]], bool]:
    """Anchor, positive, negative of those that `curves.headline` is of, and whether they were imported."""
    held = held_out(snapshot).faces
    found: dict[str, list[tuple[str, ...]]] = {"strong": [], "weak": [], "": []}
    with io.TextIOWrapper(open_file(snapshot.folder, "triplets.csv"), "utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["anchor"] in held:
                found[row["strength"]].append((row["anchor"], row["positive"], row["negative"]))
    strength = next((strength for strength in ("strong", "weak") if found[strength]), "")
    return found[strength], bool(strength)


def _vectors(version: ModelVersion, snapshot: Snapshot, faces: dict[str, int]) -> np.ndarray | None:
    """(F, D) the embedding of each face; None where one is missing."""
    stored = Embedding.objects.filter(model_version=version, face__dataset=snapshot.dataset_id)
    vectors: dict[int, np.ndarray] = {
        faces[key]: vector
        for key, vector in stored.values_list("face__key", "vector").iterator()
        if key in faces
    }
    if len(vectors) < len(faces):
        return None
    return np.array([vectors[place] for place in range(len(faces))], dtype=np.float64)


def _hits(vectors: np.ndarray, rows: np.ndarray, imported: bool) -> np.ndarray:
    """(T,) which are ordered right: as model.accuracy.hits has it, which this room may not import."""
    anchor, positive, negative = (vectors[rows[:, place]] for place in range(3))
    pairs = ((anchor, positive), (anchor, negative), (positive, negative))
    near, far, across = (((one - other) ** 2).sum(axis=1) for one, other in pairs)
    right: np.ndarray = (near < far) & (near < across) if imported else near < far
    return right
