"""The command `neighbours`: what it takes, and how it goes from pictures to the faces that look alike.

Imports nothing heavy on loading, so that --help is quick.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import EmbeddingsError, ImagesError

if TYPE_CHECKING:
    import numpy as np

    from model.events import Events
    from model.inference import Embedder
    from model.labels import Labels


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `neighbours`."""
    option = parser.add_argument
    option("--checkpoint", type=Path, required=True, metavar="DIR", help="the network that embeds")
    option("--query", type=Path, nargs="+", required=True, metavar="IMG", help="aligned crops (or --align)")
    gallery = parser.add_mutually_exclusive_group(required=True)
    gallery.add_argument("--snapshot", type=Path, metavar="DIR", help="search the faces of a snapshot")
    gallery.add_argument("--images", type=Path, metavar="DIR", help="search a folder of pictures")
    gallery.add_argument(
        "--embeddings", type=Path, metavar="FILE", help="search what `embed` wrote by the same checkpoint"
    )
    option(
        "--labels", type=Path, metavar="CSV", help="name (or image), identity, expression of what is searched"
    )
    option("-n", type=_at_least_one, default=10, metavar="N", help="neighbours of each query (10)")
    option(
        "--other-identities",
        action="store_true",
        help="leave out the query's own person, where the query is one of the faces that are searched",
    )
    option(
        "--align", action="store_true", help="find and align the one face of each query and of --images first"
    )
    option("--device", help="cpu, cuda, cuda:1, ... (default: the GPU if there is one)")
    option("--events", metavar="FILE", help="append how far it is (JSON lines); - is stdout")


@dataclass(frozen=True)
class Gallery:
    """What is searched: `vectors` (N, 16) and `labels` of the same N; `files`: where they lie, if known."""

    vectors: "np.ndarray"
    labels: "Labels"
    files: tuple[Path, ...] = ()

    def place_of(self, query: Path) -> int | None:
        """The row of a query that is one of them: the same file or, of stored vectors, one of its name."""
        if self.files:
            known = {path.resolve(): row for row, path in enumerate(self.files)}
            return known.get(query.resolve())
        names = {name: row for row, name in enumerate(self.labels.names)}
        return names.get(str(query), names.get(query.name))


def find_neighbours(arguments: argparse.Namespace) -> None:
    """Print the faces whose expression is nearest to that of each query picture, as JSON."""
    from model.inference import Embedder

    embedder = Embedder.load(arguments.checkpoint, arguments.device)
    queries = _embedded_queries(embedder, arguments.query, align=arguments.align)
    with _events(arguments) as events:
        gallery = _gallery(arguments, embedder, events)
    notes: list[str] = []
    said = [
        _said_of(query, vector, gallery, arguments, notes)
        for query, vector in zip(arguments.query, queries, strict=True)
    ]
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    print(json.dumps({"n": arguments.n, "searched": len(gallery.vectors), "queries": said, "notes": notes}))


def _said_of(
    query: Path, vector: "np.ndarray", gallery: Gallery, arguments: argparse.Namespace, notes: list[str]
) -> dict[str, Any]:
    import numpy as np

    from model.neighbours import nearest
    from model.snapshot import UNKNOWN

    labels, own = gallery.labels, gallery.place_of(query)
    may = np.ones(len(gallery.vectors), dtype=bool)
    if own is not None:
        may[own] = False
    if arguments.other_identities:
        if own is None or labels.identity[own] == UNKNOWN:
            notes.append(f"{query}: whom it shows is not known, so nobody was left out")
        else:
            may &= labels.identity != labels.identity[own]
    found = nearest(gallery.vectors, vector, may, arguments.n)
    neighbours = [{**_described(labels, row), "distance": round(distance, 6)} for row, distance in found]
    is_known = {} if own is None else _described(labels, own)
    return {"query": str(query), **is_known, "neighbours": neighbours}


def _described(labels: "Labels", row: int) -> dict[str, Any]:
    who, shown = labels.identity[row], labels.expression[row]
    return {
        "name": labels.names[row],
        "identity": labels.identities[who] if who >= 0 else None,
        "expression": labels.expressions[shown] if shown >= 0 else None,
    }


def _embedded_queries(embedder: "Embedder", paths: Sequence[Path], *, align: bool) -> "np.ndarray":
    """E_exp (Q, 16). Raises ImagesError, naming the first that can not be read or shows no single face."""
    import numpy as np

    from model.alignment import FaceAligner
    from model.crops import load_aligned, load_image

    for path in paths:
        if not path.is_file():
            raise ImagesError(f"{path}: no such file")
    if not align:
        return embedder.embed(np.stack([load_image(path, embedder.size) for path in paths]))
    aligner = FaceAligner()
    return embedder.embed(np.stack([load_aligned(path, embedder.size, aligner) for path in paths]))


def _gallery(arguments: argparse.Namespace, embedder: "Embedder", events: "Events") -> Gallery:
    from model.inference import embed_pictures
    from model.labels import Labels, read_labels
    from model.pictures import pictures_in, pictures_of
    from model.snapshot import read_snapshot
    from model.stored_embeddings import read_embeddings

    known = read_labels(arguments.labels) if arguments.labels else None
    files: tuple[Path, ...] = ()
    if arguments.embeddings is not None:
        stored = read_embeddings(arguments.embeddings)
        vectors, names = stored.embeddings, stored.names
        if vectors.shape[1] != embedder.dimensions:
            raise EmbeddingsError(f"{arguments.embeddings}: its vectors have {vectors.shape[1]} dimensions")
    elif arguments.snapshot is not None:
        snapshot = read_snapshot(arguments.snapshot, answers=False)
        vectors = embed_pictures(embedder, pictures_of(snapshot), events=events).embeddings
        names = snapshot.faces.keys
        files = tuple(snapshot.folder / crop for crop in snapshot.faces.crops)
        known = known or Labels.of_faces(snapshot.faces)
    else:
        found = embed_pictures(embedder, pictures_in(arguments.images, align=arguments.align), events=events)
        vectors, names = found.embeddings, tuple(found.names)
        files = tuple(arguments.images / name for name in names)
    nothing = [""] * len(names)
    labels = known.of(names) if known else Labels.of_texts(names, nothing, nothing, nothing)
    return Gallery(vectors, labels, files)


def _events(arguments: argparse.Namespace) -> "Events":
    from model.events import Events

    return Events(None if arguments.events == "-" else Path(arguments.events or os.devnull))


def _at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value
