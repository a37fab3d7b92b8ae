"""Stands in for `python -m model` where a test is about who launched it: same commands, same lines.

What it does besides is told by the environment: FAIL (which command fails, and how), HANG (train goes on
until it is killed), FAIL_AFTER_EPOCH, KILLED_AT (after which epoch train kills itself, the first time),
EPOCH_SECONDS (how long an epoch takes), EMBED_SECONDS (how long a picture takes), GPU (that there is one),
ACCURACY (what evaluate finds), FIGURES (a file with what report prints).
"""

import csv
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from checkpoints import write_checkpoint, write_tensors

REPORT = {
    "strong": {
        "accuracy": {"TWO_CLASS_TRIPLET": 0.75, "ONE_CLASS_TRIPLET": None, "mean": 0.75},
        "counts": {"TWO_CLASS_TRIPLET": 8, "ONE_CLASS_TRIPLET": 0, "all": 8},
    },
    "weak": {"accuracy": {"mean": None}, "counts": {"all": 0}},
    "tournament": {"accuracy": 0.5, "count": 4},
    "split": "val",
}


def emit(event, **values):
    print(json.dumps({"event": event, "time": time.time(), **values}), flush=True)


def gpu(epoch):
    if not os.environ.get("GPU"):
        return None
    return {"memory": (20 + epoch) << 30, "memory_total": 80 << 30, "use": 90 + epoch}


def train(options):
    checkpoint = Path(options["--output"])
    environment = {"semblance": "commit 0123456789ab", "python": "3.11", "torch": "2.14", "device": "cpu"}
    emit(
        "start", faces=24, train_faces=16, device="cpu", environment=environment,
        notes=["a note of the network"],
    )  # fmt: skip
    emit("stage", stage="train", steps=40)
    print("warning of a library, no JSON", flush=True)
    resumed = (checkpoint / "resume.json").exists()
    first = json.loads((checkpoint / "resume.json").read_text())["epoch"] if resumed else 0
    print(f"from epoch {first}", file=sys.stderr)
    with (checkpoint.parent / "epochs").open("a") as file:
        file.write(f"{first}\n")
    for epoch in range(first, 4):
        time.sleep(float(os.environ.get("EPOCH_SECONDS", 0)))
        loss = float("nan") if epoch == 2 else 1 / (epoch + 1)
        step, rate = epoch * 10 + 10, 1e-3 * (4 - epoch) / 4
        told = {"loss": loss, "rate": rate, "images_per_second": 12.5, "gpu": gpu(epoch)}
        emit("progress", stage="train", step=step, steps=40, **told)
        write_checkpoint(checkpoint, epoch + 1)
        (checkpoint / "resume.json").write_text(json.dumps({"epoch": epoch + 1}))
        told = {"loss": loss, "train_accuracy": 0.5, "report": REPORT}
        emit("epoch", stage="train", epoch=epoch + 1, epochs=4, step=step, **told)
        killed = checkpoint.parent / "killed"
        if os.environ.get("KILLED_AT") == str(epoch + 1) and not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if os.environ.get("FAIL_AFTER_EPOCH") == str(epoch + 1):
            emit("failed", reason="the disk is full")
            sys.exit("error: the disk is full")
        if os.environ.get("HANG") and epoch == 1:
            child = subprocess.Popen(["sleep", "300"])
            (checkpoint.parent / "processes").write_text(f"{os.getpid()} {child.pid}")
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(300)
    (checkpoint / "resume.json").unlink()
    emit("done", checkpoint=str(checkpoint), epochs=4, seconds=1.0, report=REPORT)


def evaluate(options):
    assert (Path(options["--checkpoint"]) / "config.json").exists()
    if "--events" in options:
        for step in (1, 2):
            emit("progress", stage="embed", step=step, steps=2)
            time.sleep(float(os.environ.get("EMBED_SECONDS", 0)))
    if found := os.environ.get("ACCURACY"):
        REPORT["strong"]["accuracy"]["mean"] = float(found)
    print(json.dumps(REPORT))


def report(options):
    header, *rows = Path(options["--labels"]).read_text().splitlines()
    assert header == "name,identity,expression,split"
    if "--faces" in options:
        assert (Path(options["--checkpoint"]) / "config.json").exists()
        assert {row.split(",")[0] for row in rows} == {
            path.name for path in Path(options["--faces"]).iterdir()
        }
    for step in (1, 2):
        emit("progress", stage="report", step=step, steps=2)
        time.sleep(float(os.environ.get("EMBED_SECONDS", 0)))
    print(Path(os.environ["FIGURES"]).read_text())


def embed(options):
    if "--images" in options:
        names = sorted(path.name for path in Path(options["--images"]).iterdir())
        for step in range(1, len(names) + 1):
            emit("progress", stage="embed", step=step, steps=len(names))
            time.sleep(float(os.environ.get("EMBED_SECONDS", 0)))
    else:
        with (Path(options["--snapshot"]) / "faces.csv").open(newline="", encoding="utf-8") as file:
            names = [row["face"] for row in csv.DictReader(file)]
    output = Path(options["--output"])
    vectors = np.zeros((len(names), 16), dtype=np.float32)
    vectors[:, 0] = np.arange(len(names))
    np.save(output, vectors)
    output.with_name(f"{output.name}.names.txt").write_text("".join(f"{name}\n" for name in names))


JUDGEMENT = {
    "split": "val", "pairs": 24, "nearer_to_expression": {"share": 0.95, "standard_error": 0.02},
    "nearer_to_identity": {"share": 0.91, "standard_error": 0.03},
}  # fmt: skip


def manipulate_train(options):
    """Two epochs of ten steps; going on where it was broken off."""
    output = Path(options["--output"])
    output.mkdir(parents=True, exist_ok=True)
    assert (Path(options["--checkpoint"]) / "config.json").exists()
    emit("start", faces=24, train_faces=16, val_faces=8, device="cpu", environment={}, notes=[])
    emit("stage", stage="train", steps=20)
    resume = output / "resume.json"
    first = json.loads(resume.read_text())["epoch"] if resume.exists() else 0
    with (output.parent / "epochs").open("a") as file:
        file.write(f"{first}\n")
    for epoch in range(first, 2):
        time.sleep(float(os.environ.get("EPOCH_SECONDS", 0)))
        step = 10 * (epoch + 1)
        emit("progress", stage="train", step=step, steps=20, loss=1 / step, rate=1e-3, images_per_second=9.5)
        write_tensors(output / "generator.safetensors", {"weight": [2]})
        (output / "manipulator.json").write_text(json.dumps({"format": 1, "generator": {"size": 64}}))
        write_tensors(output / f"resume-{epoch + 1}.safetensors", {"weight": [2]})
        resume.write_text(json.dumps({"epoch": epoch + 1, "file": f"resume-{epoch + 1}.safetensors"}))
        emit("epoch", stage="train", epoch=epoch + 1, epochs=2, step=step, loss=1 / step, report=JUDGEMENT)
        killed = output.parent / "killed"
        if os.environ.get("KILLED_AT") == str(epoch + 1) and not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    resume.unlink()
    emit("done", manipulator=str(output), epochs=2, seconds=1.0, report=JUDGEMENT)


def manipulate_judge(options):
    assert (Path(options["--manipulator"]) / "manipulator.json").exists()
    print(json.dumps(JUDGEMENT))


def main():
    command, *arguments = sys.argv[1:]
    if command == "manipulate":
        command = f"manipulate {arguments.pop(0)}"
    print(f"{command} begins\r{command} goes on", file=sys.stderr)
    failing, _, how = os.environ.get("FAIL", "").partition(":")
    if failing == command and how == "said":
        emit("failed", reason="the snapshot is torn")
        sys.exit("error: the snapshot is torn")
    if failing == command and how == "trace":
        raise RuntimeError("out of memory")
    if failing == command and how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    options = dict(itertools.pairwise(arguments))
    deeds = {
        "train": train, "evaluate": evaluate, "embed": embed, "report": report,
        "manipulate train": manipulate_train, "manipulate judge": manipulate_judge,
    }  # fmt: skip
    deeds[command](options)


main()
