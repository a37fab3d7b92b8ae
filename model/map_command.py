"""The command `map`: what it takes, and how it goes from embeddings to places in the plane.

Imports nothing heavy on loading, so that --help is quick.
"""

import argparse
import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import MapError, writing_to

if TYPE_CHECKING:
    from model.events import Events
    from model.stored_embeddings import Stored

METHODS = ("tsne", "umap")
# Of the stage that progress tells of, what laying out takes; the rest is measuring.
PARTS, LAYING_OUT = 100, 85


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `map`."""
    option = parser.add_argument
    option("--checkpoint", type=Path, metavar="DIR", help="the network that embeds the pictures")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--snapshot", type=Path, metavar="DIR", help="map all faces of a snapshot")
    source.add_argument("--images", type=Path, metavar="DIR", help="map a folder of aligned crops")
    source.add_argument("--embeddings", type=Path, metavar="FILE", help="map what `embed` wrote")
    option("--labels", type=Path, metavar="CSV", help="name, identity, expression: for the plot")
    option("--method", choices=METHODS, default="tsne")
    option("--perplexity", type=_between(1, 1000), default=30.0, metavar="X", help="of t-SNE (30)")
    option("--neighbours", type=_whole(2), default=15, metavar="N", help="of UMAP (15)")
    option("--min-dist", type=_between(0, 0.99), default=0.1, metavar="X", help="of UMAP (0.1)")
    option(
        "--seed",
        type=_whole(0),
        default=0,
        help="the same seed gives the same map, with equally many --threads (default: 1)",
    )
    option("--at-most", type=_whole(5), metavar="N", help="lay out a sample of more points (200,000)")
    option("--output", type=Path, required=True, metavar="FILE", help=".csv, .parquet or .npz: name, x, y")
    option("--plot", type=Path, metavar="FILE", help="a picture of the map, .png")
    option("--colour", choices=("expression", "identity"), default="expression", help="of the plot")
    option("--device", help="cpu, cuda, cuda:1, ... (default: the GPU if there is one)")
    option("--events", metavar="FILE", help="append how far it is (JSON lines); - is stdout")


def lay_out_map(arguments: argparse.Namespace) -> None:
    """Lay faces out in the plane by t-SNE or UMAP, so that near expressions lie near each other."""
    from model.expression_map import MOST_POINTS, Layout, drawn, lay_out
    from model.map_files import check_map_output, write_map
    from model.neighbourhoods import kept_neighbours

    check_map_output(arguments.output)
    layout = Layout(
        arguments.method, arguments.perplexity, arguments.neighbours, arguments.min_dist, arguments.seed
    )
    with _events(arguments) as events:
        stored, labels = _embeddings(arguments, events)
        rows = drawn(len(stored.names), arguments.at_most or MOST_POINTS, layout.seed)
        names, vectors = [stored.names[row] for row in rows], stored.embeddings[rows]
        # Sums in another order are another map: one thread gives the same map on every machine.
        threads = arguments.threads or 1
        events.stage("map", PARTS)
        places = lay_out(vectors, layout, threads=threads, told=_told(events, 0, LAYING_OUT))
        rest = _told(events, LAYING_OUT, PARTS - LAYING_OUT)
        kept = kept_neighbours(vectors, places, seed=layout.seed, told=rest)
    with writing_to(arguments.output):
        write_map(arguments.output, names, places)
        if arguments.plot:
            _plot(arguments, labels, names, places, kept.trustworthiness)
    said = {
        "n": len(names),
        "of": len(stored.names),
        "method": layout.method,
        "settings": layout.fitted(len(names)).settings() | {"threads": threads},
        "trustworthiness": kept.trustworthiness,
        "continuity": kept.continuity,
        "neighbours_measured": kept.neighbours,
        "measured_on": kept.measured_on,
    }
    print(json.dumps(said))


def _embeddings(arguments: argparse.Namespace, events: "Events") -> tuple["Stored", Any]:
    """What is to be laid out, and what is known of each: from a file, or embedded now."""
    from model.labels import Labels, read_labels
    from model.stored_embeddings import Stored, read_embeddings

    labels = read_labels(arguments.labels) if arguments.labels else None
    if arguments.embeddings is not None:
        return read_embeddings(arguments.embeddings), labels
    if arguments.checkpoint is None:
        raise MapError("--checkpoint is missing: which network embeds the pictures (or give --embeddings)")
    from model.inference import Embedder, embed_pictures
    from model.pictures import pictures_in, pictures_of
    from model.snapshot import read_snapshot

    embedder = Embedder.load(arguments.checkpoint, arguments.device)
    if arguments.snapshot is not None:
        snapshot = read_snapshot(arguments.snapshot)
        pictures = pictures_of(snapshot)
        labels = labels or Labels.of_faces(snapshot.faces)
    else:
        pictures = pictures_in(arguments.images)
    found = embed_pictures(embedder, pictures, events=events)
    return Stored(tuple(found.names), found.embeddings), labels


def _plot(
    arguments: argparse.Namespace, labels: Any, names: list[str], places: Any, trust: float | None
) -> None:
    from model.map_files import plot_map

    classes = [""] * len(names)
    if labels is not None:
        known = labels.of(names)
        codes = getattr(known, arguments.colour)
        texts = known.expressions if arguments.colour == "expression" else known.identities
        classes = [texts[code] if code >= 0 else "" for code in codes]
    name = {"tsne": "t-SNE", "umap": "UMAP"}[arguments.method]
    said = "" if trust is None else f", trustworthiness {trust:.3f}"
    plot_map(arguments.plot, places, classes, f"{name} of {len(names):,} faces{said}")


def _told(events: "Events", begun: int, share: int) -> Callable[[int, int], None]:
    """Tells the part of the stage that begins at so many of its PARTS and has this share of them."""

    def tell(done: int, total: int) -> None:
        events.progress(begun + share * done // max(total, 1))

    return tell


def _events(arguments: argparse.Namespace) -> AbstractContextManager["Events"]:
    from model.events import Events

    return Events(None if arguments.events == "-" else Path(arguments.events or os.devnull))


def _whole(least: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}")
        return value

    return whole


def _between(least: float, most: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = float(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"must be from {least} to {most}")
        return value

    return number
