"""The command line: arguments in, exit status out. Results on standard output, progress on standard error.

Commands only parse, call and print; heavy modules are imported by the command that needs them, so that
--help is quick.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from model.errors import ImagesError, ModelError

BACKBONES = ("small", "facenet")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command: 0; 1 after one line on standard error that says what to put right; 130 on Ctrl-C."""
    parsed = _parser().parse_args(arguments)
    try:
        _use_threads(parsed.threads)
        parsed.run(parsed)
    except ModelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _use_threads(threads: int | None) -> None:
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


def train(arguments: argparse.Namespace) -> None:
    """Train a network on a snapshot."""
    from model.events import Events
    from model.run import Job, run_training

    job = Job(
        snapshot=arguments.snapshot,
        output=arguments.output,
        config=_train_config(arguments),
        identity_weights=arguments.identity_weights,
        resume=arguments.resume,
        device=arguments.device,
    )
    with Events(arguments.events) as events:
        try:
            run_training(job, events)
        except ModelError as error:
            events.emit("failed", reason=str(error))
            raise


def evaluate(arguments: argparse.Namespace) -> None:
    """Print a checkpoint's triplet accuracy on a snapshot as JSON."""
    from model.accuracy import report
    from model.inference import Embedder, embed_snapshot, split_as_trained
    from model.snapshot import read_snapshot

    embedder = Embedder.load(arguments.checkpoint, arguments.device)
    snapshot = split_as_trained(read_snapshot(arguments.snapshot), embedder.description)
    embeddings = embed_snapshot(embedder, snapshot)
    print(json.dumps(report(snapshot, embeddings, arguments.split)))


def embed(arguments: argparse.Namespace) -> None:
    """Write the embeddings of a folder of pictures, or of a snapshot's faces."""
    from model.inference import SUFFIXES, Embedder, embed_folder, embed_snapshot, write_embeddings
    from model.snapshot import read_snapshot

    if arguments.output.suffix not in SUFFIXES:
        raise ImagesError(f"{arguments.output}: its suffix is none of {', '.join(SUFFIXES)}")
    embedder = Embedder.load(arguments.checkpoint, arguments.device)
    if arguments.snapshot is not None:
        snapshot = read_snapshot(arguments.snapshot)
        write_embeddings(arguments.output, snapshot.faces.keys, embed_snapshot(embedder, snapshot))
    else:
        names, embeddings = embed_folder(embedder, arguments.images, align=arguments.align)
        write_embeddings(arguments.output, names, embeddings)


def pretrain_identity(arguments: argparse.Namespace) -> None:
    """Train an identity backbone on a snapshot's train faces."""
    from model.events import Events
    from model.run import pretrain

    config = _train_config(arguments)
    with Events(arguments.events) as events:
        try:
            pretrain(arguments.snapshot, arguments.output, config, arguments.device, events)
        except ModelError as error:
            events.emit("failed", reason=str(error))
            raise


def _train_config(arguments: argparse.Namespace) -> Any:
    """The preset's settings with those that the user gave."""
    from model.training import TrainConfig

    given = vars(arguments)
    preset = TrainConfig.paper() if given.get("preset") == "paper" else TrainConfig()
    known = {field.name for field in fields(TrainConfig)} - {"identity"}
    config = replace(preset, **{name: given[name] for name in known if given.get(name) is not None})
    if given.get("identity_epochs") is not None:
        config = replace(config, identity=replace(config.identity, epochs=given["identity_epochs"]))
    return config


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model", description="The Deviation Learning Network: train, evaluate, embed."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_train(commands)
    _add_evaluate(commands)
    _add_embed(commands)
    _add_pretrain_identity(commands)
    return parser


def _command(commands: Any, name: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
    parser.set_defaults(run=run)
    parser.add_argument("--device", help="cpu, cuda, cuda:1, ... (default: the GPU if there is one)")
    parser.add_argument("--threads", type=_at_least(1), metavar="N", help="CPU threads (default: all cores)")
    return parser


def _add_network(parser: argparse.ArgumentParser) -> None:
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


def _add_train(commands: Any) -> None:
    parser = _command(commands, "train", train)
    _add_network(parser)
    option = parser.add_argument
    option("--preset", choices=("default", "paper"), default="default", help="start from these settings")
    option("--order", type=int, choices=range(1, 6), help="K of eq. 2 (default: 3)")
    option(
        "--epochs", type=_at_least(1), metavar="N", help="default: at least 10, and enough for 2,000 steps"
    )
    option("--no-crowd", dest="crowd", action="store_const", const=False, help="train without crowd layer")
    option("--rate", type=float, help="learning rate (default: 3e-3; paper: 2e-4)")
    option("--faces-per-step", type=_at_least(3), metavar="N", help="default: 640")
    option("--triplets-per-step", type=_at_least(1), metavar="N", help="default: 2560")
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
    option("--hold-out", type=float, metavar="SHARE", help="identities to hold out if no face is val (0.2)")
    option("--identity-weights", type=Path, metavar="DIR", help="what pretrain-identity wrote")
    option(
        "--resume", action="store_true", help="go on with the interrupted run in --output, if there is one"
    )


def _add_evaluate(commands: Any) -> None:
    parser = _command(commands, "evaluate", evaluate)
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="DIR")
    parser.add_argument("--snapshot", type=Path, required=True, metavar="DIR")
    parser.add_argument("--split", choices=("train", "val"), default="val")


def _add_embed(commands: Any) -> None:
    parser = _command(commands, "embed", embed)
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="DIR")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--images", type=Path, metavar="DIR", help="aligned crops, in this folder or below it"
    )
    source.add_argument("--snapshot", type=Path, metavar="DIR", help="all faces of a snapshot")
    parser.add_argument(
        "--align", action="store_true", help="find and align the one face of each image first"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help=".npz, .npy or .csv")


def _add_pretrain_identity(commands: Any) -> None:
    parser = _command(commands, "pretrain-identity", pretrain_identity)
    _add_network(parser)


def _at_least(least: int) -> Any:
    def whole(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}")
        return value

    return whole
