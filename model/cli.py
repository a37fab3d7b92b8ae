"""The command line: arguments in, exit status out. Results on standard output, progress on standard error.

Commands only call and print; what they take is cli_arguments.py's. Heavy modules are imported by the command
that needs them, so that --help is quick.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from model.cli_arguments import build_parser
from model.errors import ModelError, writing_to
from model.map_command import lay_out_map
from model.neighbours_command import find_neighbours


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command: 0; 1 after one line on standard error that says what to put right; 130 on Ctrl-C."""
    parsed = build_parser(COMMANDS).parse_args(arguments)
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
    from model.launcher import end_with_launcher

    end_with_launcher()
    from model.events import Events
    from model.preparation import Job
    from model.processes import Team
    from model.run import run_training

    team = Team.of_environment()
    with Events(arguments.events, silent=team.rank > 0) as events:
        try:
            job = Job(
                snapshot=arguments.snapshot,
                output=arguments.output,
                config=_train_config(arguments),
                identity_weights=arguments.identity_weights,
                parent=arguments.parent,
                earlier=arguments.earlier,
                crops=arguments.keep_crops,
                resume=arguments.resume,
                device=arguments.device,
            )
            with writing_to(arguments.output):
                run_training(job, events, team)
        except ModelError as error:
            events.emit("failed", reason=str(error))
            raise
    team.leave()


def evaluate(arguments: argparse.Namespace) -> None:
    """Print a checkpoint's, or a floor's, triplet accuracy on a snapshot as JSON."""
    from model.accuracy import report as accuracies
    from model.inference import Embedder, embed_snapshot, split_as_trained
    from model.snapshot import read_snapshot

    if arguments.floor is not None:
        from model.floor import floor_vectors

        snapshot = read_snapshot(arguments.snapshot)
        embeddings = floor_vectors(snapshot, arguments.floor)
    elif arguments.shapes is not None:
        from model.threedmm import threedmm_vectors

        snapshot = read_snapshot(arguments.snapshot)
        embeddings = threedmm_vectors(snapshot, arguments.shapes, arguments.detector, arguments.split)
    else:
        embedder = Embedder.load(arguments.checkpoint, arguments.device)
        snapshot = split_as_trained(read_snapshot(arguments.snapshot), embedder.description)
        with _events(arguments) as events:
            embeddings = embed_snapshot(embedder, snapshot, events)
    print(json.dumps(accuracies(snapshot, embeddings, arguments.split)))


def embed(arguments: argparse.Namespace) -> None:
    """Write the embeddings of a folder of pictures, or of a snapshot's faces. Interrupted, it goes on."""
    from model.embedding_files import KeptParts, check_output, write_embeddings
    from model.inference import Embedder, embed_pictures
    from model.pictures import pictures_in, pictures_of
    from model.snapshot import read_snapshot

    check_output(arguments.output)
    embedder = Embedder.load(arguments.checkpoint, arguments.device)
    if arguments.snapshot is not None:
        pictures = pictures_of(read_snapshot(arguments.snapshot))
    else:
        pictures = pictures_in(arguments.images, align=arguments.align)
    keep = KeptParts(arguments.output)
    with writing_to(arguments.output), _events(arguments) as events:
        found = embed_pictures(
            embedder, pictures, keep, skip_unreadable=arguments.skip_unreadable, events=events
        )
    for reason in found.rejects:
        print(f"skipped: {reason}", file=sys.stderr)
    with writing_to(arguments.output):
        write_embeddings(arguments.output, found.names, found.embeddings)
    keep.drop()


def export_onnx(arguments: argparse.Namespace) -> None:
    """Write a checkpoint's network as one ONNX file: uint8 crops in, embeddings out."""
    from model.onnx_export import export

    export(arguments.checkpoint, arguments.output)


def pretrain_identity(arguments: argparse.Namespace) -> None:
    """Train an identity backbone on a snapshot's train faces."""
    from model.device import chosen_device
    from model.events import Events
    from model.preparation import Job, pretrain

    job = Job(arguments.snapshot, arguments.output, _train_config(arguments))
    with Events(arguments.events) as events:
        try:
            pretrain(job, chosen_device(arguments.device), events)
        except ModelError as error:
            events.emit("failed", reason=str(error))
            raise


def ablate(arguments: argparse.Namespace) -> None:
    """Train and measure every row of the paper's tables; print them and write a plot."""
    from model.ablation import Ablation
    from model.ablation import ablate as measure
    from model.ablation_tables import PLOT, TABLE, plot, table
    from model.events import Events

    ablation = Ablation(
        snapshot=arguments.snapshot,
        output=arguments.output,
        config=_train_config(arguments),
        seeds=arguments.seeds,
        only=arguments.only or (),
        shapes=arguments.shapes,
        detector=arguments.detector,
        device=arguments.device,
    )
    with Events(arguments.events or arguments.output.with_suffix(".events.jsonl")) as events:
        measured = measure(ablation, events)
    text = table(measured)
    (arguments.output / TABLE).write_text(text, encoding="utf-8")
    plot(measured, arguments.output / PLOT)
    print(text, end="")


def report(arguments: argparse.Namespace) -> None:
    """Print what an embedding is good for, measured on labelled faces, as JSON."""
    from model.evaluation.command import run

    run(arguments)


def datasets(arguments: argparse.Namespace) -> None:
    """Write the labels.csv of a data set in the layout in which it is distributed."""
    from model.datasets.labels_file import write_folder, write_labels

    write = write_labels if arguments.folder is None else write_folder
    where = arguments.folder or arguments.output
    count = write(arguments.name, arguments.root, where)
    print(json.dumps({"dataset": arguments.name, "pictures": count, "written": str(where)}))


def _events(arguments: argparse.Namespace) -> Any:
    """Where a command that says little else tells how far it is: nowhere, a file, or standard output (-)."""
    from model.events import Events

    return Events(None if arguments.events == "-" else Path(arguments.events or os.devnull))


def _train_config(arguments: argparse.Namespace) -> Any:
    """The preset's settings, with its parent's network if it has one, and those that the user gave."""
    from model.checkpoint import read_description
    from model.train_config import TrainConfig

    given = vars(arguments)
    preset = TrainConfig.paper() if given.get("preset") == "paper" else TrainConfig()
    if given.get("parent") is not None:
        preset = replace(preset, **asdict(read_description(given["parent"])[0].network))
    known = {field.name for field in fields(TrainConfig)} - {"identity"}
    config = replace(preset, **{name: given[name] for name in known if given.get(name) is not None})
    if given.get("identity_epochs") is not None:
        config = replace(config, identity=replace(config.identity, epochs=given["identity_epochs"]))
    return config


COMMANDS = {
    "train": train,
    "evaluate": evaluate,
    "embed": embed,
    "ablate": ablate,
    "export-onnx": export_onnx,
    "pretrain-identity": pretrain_identity,
    "map": lay_out_map,
    "neighbours": find_neighbours,
    "report": report,
    "datasets": datasets,
}
