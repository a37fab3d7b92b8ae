"""What `python -m model report` takes. Imports nothing heavy, so that --help is quick."""

import argparse
from pathlib import Path

from model.datasets import NAMES


def add_report(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    option = parser.add_argument
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--checkpoint", type=Path, metavar="DIR", help="a trained network's embedding")
    what.add_argument("--floor", choices=("pixels", "hog"), help="plain pictures, nothing learnt")
    what.add_argument(
        "--embeddings", type=Path, metavar="FILE", help="as embed writes them (.npz, .npy, .csv, .parquet)"
    )
    _add_faces(parser)
    _add_measures(parser)
    option(
        "--retrain",
        action="store_true",
        help="retrain the network with a classification head, and measure it",
    )
    option("--epochs", type=_least(1), metavar="N", help="with --retrain (10 to 40, by the number of faces)")
    option("--rate", type=float, help="with --retrain: learning rate (1e-3)")
    option("--markdown", type=Path, metavar="FILE", help="write the report as Markdown tables, too")
    option("--device", help="cpu, cuda, cuda:1, ... (default: the GPU if there is one)")
    option(
        "--events",
        metavar="FILE",
        help="append how far it is (JSON lines); - is stdout, the result comes after them",
    )


def _add_faces(parser: argparse.ArgumentParser) -> None:
    option = parser.add_argument
    faces = parser.add_mutually_exclusive_group()
    faces.add_argument("--snapshot", type=Path, metavar="DIR", help="a snapshot's faces and triplets")
    faces.add_argument(
        "--faces", type=Path, metavar="DIR", help="a folder of pictures, of which --labels tells"
    )
    faces.add_argument(
        "--dataset", choices=NAMES, help="a data set as it is distributed, in the folder --root"
    )
    option("--root", type=Path, metavar="DIR", help="where the data set lies")
    option("--identity-branch", action="store_true", help="of --checkpoint, the frozen identity branch alone")
    option("--align", action="store_true", help="find and align the one face of each picture first")
    option("--skip-unreadable", action="store_true", help="pass over pictures that cannot be read")
    option(
        "--labels", type=Path, metavar="CSV", help="columns name (or image) and identity, expression, split"
    )
    option(
        "--triplets",
        type=Path,
        metavar="CSV",
        help="columns anchor, positive, negative, and any of kind, strength, source",
    )


def add_datasets(parser: argparse.ArgumentParser) -> None:
    """The options of the command that writes a data set's labels.csv."""
    parser.add_argument("name", choices=NAMES, help="which data set")
    parser.add_argument(
        "--root", type=Path, required=True, metavar="DIR", help="where it lies, as distributed"
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--output", type=Path, metavar="CSV", help="labels.csv to write")
    where.add_argument(
        "--folder", type=Path, metavar="DIR", help="a new folder with it and the labelled pictures, to import"
    )


def _add_measures(parser: argparse.ArgumentParser) -> None:
    option = parser.add_argument
    option(
        "--split", choices=("train", "val", "all"), help="faces to measure (default: val if any, else all)"
    )
    option(
        "--leave-out", nargs="+", metavar="EXPRESSION", help="expressions that do not count (contempt, say)"
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
