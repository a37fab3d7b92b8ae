"""What each command takes: options, their defaults and their help. What a command does is cli.py's.

Imports nothing heavy, so that --help is quick.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from model import map_command, neighbours_command
from model.evaluation.arguments import add_datasets, add_report
from model.manipulation import cli as manipulation

METHODS = ("dln", "fecnet", "classifier")
BACKBONES = ("small", "facenet")
FLOORS = ("pixels", "hog")

Command = Callable[[argparse.Namespace], None]


def build_parser(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """A parser whose result has `run`, the function of the command given; its docstring is the help."""
    parser = argparse.ArgumentParser(
        prog="python -m model", description="The Deviation Learning Network: train, evaluate, embed."
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run in commands.items():
        _ARGUMENTS[name](_command(subparsers, name, run))
    manipulate = subparsers.add_parser("manipulate", help=manipulation.ABOUT, description=manipulation.ABOUT)
    manipulation.add_commands(manipulate, _at_least)
    return parser


def _command(commands: Any, name: str, run: Command) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
    parser.set_defaults(run=run)
    parser.add_argument("--threads", type=_at_least(1), metavar="N", help="CPU threads (default: all cores)")
    return parser


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", help="cpu, cuda, cuda:1, ... (default: the GPU if there is one)")


def _add_network(parser: argparse.ArgumentParser) -> None:
    _add_device(parser)
    parser.add_argument("--snapshot", type=Path, required=True, metavar="DIR", help="what to train on")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--backbone", choices=BACKBONES, help="default: small (64 px, fit for a CPU)")
    parser.add_argument("--size", type=_at_least(32), metavar="PX", help="side of the pictures it sees")
    parser.add_argument("--seed", type=int, help="default: 0")
    parser.add_argument(
        "--events", type=Path, metavar="FILE", help="append events (JSON lines); default: stdout"
    )
    parser.add_argument(
        "--identity-epochs", type=_at_least(1), metavar="N", help="epochs of pretraining the identity branch"
    )


def _add_train(parser: argparse.ArgumentParser) -> None:
    _add_network(parser)
    _add_training(parser)
    option = parser.add_argument
    option("--method", choices=METHODS, help="the network: the paper's (dln) or a baseline (default: dln)")
    option("--order", type=int, choices=range(1, 6), help="K of eq. 2 (default: 3)")
    option("--no-crowd", dest="crowd", action="store_const", const=False, help="train without crowd layer")
    option("--identity-weights", type=Path, metavar="DIR", help="what pretrain-identity wrote")
    option("--from", dest="parent", type=Path, metavar="DIR", help="fine-tune this checkpoint")
    option(
        "--earlier", type=Path, metavar="DIR", help="its snapshot, whose triplets are mixed with the new ones"
    )
    option("--replay", type=float, metavar="SHARE", help="of a step's triplets from --earlier (default: 0.9)")
    option(
        "--imported-share",
        type=float,
        metavar="SHARE",
        help="of a step's triplets, where tournament triplets are the rest (default: as they are)",
    )
    option("--keep-crops", type=Path, metavar="FILE", help="keep the decoded crops for other runs on them")
    option(
        "--resume", action="store_true", help="go on with the interrupted run in --output, if there is one"
    )


def _add_training(parser: argparse.ArgumentParser) -> None:
    """How a network is trained, whatever it is."""
    option = parser.add_argument
    option("--preset", choices=("default", "paper"), default="default", help="start from these settings")
    option(
        "--epochs", type=_at_least(1), metavar="N", help="default: at least 10, and enough for 2,000 steps"
    )
    option("--steps", type=_at_least(1), metavar="N", help="as many epochs as so many steps take")
    option("--rate", type=float, help="learning rate (default: 3e-3; paper: 2e-4)")
    option("--faces-per-step", type=_at_least(3), metavar="N", help="default: 640")
    option("--triplets-per-step", type=_at_least(1), metavar="N", help="default: 2560")
    option(
        "--free-crowd",
        dest="crowd_centred",
        action="store_const",
        const=False,
        help="crowd maps as the paper has them: free, so that they may learn what all annotators share",
    )
    option("--crowd-pull", type=float, metavar="X", help="pull the crowd layer's maps to the identity (0)")
    option("--patience", type=_at_least(1), metavar="N", help="stop after N epochs that bettered nothing")
    option("--hold-out", type=float, metavar="SHARE", help="identities to hold out if no face is val (0.2)")
    option(
        "--first-term-only",
        dest="tournament_two_terms",
        action="store_const",
        const=False,
        help="tournament triplets: only the first term of eq. 4",
    )
    option(
        "--normalize-vectors", action="store_const", const=True, help="eq. 1 on L2-normalised V_face and V_id"
    )
    option(
        "--identity-vectors",
        choices=("clean", "augmented"),
        help="V_id of the clean picture, computed once (default), or of the one that the face branch sees",
    )
    option(
        "--precision",
        choices=("auto", "float32", "bf16"),
        help="default: bf16 where the hardware is made for it",
    )


def _add_ablate(parser: argparse.ArgumentParser) -> None:
    _add_network(parser)
    _add_training(parser)
    option = parser.add_argument
    option("--seeds", type=_at_least(1), default=3, metavar="N", help="runs of each row (default: 3)")
    option("--shapes", type=Path, metavar="FILE", help="a morphable model, for the row 3DMM")
    _add_detector(parser)
    option("--only", nargs="+", metavar="ROW", help="these rows alone, by the names that the table gives")


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    _add_device(parser)
    measured = parser.add_mutually_exclusive_group(required=True)
    measured.add_argument("--checkpoint", type=Path, metavar="DIR", help="a trained network's embedding")
    measured.add_argument("--floor", choices=FLOORS, help="distances of the plain pictures, nothing learnt")
    measured.add_argument(
        "--shapes", type=Path, metavar="FILE", help="3DMM: expression coefficients of this morphable model"
    )
    _add_detector(parser)
    parser.add_argument("--snapshot", type=Path, required=True, metavar="DIR")
    parser.add_argument("--split", choices=("train", "val"), default="val")
    _add_progress(parser)


def _add_progress(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--events",
        metavar="FILE",
        help="append how far it is (JSON lines); - is stdout, the result comes after them",
    )


def _add_detector(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--detector",
        type=Path,
        metavar="FILE",
        default=Path("landmarks.safetensors"),
        help="3DMM: its landmark detector, trained first (minutes) if there is none (landmarks.safetensors)",
    )


def _add_embed(parser: argparse.ArgumentParser) -> None:
    _add_device(parser)
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="DIR")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--images", type=Path, metavar="DIR", help="aligned crops, in this folder or below it"
    )
    source.add_argument("--snapshot", type=Path, metavar="DIR", help="all faces of a snapshot")
    parser.add_argument(
        "--align", action="store_true", help="find and align the one face of each image first"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help=".npz, .npy, .csv or .parquet"
    )
    parser.add_argument(
        "--skip-unreadable", action="store_true", help="pass over pictures that cannot be read, and list them"
    )
    _add_progress(parser)


def _add_export_onnx(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="DIR")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help=".onnx")


def _add_pretrain_identity(parser: argparse.ArgumentParser) -> None:
    _add_network(parser)


def _at_least(least: int) -> Any:
    def whole(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}")
        return value

    return whole


_ARGUMENTS = {
    "train": _add_train,
    "evaluate": _add_evaluate,
    "embed": _add_embed,
    "ablate": _add_ablate,
    "export-onnx": _add_export_onnx,
    "pretrain-identity": _add_pretrain_identity,
    "map": map_command.add_arguments,
    "neighbours": neighbours_command.add_arguments,
    "report": add_report,
    "datasets": add_datasets,
}
