"""The whole report, by Python and by the command line: from files of embeddings, labels and triplets."""

import contextlib
import csv
import io
import json
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from model.accuracy import report_of
from model.build import build_network
from model.checkpoint import Description, save_checkpoint
from model.cli import main
from model.embedding_files import write_embeddings
from model.evaluation.faces import LabelledFaces
from model.evaluation.report import ReportSettings, report
from model.evaluation.triplets import read_triplets
from model.labels import Labels
from model.network import NetworkConfig
from tests.model.evaluation.labelled import drawn_faces

QUICK = ReportSettings(resamples=50)


def command(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as exit_:
            status = exit_.code
    return SimpleNamespace(status=status, out=out.getvalue(), err=err.getvalue())


@pytest.fixture
def files(tmp_path):
    """Embeddings, labels and 60 triplets of 96 faces, of which the last 4 people of 12 are val."""
    faces = drawn_faces(people=12, val=4)
    labels = faces.labels
    write_embeddings(tmp_path / "e.npz", labels.names, faces.embeddings)
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["name", "identity", "expression", "split"])
        for name, who, shown, split in zip(
            labels.names, labels.identity, labels.expression, labels.split, strict=True
        ):
            rows.writerow([name, f"p{who:02}", f"e{shown}", ("train", "val")[split]])
    rng = np.random.default_rng(0)
    with (tmp_path / "triplets.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["anchor", "positive", "negative", "kind", "strength", "source"])
        for number in range(60):
            three = [labels.names[face] for face in 64 + rng.choice(32, 3, replace=False)]
            kind = ("ONE_CLASS_TRIPLET", "TWO_CLASS_TRIPLET", "")[number % 3]
            rows.writerow([*three, kind, ("strong", "weak")[number % 2], ("", "direct")[number % 10 == 0]])
        rows.writerow([labels.names[0], labels.names[1], labels.names[70], "", "", ""])
    return tmp_path, faces


def asked(folder, *more):
    return command(
        "report",
        "--embeddings",
        folder / "e.npz",
        "--labels",
        folder / "labels.csv",
        "--resamples",
        50,
        *more,
    )


def test_from_files_by_the_command_line(files):
    folder, faces = files
    more = (
        "--triplets",
        folder / "triplets.csv",
        "--k",
        1,
        20,
        "--events",
        "-",
        "--markdown",
        folder / "r.md",
    )
    done = asked(folder, *more)
    assert (done.status, done.err.count("error")) == (0, 0)
    *told, last = [json.loads(line) for line in done.out.splitlines()]
    assert [(event["stage"], event["step"]) for event in told if event["event"] == "progress"][-1] == (
        "measure",
        5,
    )
    assert set(last) == {
        "triplet_accuracy", "average_variance", "identity_leakage", "silhouette", "knn", "retrained",
        "settings", "notes",
    }  # fmt: skip
    settings = last["settings"]
    assert (settings["split"], settings["faces"], settings["people"], settings["bootstrap"]) == (
        "val", 32, 4, "people",
    )  # fmt: skip
    assert (last["knn"]["gallery"], last["knn"]["gallery_faces"], last["knn"]["faces"]) == ("train", 64, 32)
    assert list(last["knn"]["k"]) == ["1", "20"]
    assert last["knn"]["k"]["20"]["classes"] == ["e0", "e1", "e2", "e3"]
    assert list(last["average_variance"]["classes"]) == ["e0", "e1", "e2", "e3"]
    triplets = read_triplets(folder / "triplets.csv", faces.labels.names)
    plain = report_of(triplets, faces.embeddings, np.arange(60))
    for strength in ("strong", "weak"):
        told_of = last["triplet_accuracy"][strength]
        assert told_of["counts"] == plain[strength]["counts"]
        values = {kind: one and one["value"] for kind, one in told_of["accuracy"].items()}
        assert values == plain[strength]["accuracy"]
    assert last["triplet_accuracy"]["tournament"]["count"] == plain["tournament"]["count"] == 6
    text = (folder / "r.md").read_text()
    assert f"{100 * last['knn']['k']['20']['accuracy']['value']:.1f} (" in text
    for title in ("Triplet accuracy", "Average variance", "Identity leakage", "Silhouette", "recognition"):
        assert f"## {title}" in text or title in text


def test_equal_seeds_give_equal_reports(files):
    folder, _ = files
    assert asked(folder).out == asked(folder).out
    assert asked(folder).out != asked(folder, "--seed", 1).out


def test_without_train_faces_other_people_vote():
    faces = drawn_faces(people=12, val=4)
    found = report(faces, ReportSettings(gallery="others", ks=(1, 24, 25), resamples=50))
    assert (found["knn"]["gallery"], found["knn"]["gallery_faces"]) == ("others", 32)
    assert list(found["knn"]["k"]) == ["1", "24"]
    assert "knn: a face has fewer than 25 neighbours of other people, so k = 25 is left out" in found["notes"]
    assert report(drawn_faces(), QUICK)["settings"]["split"] == "all"


def test_faces_of_nobody_known_are_resampled_one_by_one():
    faces = drawn_faces()
    blank = [""] * 64
    shown = [f"e{code}" for code in faces.labels.expression]
    found = report(
        LabelledFaces(faces.embeddings, Labels.of_texts(faces.labels.names, blank, shown, blank)), QUICK
    )
    assert found["settings"]["bootstrap"] == "faces"
    assert found["identity_leakage"] is None
    assert found["silhouette"]["identity"] is None
    assert found["knn"]["k"]["50"]["faces"] == 64
    assert "identity_leakage: no person is known by two faces" in found["notes"]


def test_what_labels_do_not_give_is_none_and_said():
    faces = drawn_faces()
    blank = [""] * 64
    found = report(
        LabelledFaces(faces.embeddings, Labels.of_texts(faces.labels.names, blank, blank, blank)), QUICK
    )
    assert [found[name] for name in ("triplet_accuracy", "average_variance", "identity_leakage", "knn")] == [
        None
    ] * 4
    assert found["silhouette"] == {"expression": None, "identity": None}
    assert len(found["notes"]) == 5


def test_of_many_faces_some_ask(files):
    folder, _ = files
    found = json.loads(asked(folder, "--queries", 10).out)
    assert found["knn"]["faces"] == 10
    assert "10 of 32 faces, drawn at random, ask for their neighbours" in found["notes"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--labels", "{folder}/no.csv"], "no.csv: no such file"),
        (["--triplets", "{folder}/labels.csv"], "no column 'anchor'"),
        (["--markdown", "{folder}/no/r.md"], "no such folder"),
    ],
)
def test_errors_are_one_line(files, more, message):
    folder, _ = files
    done = asked(folder, *(part.format(folder=folder) for part in more))
    assert done.status == 1
    assert done.err.splitlines()[-1].startswith("error: ")
    assert message in done.err
    assert done.out == ""


def test_arguments_that_do_not_go_together(files):
    folder, _ = files
    stored = ("report", "--embeddings", folder / "e.npz")
    for arguments, message in (
        (["report"], "one of the arguments --checkpoint --floor --embeddings is required"),
        ([*stored, "--checkpoint", folder], "not allowed with"),
        ([*stored, "--labels", folder / "labels.csv", "--k", "0"], "must be at least 1"),
    ):
        done = command(*arguments)
        assert done.status == 2
        assert message in done.err
    assert "--labels CSV" in command(*stored).err
    (folder / "other.csv").write_text("name,identity\nx,y\n")
    done = command(*stored, "--labels", folder / "other.csv")
    assert "no name of the labels is one of the embeddings': 'x', '0.jpg'" in done.err


def test_of_a_checkpoint_its_identity_branch_and_a_floor(drawn, tmp_path):
    """The same people's pictures as a snapshot and as a folder; V_id tells the drawn people apart."""
    save_checkpoint(tmp_path / "c", network_of("dln"), None, Description(NetworkConfig(size=32)))
    quick = ("--resamples", 20, "--k", 1, 5, "--device", "cpu")
    checkpoint = ("--checkpoint", tmp_path / "c")
    found = {}
    for what, how in (
        ("whole", (*checkpoint, "--leave-out", "m0", "m1")),
        ("branch", (*checkpoint, "--identity-branch")),
        ("floor", ("--floor", "pixels")),
    ):
        done = command("report", *how, "--snapshot", drawn, *quick)
        assert done.status == 0, done.err
        found[what] = json.loads(done.out)
    assert [one["settings"]["dimensions"] for one in found.values()] == [16, 512, 3072]
    assert [one["settings"]["faces"] for one in found.values()] == [30] * 3
    assert found["branch"]["settings"]["embedding"] == "dln of c (identity branch alone)"
    assert [one["settings"]["faces_with_expression"] for one in found.values()] == [20, 30, 30]
    assert found["floor"]["triplet_accuracy"]["strong"]["counts"]["all"] > 20
    with (drawn / "faces.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image", "identity", "class", "split"])
        table.writerows([row[name] for name in ("crop", "identity", "expression", "split")] for row in rows)
    faces = ("--faces", drawn, "--labels", tmp_path / "labels.csv")
    done = command("report", *checkpoint, "--identity-branch", *faces, *quick)
    again = json.loads(done.out)
    assert again["triplet_accuracy"] is None
    for measure in ("identity_leakage", "knn", "average_variance"):
        assert again[measure] == found["branch"][measure]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--checkpoint {c}", "which faces?"),
        ("--checkpoint {c} --faces {c}", "--labels CSV"),
        ("--checkpoint {c} --dataset rafd", "--root DIR"),
        ("--checkpoint {c} --dataset rafd --root {c}", "asked for at https://rafd.socsci.ru.nl"),
        ("--checkpoint {f} --identity-branch --snapshot {s}", "fecnet has no identity branch"),
        ("--floor pixels --snapshot {s} --leave-out boredom", "no face has the expression 'boredom'"),
    ],
)
def test_what_is_missing_is_said(drawn, tmp_path, arguments, message):
    for name, method in (("c", "dln"), ("f", "fecnet")):
        config = NetworkConfig(method=method, size=32)
        save_checkpoint(tmp_path / name, network_of(method), None, Description(config))
    done = command("report", *arguments.format(c=tmp_path / "c", f=tmp_path / "f", s=drawn).split())
    assert (done.status, done.out) == (1, "")
    assert message in done.err.splitlines()[-1]


@cache
def network_of(method):
    torch.manual_seed(0)
    return build_network(NetworkConfig(method=method, size=32))
