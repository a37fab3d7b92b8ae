"""What `python -m model report` takes. Imports nothing heavy, so that --help is quick."""

import argparse
from pathlib import Path


def add_report(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    option = parser.add_argument
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--checkpoint", type=Path, metavar="DIR", help="a trained network's embedding")
    what.add_argument(
        "--embeddings", type=Path, metavar="FILE", help="as embed writes them (.npz, .npy, .csv, .parquet)"
    )
    faces = parser.add_mutually_exclusive_group()
    faces.add_argument("--snapshot", type=Path, metavar="DIR", help="a snapshot's faces and triplets")
    option(
        "--labels", type=Path, metavar="CSV", help="columns name (or image) and identity, expression, split"
    )
    option(
        "--triplets",
        type=Path,
        metavar="CSV",
        help="with --embeddings: columns anchor, positive, negative, and any of kind, strength, source",
    )
    _add_measures(parser)
    option("--markdown", type=Path, metavar="FILE", help="write the report as Markdown tables, too")
    option("--device", help="cpu, cuda, cuda:1, ... (default: the GPU if there is one)")
    option(
        "--events",
        metavar="FILE",
        help="append how far it is (JSON lines); - is stdout, the result comes after them",
    )


def _add_measures(parser: argparse.ArgumentParser) -> None:
    option = parser.add_argument
    option(
        "--split", choices=("train", "val", "all"), help="faces to measure (default: val if any, else all)"
    )
    option("--k", type=_least(1), nargs="+", metavar="K", help="neighbours that vote (1 10 50 200)")
    option(
        "--gallery",
        choices=("train", "others"),
        help="who votes: the train faces (default, if there are any but those measured) or others measured",
    )
    option("--queries", type=_least(1), metavar="N", help="faces that ask for neighbours, at most (10000)")
    option("--resamples", type=_least(1), metavar="N", help="of the bootstrap (1000)")
    option("--seed", type=int, help="of all that is drawn (0)")


def _least(least: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
    def whole(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}")
        return value

    return whole
