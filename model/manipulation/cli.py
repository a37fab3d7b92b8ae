"""`python -m model manipulate train|apply|judge`: what each takes, and its call.

Heavy modules are imported by the call that needs them, so that --help is quick.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from model.errors import ModelError, writing_to

ABOUT = "Give a face another expression: train a manipulator, apply it, judge it."


def add_commands(parser: argparse.ArgumentParser, at_least: Callable[[int], Any]) -> None:
    """Put the three commands under `parser`; `at_least(n)` reads a whole number."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (run, add) in _COMMANDS.items():
        command = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        option = command.add_argument
        option("--threads", type=at_least(1), metavar="N", help="CPU threads (default: all cores)")
        option("--device", help="cpu, cuda, cuda:1, ... (default: the GPU if there is one)")
        option(
            "--checkpoint",
            type=Path,
            required=True,
            metavar="DIR",
            help="the trained DLN, which stays as it is",
        )
        add(option, at_least)


def _add_faces(option: Any) -> None:
    option("--snapshot", type=Path, metavar="DIR", help="faces with their identities")
    option("--faces", type=Path, metavar="DIR", help="instead of a snapshot: a folder of aligned crops, and")
    option("--labels", type=Path, metavar="CSV", help="its table: image, identity, expression[, split]")


def _add_train(option: Any, at_least: Callable[[int], Any]) -> None:
    _add_faces(option)
    option("--output", type=Path, required=True, metavar="DIR", help="folder to write the manipulator to")
    option(
        "--size", type=at_least(32), metavar="PX", help="side of the faces, a multiple of 16 (default: 64)"
    )
    option("--steps", type=at_least(1), metavar="N", help="rounded up to whole epochs (default: 4000)")
    option("--faces-per-step", type=at_least(2), metavar="N", help="default: 16")
    option("--width", type=at_least(8), metavar="N", help="channels, a multiple of 16 (default: 32)")
    option("--rate", type=float, help="learning rate (default: 5e-4)")
    option("--seed", type=int, help="default: 0")
    option("--hold-out", type=float, metavar="SHARE", help="identities to hold out if no face is val (0.2)")
    option("--pairs", type=at_least(1), metavar="N", help="held-out pairs to validate on (default: 256)")
    option("--precision", choices=("auto", "float32", "bf16"), help="default: bf16 where made for it")
    option("--keep-crops", type=Path, metavar="FILE", help="keep the decoded crops for other runs on them")
    option("--events", metavar="FILE", help="append events (JSON lines); default, or -: stdout")
    option(
        "--resume", action="store_true", help="go on with the interrupted run in --output, if there is one"
    )


def _add_apply(option: Any, at_least: Callable[[int], Any]) -> None:
    option("--manipulator", type=Path, required=True, metavar="DIR", help="what `manipulate train` wrote")
    option("--sources", type=Path, required=True, metavar="DIR", help="aligned crops: who is to be shown")
    option("--targets", type=Path, required=True, metavar="DIR", help="aligned crops: which expressions")
    option(
        "--output", type=Path, required=True, metavar="PATH",
        help="FILE.png: one grid, sources down, targets across; else a folder of single pictures",
    )  # fmt: skip
    option(
        "--interpolate", type=at_least(2), metavar="N",
        help="N steps from each source's own expression to each target's",
    )  # fmt: skip


def _add_judge(option: Any, at_least: Callable[[int], Any]) -> None:
    _add_faces(option)
    option("--manipulator", type=Path, required=True, metavar="DIR", help="what `manipulate train` wrote")
    option(
        "--judges", type=Path, metavar="DIR",
        help="judges that are there already; else trained now, and kept there",
    )  # fmt: skip
    option(
        "--pairs", type=at_least(1), default=2000, metavar="N", help="(source, target) pairs (default: 2000)"
    )
    option("--judge-size", type=at_least(32), default=64, metavar="PX", help="what judges see (default: 64)")
    option("--judge-steps", type=at_least(1), default=800, metavar="N", help="of the expression judge (800)")
    option("--judge-epochs", type=at_least(1), default=20, metavar="N", help="of judges from labels (20)")
    option("--seed", type=int, default=0, help="default: 0")
    option(
        "--events", metavar="FILE", help="append how far it is (JSON lines); - is stdout, figures come last"
    )


def train(arguments: argparse.Namespace) -> None:
    """Train a manipulator: a conditional GAN that takes a source face and a target's embedding."""
    from model.events import Events
    from model.manipulation.config import ManipulationConfig
    from model.manipulation.run import ManipulationJob, run_manipulation

    given = vars(arguments)
    known = {field.name for field in fields(ManipulationConfig)} - {"weights"}
    settings = {name: given[name] for name in known if given.get(name) is not None}
    job = ManipulationJob(
        checkpoint=arguments.checkpoint,
        output=arguments.output,
        config=replace(ManipulationConfig(), **settings),
        snapshot=arguments.snapshot,
        faces=arguments.faces,
        labels=arguments.labels,
        crops=arguments.keep_crops,
        resume=arguments.resume,
        device=arguments.device,
    )
    with Events(None if arguments.events in (None, "-") else Path(arguments.events)) as events:
        try:
            with writing_to(arguments.output):
                run_manipulation(job, events)
        except ModelError as error:
            events.emit("failed", reason=str(error))
            raise


def apply(arguments: argparse.Namespace) -> None:
    """Give each source the expression of each target: one grid, or single pictures."""
    from model.inference import Embedder
    from model.manipulation.applying import apply as write
    from model.manipulation.applying import side_of
    from model.manipulation.manipulator import Manipulator

    manipulator = Manipulator.load(arguments.manipulator, arguments.device)
    embedder = Embedder.load(arguments.checkpoint, arguments.device)
    manipulator.check_embedding(embedder)
    sources = side_of(arguments.sources, manipulator, embedder)
    targets = side_of(arguments.targets, manipulator, embedder)
    with writing_to(arguments.output):
        write(manipulator, sources, targets, arguments.output, arguments.interpolate)


def judge(arguments: argparse.Namespace) -> None:
    """Print, as JSON, how good a manipulator is on held-out people, by networks it was not trained by."""
    import os

    from model.events import Events
    from model.manipulation.judge import JudgeJob
    from model.manipulation.judge import judge as figures_of
    from model.manipulation.judges import JudgeConfig

    job = JudgeJob(
        manipulator=arguments.manipulator,
        checkpoint=arguments.checkpoint,
        config=JudgeConfig(
            arguments.judge_size, arguments.seed, arguments.judge_steps, arguments.judge_epochs
        ),
        snapshot=arguments.snapshot,
        faces=arguments.faces,
        labels=arguments.labels,
        judges=arguments.judges,
        pairs=arguments.pairs,
        device=arguments.device,
    )
    told = None if arguments.events == "-" else Path(arguments.events or os.devnull)
    with Events(told) as events, writing_to(arguments.judges or Path()):
        found = figures_of(job, events)
    print(json.dumps(found))


_COMMANDS: Mapping[str, tuple[Callable[[argparse.Namespace], None], Callable[..., None]]] = {
    "train": (train, _add_train),
    "apply": (apply, _add_apply),
    "judge": (judge, _add_judge),
}
