"""The command line from a snapshot folder to embeddings, and its one-line errors.

Training and one evaluation run as processes; the rest calls main, since loading torch takes longer.
"""

import contextlib
import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from model.cli import main

ROOT = Path(__file__).parents[2]
LONDON = ROOT.parent / "shared" / "data" / "london"
TRAIN = ["--size", "32", "--epochs", "2", "--identity-epochs", "1", "--device", "cpu"]
KINDS = {"ONE_CLASS_TRIPLET", "TWO_CLASS_TRIPLET", "THREE_CLASS_TRIPLET"}


def process(*arguments):
    command = [sys.executable, "-m", "model", *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, check=False)


def model(*arguments):
    """What `process` gives, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as exit_:
            status = exit_.code
    return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def trained(drawn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    events = folder / "events.jsonl"
    done = process("train", "--snapshot", drawn, "--output", folder / "c", *TRAIN, "--events", events)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "train: 100%" in done.stderr
    return folder / "c", [json.loads(line) for line in events.read_text().splitlines()]


def test_events_of_a_run(trained):
    _, events = trained
    kinds = [event["event"] for event in events]
    assert kinds[0] == "start"
    assert kinds[-1] == "done"
    assert [event["stage"] for event in events if event["event"] == "stage"] == [
        "crops",
        "identity",
        "identity_vectors",
        "train",
    ]
    assert all(isinstance(event["time"], float) for event in events)
    last = [event for event in events if event["event"] == "progress" and event["stage"] == "train"][-1]
    assert last["step"] == last["steps"]
    assert last["images_per_second"] > 0
    assert last["loss"] > 0
    assert 0 < last["rate"] < 1e-3, "it falls along a cosine"
    assert last["gpu"] is None
    epochs = [event for event in events if event["event"] == "epoch" and event["stage"] == "train"]
    assert [event["epoch"] for event in epochs] == [1, 2]
    assert [event["step"] for event in epochs] == [last["steps"] // 2, last["steps"]]
    assert events[-1]["report"] == epochs[-1]["report"]
    assert events[-1]["checkpoint"]


def test_evaluate_prints_the_same_accuracy(trained, drawn):
    checkpoint, events = trained
    done = process("evaluate", "--checkpoint", checkpoint, "--snapshot", drawn)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report == events[-1]["report"]
    assert list(report) == ["split", "strong", "weak", "tournament"]
    assert set(report["strong"]["accuracy"]) == KINDS | {"mean"}
    assert set(report["strong"]["counts"]) == KINDS | {"all"}
    assert 0 <= report["strong"]["accuracy"]["mean"] <= 1
    train = json.loads(
        model("evaluate", "--checkpoint", checkpoint, "--snapshot", drawn, "--split", "train").stdout
    )
    assert train["split"] == "train"
    assert train["strong"]["counts"]["all"] > report["strong"]["counts"]["all"]


def test_evaluate_takes_a_checkpoint_or_a_floor(trained, drawn):
    done = model("evaluate", "--floor", "pixels", "--snapshot", drawn)
    assert done.returncode == 0, done.stderr
    report, of_checkpoint = json.loads(done.stdout), trained[1][-1]["report"]
    assert list(report) == list(of_checkpoint)
    assert report["strong"]["counts"] == of_checkpoint["strong"]["counts"]
    assert report["strong"]["accuracy"] != of_checkpoint["strong"]["accuracy"]
    for wrong, message in (
        ([], "one of the arguments --checkpoint --floor --shapes is required"),
        (["--floor", "hog", "--checkpoint", trained[0]], "not allowed with argument"),
        (["--floor", "chance"], "invalid choice: 'chance'"),
    ):
        done = model("evaluate", "--snapshot", drawn, *wrong)
        assert done.returncode == 2
        assert message in done.stderr


def test_embeddings_in_four_formats(trained, drawn, tmp_path):
    checkpoint, _ = trained
    for suffix in ("npz", "npy", "csv", "parquet"):
        output = tmp_path / f"faces.{suffix}"
        done = model("embed", "--checkpoint", checkpoint, "--snapshot", drawn, "--output", output)
        assert done.returncode == 0, done.stderr
    whole = np.load(tmp_path / "faces.npz")
    assert whole["embeddings"].shape == (120, 16)
    assert whole["embeddings"].dtype == np.float32
    assert whole["names"][0] == "drawn:p0-0"
    assert np.array_equal(np.load(tmp_path / "faces.npy"), whole["embeddings"])
    assert (tmp_path / "faces.npy.names.txt").read_text().splitlines() == whole["names"].tolist()
    with (tmp_path / "faces.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["name", *(f"e{number}" for number in range(16))]
    assert [row[0] for row in rows[1:]] == whole["names"].tolist()
    assert np.allclose(np.array([row[1:] for row in rows[1:]], dtype=float), whole["embeddings"], atol=1e-5)
    table = parquet.read_table(tmp_path / "faces.parquet")
    assert table["name"].to_pylist() == whole["names"].tolist()
    assert np.array_equal(table["embedding"].to_numpy().tolist(), whole["embeddings"])
    assert {path.name for path in tmp_path.iterdir()} == {
        "faces.npz", "faces.npy", "faces.npy.names.txt", "faces.csv", "faces.parquet",
    }  # fmt: skip


def test_embedding_goes_on_where_it_was_interrupted(trained, drawn, tmp_path):
    """600 pictures are two parts; the last of the second is put right between the calls."""
    checkpoint, _ = trained
    pictures, output = tmp_path / "pictures", tmp_path / "e.npz"
    pictures.mkdir()
    crops = sorted((drawn / "crops").iterdir())
    for number in range(600):
        (pictures / f"{number:03}.jpg").hardlink_to(crops[number % 120])
    (pictures / "599.jpg").unlink()
    (pictures / "599.jpg").write_bytes(b"torn")
    embed = ("embed", "--checkpoint", checkpoint, "--images", pictures, "--output", output)
    done = model(*embed)
    assert done.returncode == 1
    kept = f"512 pictures are embedded already and kept in {tmp_path / '.e.npz.parts'}"
    assert kept in done.stderr.splitlines()[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".e.npz.parts", "pictures"]
    (pictures / "599.jpg").unlink()
    (pictures / "599.jpg").hardlink_to(crops[0])
    done = model(*embed)
    assert done.returncode == 0, done.stderr
    assert "512/600" in next(state for state in done.stderr.splitlines() if state)
    found = np.load(output)
    assert found["names"].tolist() == [f"{number:03}.jpg" for number in range(600)]
    for number in range(120, 599):
        assert np.allclose(found["embeddings"][number], found["embeddings"][number % 120], atol=1e-5)
    assert np.allclose(found["embeddings"][599], found["embeddings"][0], atol=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["e.npz", "pictures"]


def test_unreadable_pictures_are_passed_over_and_listed(trained, drawn, tmp_path):
    checkpoint, _ = trained
    pictures, output = tmp_path / "pictures", tmp_path / "e.npz"
    pictures.mkdir()
    (pictures / "good.jpg").write_bytes((drawn / "crops" / "p0-0.jpg").read_bytes())
    (pictures / "bad.jpg").write_bytes(b"")
    done = model(
        "embed", "--checkpoint", checkpoint, "--images", pictures, "--output", output, "--skip-unreadable"
    )
    assert done.returncode == 0, done.stderr
    assert np.load(output)["names"].tolist() == ["good.jpg"]
    [skipped] = [line for line in done.stderr.splitlines() if line.startswith("skipped: ")]
    assert f"{pictures / 'bad.jpg'}: not a readable picture" in skipped


def test_embedding_and_measuring_say_how_far_they_are(trained, drawn, tmp_path):
    checkpoint = ("--checkpoint", trained[0], "--snapshot", drawn, "--events", "-")
    for command in (("embed", "--output", tmp_path / "e.npy"), ("evaluate",)):
        done = model(*command, *checkpoint)
        assert done.returncode == 0, done.stderr
        said = [json.loads(line) for line in done.stdout.splitlines()]
        told = [event for event in said if event.get("event") == "progress"]
        assert (told[-1]["stage"], told[-1]["step"], told[-1]["steps"]) == ("embed", 120, 120)
        # What else it prints comes last.
        assert ("strong" in said[-1]) == (command == ("evaluate",))


def test_a_folder_of_crops_embeds_as_the_snapshot_does(trained, drawn, tmp_path):
    checkpoint, _ = trained
    for source, output in ((["--snapshot", drawn], "a.npz"), (["--images", drawn / "crops"], "b.npz")):
        assert (
            model("embed", "--checkpoint", checkpoint, *source, "--output", tmp_path / output).returncode == 0
        )
    faces, files = np.load(tmp_path / "a.npz"), np.load(tmp_path / "b.npz")
    by_name = dict(zip(files["names"], files["embeddings"], strict=True))
    for name, vector in zip(faces["names"], faces["embeddings"], strict=True):
        assert np.allclose(by_name[name.removeprefix("drawn:") + ".jpg"], vector, atol=1e-5)


@pytest.mark.skipif(not LONDON.exists(), reason="the London photographs are not beside this checkout")
def test_photographs_are_aligned_first(trained, tmp_path):
    checkpoint, _ = trained
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for name in ("001_neutral.jpg", "002_happiness.jpg"):
        (photographs / name).write_bytes((LONDON / name).read_bytes())
    output = tmp_path / "e.npz"
    embed = ("embed", "--checkpoint", checkpoint, "--images", photographs, "--output", output)
    assert model(*embed, "--align").returncode == 0
    aligned = np.load(output)
    assert aligned["names"].tolist() == ["001_neutral.jpg", "002_happiness.jpg"]
    assert model(*embed).returncode == 0
    assert not np.allclose(np.load(output)["embeddings"], aligned["embeddings"], atol=1e-3)


def test_pretrained_identity_weights_are_used(drawn, tmp_path):
    weights, output = tmp_path / "identity", tmp_path / "c"
    done = model("pretrain-identity", "--snapshot", drawn, "--output", weights, *TRAIN[:2], *TRAIN[4:])
    assert done.returncode == 0, done.stderr
    report = json.loads((weights / "identity.json").read_text())["report"]
    assert (report["people"], report["faces"]) == (15, 90)
    train = ["train", "--snapshot", drawn, "--output", output, *TRAIN, "--identity-weights", weights]
    done = model(*train)
    assert done.returncode == 0, done.stderr
    assert '"stage": "identity"' not in done.stdout
    assert (output / "identity.safetensors").read_bytes() == (weights / "identity.safetensors").read_bytes()


@pytest.mark.parametrize("command", ["", "train", "evaluate", "embed", "export-onnx", "pretrain-identity"])
def test_help(command):
    done = model(*command.split(), "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: python -m model")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train --snapshot {empty} --output {output}", "is no snapshot"),
        ("train --snapshot {drawn} --output {checkpoint} --size 32", "holds a checkpoint"),
        (
            "train --snapshot {drawn} --output {output} --backbone facenet --size 80",
            "20180402-114759-vggface2.pt",
        ),
        ("train --snapshot {drawn} --output {output} --device abacus", "is no device"),
        ("evaluate --checkpoint {empty} --snapshot {drawn}", "is no checkpoint"),
        ("embed --checkpoint {checkpoint} --images {empty} --output e.npz", "no pictures"),
        ("embed --checkpoint {checkpoint} --images {empty} --output e.txt", "its suffix is none of"),
        ("embed --checkpoint {checkpoint} --images {bad} --output e.npz", "not a readable picture"),
        ("embed --checkpoint {checkpoint} --snapshot {drawn} --output {empty}/no/e.npz", "no such folder"),
        ("evaluate --floor hog --snapshot {empty}", "is no snapshot"),
        ("export-onnx --checkpoint {empty} --output {empty}/e.onnx", "is no checkpoint"),
    ],
)
def test_errors_are_one_line_and_a_status(trained, drawn, tmp_path, monkeypatch, arguments, message):
    def no_network(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("model.facenet_weights.urlopen", no_network)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("empty", "bad"):
        (tmp_path / name).mkdir()
    (tmp_path / "bad" / "face.jpg").write_bytes(b"")
    places = {"empty": tmp_path / "empty", "bad": tmp_path / "bad", "output": tmp_path / "out"}
    places |= {"drawn": drawn, "checkpoint": trained[0]}
    done = model(*(part.format(**places) for part in arguments.split()))
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last
    if arguments.startswith("train"):
        failed = json.loads(done.stdout.splitlines()[-1])
        assert (failed["event"], "error: " + failed["reason"]) == ("failed", last)


def test_missing_arguments():
    done = model("train", "--snapshot", "somewhere")
    assert done.returncode == 2
    assert "--output" in done.stderr
