"""Where the faces of a run come from: a snapshot, or a folder of aligned crops with a table of labels."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from model.errors import ImagesError
from model.labels import read_labels
from model.plan import with_held_out
from model.snapshot import SPLITS, UNKNOWN, Answers, Faces, Snapshot, Triplets, read_snapshot


def labelled_snapshot(folder: Path, labels: Path) -> Snapshot:
    """A snapshot without triplets of the pictures in `folder` that `labels` names (see labels.read_labels).

    Where some are said to be val, the others are train. Raises LabelsError, or ImagesError for a picture
    that is not there.
    """
    known = read_labels(labels)
    hashes = tuple(_hash(folder / name) for name in known.names)
    split = np.where(known.split == UNKNOWN, SPLITS["train"], known.split).astype(np.int8)
    faces = Faces(
        known.names,
        known.names,
        hashes,
        split,
        known.identity,
        known.identities,
        known.expression,
        known.expressions,
    )
    whole = hashlib.sha256(labels.read_bytes() + "".join(hashes).encode()).hexdigest()
    none = np.empty(0, dtype=np.int8)
    triplets = Triplets(np.empty((0, 3), dtype=np.int32), none, none, none, none.astype(np.float32))
    answers = Answers(np.zeros(1, dtype=np.int64), none, none, none.astype(np.float32), ())
    return Snapshot(folder, folder.name, whole, faces, triplets, answers)


def read_faces(
    snapshot: Path | None, faces: Path | None, labels: Path | None, *, answers: bool = False
) -> Snapshot:
    """The snapshot, or the folder of faces with its labels. Raises ModelErrors that name the file."""
    if snapshot is not None:
        return read_snapshot(snapshot, answers=answers)
    if faces is None or labels is None:
        raise ImagesError("name a snapshot (--snapshot), or a folder of faces (--faces) and its --labels")
    return labelled_snapshot(faces, labels)


def split_by_people(
    snapshot: Snapshot, share: float, seed: int
) -> tuple[Snapshot, tuple[str, ...], list[str]]:
    """As plan.with_held_out: the snapshot with a val split, the identities held out, notes for the user.

    A person with pictures of both splits is held out as a whole: nobody is both learnt from and measured on.
    """
    whole, held_out, notes = with_held_out(snapshot, share, seed)
    faces = whole.faces
    val = faces.split == SPLITS["val"]
    both = np.intersect1d(faces.identity[val], faces.identity[~val])
    both = both[both != UNKNOWN]
    if len(both):
        split = np.where(np.isin(faces.identity, both), SPLITS["val"], faces.split).astype(np.int8)
        whole = replace(whole, faces=replace(faces, split=split))
        notes = [*notes, f"{len(both)} identities have pictures of both splits: all of theirs are held out"]
    return whole, held_out, notes


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ImagesError(f"{path}: cannot be read ({error.strerror})") from None
