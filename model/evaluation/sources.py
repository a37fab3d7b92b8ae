"""Where a report's vectors and labels come from: a file of embeddings, or a checkpoint and pictures."""

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from model.errors import LabelsError
from model.evaluation.faces import LabelledFaces
from model.evaluation.triplets import read_triplets
from model.events import Events
from model.inference import Embedder, embed_snapshot, split_as_trained
from model.labels import Labels, read_labels
from model.snapshot import UNKNOWN, Triplets, read_snapshot
from model.stored_embeddings import read_embeddings


@dataclass(frozen=True)
class Source:
    """The faces, their triplets if there are any, and in words what the embedding is."""

    faces: LabelledFaces
    triplets: Triplets | None
    what: str
    notes: list[str] = field(default_factory=list)


def faces_to_measure(arguments: argparse.Namespace, events: Events) -> Source:
    """As the arguments say. Raises ModelError."""
    if arguments.embeddings is not None:
        return _of_file(arguments.embeddings, arguments.labels, arguments.triplets)
    if arguments.snapshot is None:
        raise LabelsError("--checkpoint needs the faces to measure: --snapshot DIR")
    return _of_snapshot(arguments.checkpoint, arguments.snapshot, arguments.device, events)


def _of_file(embeddings: Path, labels: Path | None, triplets: Path | None) -> Source:
    if labels is None:
        raise LabelsError("--embeddings needs what is known of the faces: --labels CSV")
    stored = read_embeddings(embeddings)
    known = read_labels(labels)
    of_faces = known.of(stored.names)
    return Source(
        LabelledFaces(stored.embeddings, of_faces),
        None if triplets is None else read_triplets(triplets, stored.names),
        f"stored in {embeddings.name}",
        _unmatched(known, of_faces),
    )


def _of_snapshot(checkpoint: Path, folder: Path, device: str | None, events: Events) -> Source:
    embedder = Embedder.load(checkpoint, device)
    snapshot = split_as_trained(read_snapshot(folder, answers=False), embedder.description)
    embeddings = embed_snapshot(embedder, snapshot, events)
    faces = LabelledFaces(embeddings, Labels.of_faces(snapshot.faces))
    return Source(faces, snapshot.triplets, f"{embedder.description.network.method} of {checkpoint.name}")


def _unmatched(known: Labels, of_faces: Labels) -> list[str]:
    """What to tell of names that stand in one of two files only."""
    notes = []
    matched = len(set(known.names) & set(of_faces.names))
    if not matched:
        raise LabelsError(
            f"no name of the labels is one of the embeddings': {known.names[0]!r}, {of_faces.names[0]!r}"
        )
    if matched < len(of_faces.names):
        notes.append(f"{len(of_faces.names) - matched} faces have no row in the labels")
    if matched < len(known.names):
        notes.append(f"{len(known.names) - matched} rows of the labels have no embedding")
    if np.all(of_faces.expression == UNKNOWN):
        notes.append("no expression is known of any face")
    return notes
