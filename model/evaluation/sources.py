"""Where a report's vectors and labels come from: a file, or a network (or a floor) and pictures."""

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from model.datasets.labels_file import dataset_labels
from model.errors import LabelsError
from model.evaluation.faces import LabelledFaces
from model.evaluation.triplets import read_triplets
from model.events import Events
from model.floor import floor_of_pictures
from model.identity_branch import identity_embedder
from model.inference import Embedder, embed_pictures, split_as_trained
from model.labels import Labels, read_labels
from model.pictures import Pictures, pictures_at, pictures_of
from model.snapshot import UNKNOWN, Triplets, read_snapshot
from model.stored_embeddings import read_embeddings


@dataclass(frozen=True)
class Source:
    """The faces, their triplets if there are any, and in words what the embedding is.

    `pictures`: those that were embedded, in another order or more of them, where there are any.
    """

    faces: LabelledFaces
    triplets: Triplets | None
    what: str
    notes: list[str] = field(default_factory=list)
    pictures: Pictures | None = None


class _Embedding:
    """What turns pictures into vectors: a network, its identity branch, or a floor."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.floor: str | None = arguments.floor
        self.embedder: Embedder | None = None
        if self.floor is not None:
            self.what = f"floor: {self.floor}"
        else:
            load = identity_embedder if arguments.identity_branch else Embedder.load
            self.embedder = load(arguments.checkpoint, arguments.device)
            of = " (identity branch alone)" if arguments.identity_branch else ""
            self.what = f"{self.embedder.description.network.method} of {arguments.checkpoint.name}{of}"
        self.skip = arguments.skip_unreadable

    def of(self, pictures: Pictures, events: Events) -> tuple[list[str], np.ndarray, list[str]]:
        """Names and vectors (N, D) of the pictures that could be read, and why others could not."""
        if self.embedder is None:
            return list(pictures.names), floor_of_pictures(pictures, str(self.floor)), []
        return embed_pictures(self.embedder, pictures, skip_unreadable=self.skip, events=events)


def faces_to_measure(arguments: argparse.Namespace, events: Events) -> Source:
    """As the arguments say. Raises ModelError."""
    if arguments.embeddings is not None:
        return _of_file(arguments.embeddings, arguments.labels, arguments.triplets)
    if arguments.snapshot is not None:
        return _of_snapshot(arguments.snapshot, _Embedding(arguments), events)
    if arguments.faces is not None:
        known = read_labels(_needed(arguments.labels, "--faces needs what is known of them: --labels CSV"))
        folder = arguments.faces
    elif arguments.dataset is not None:
        folder = _needed(arguments.root, "--dataset needs the folder that it lies in: --root DIR")
        known = dataset_labels(arguments.dataset, folder)
    else:
        raise LabelsError(
            "which faces? --snapshot DIR, --faces DIR --labels CSV, or --dataset NAME --root DIR"
        )
    pictures = pictures_at(folder, known.names, align=arguments.align)
    return _of_pictures(pictures, known, arguments.triplets, _Embedding(arguments), events)


def _of_file(embeddings: Path, labels: Path | None, triplets: Path | None) -> Source:
    known = read_labels(_needed(labels, "--embeddings needs what is known of the faces: --labels CSV"))
    stored = read_embeddings(embeddings)
    of_faces = known.of(stored.names)
    return Source(
        LabelledFaces(stored.embeddings, of_faces),
        _read_triplets(triplets, stored.names),
        f"stored in {embeddings.name}",
        _unmatched(known, of_faces),
    )


def _of_snapshot(folder: Path, embedding: _Embedding, events: Events) -> Source:
    snapshot = read_snapshot(folder, answers=False)
    if embedding.embedder is not None:
        snapshot = split_as_trained(snapshot, embedding.embedder.description)
    pictures = pictures_of(snapshot)
    _, vectors, _ = embedding.of(pictures, events)
    faces = LabelledFaces(vectors, Labels.of_faces(snapshot.faces))
    return Source(faces, snapshot.triplets, embedding.what, pictures=pictures)


def _of_pictures(
    pictures: Pictures, known: Labels, triplets: Path | None, embedding: _Embedding, events: Events
) -> Source:
    names, vectors, rejects = embedding.of(pictures, events)
    notes = [f"skipped: {reject}" for reject in rejects]
    faces = LabelledFaces(vectors, known.of(names))
    return Source(faces, _read_triplets(triplets, tuple(names)), embedding.what, notes, pictures)


def _read_triplets(path: Path | None, names: tuple[str, ...]) -> Triplets | None:
    return None if path is None else read_triplets(path, names)


def _needed(path: Path | None, message: str) -> Path:
    if path is None:
        raise LabelsError(message)
    return path


def _unmatched(known: Labels, of_faces: Labels) -> list[str]:
    """What to tell of names that stand in one of two files only."""
    notes = []
    matched = len(set(known.names) & set(of_faces.names))
    if not matched:
        one, other = known.names[0], of_faces.names[0]
        raise LabelsError(f"no name of the labels is one of the embeddings': {one!r}, {other!r}")
    if matched < len(of_faces.names):
        notes.append(f"{len(of_faces.names) - matched} faces have no row in the labels")
    if matched < len(known.names):
        notes.append(f"{len(known.names) - matched} rows of the labels have no embedding")
    if np.all(of_faces.expression == UNKNOWN):
        notes.append("no expression is known of any face")
    return notes
