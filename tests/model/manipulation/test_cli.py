"""`python -m model manipulate`: the three commands one after the other, and errors of one line."""

import json

import pytest

from model.cli import main
from tests.model.manipulation.conftest import SIZE

TINY = ("--size", SIZE, "--width", 16, "--steps", 4, "--faces-per-step", 30, "--pairs", 8, "--threads", 1)


def run(*arguments):
    return main(["manipulate", *map(str, arguments)])


def test_train_apply_and_judge(dln, drawn, tmp_path, capsys):
    faces, where = ("--snapshot", drawn), ("--checkpoint", dln, "--device", "cpu")
    made = tmp_path / "m"
    assert run("train", *where, *faces, "--output", made, *TINY, "--seed", 3) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (said[0]["event"], said[-1]["event"]) == ("start", "done")
    assert json.loads((made / "manipulator.json").read_text())["training"]["seed"] == 3
    crops = drawn / "crops"
    for name in ("p15-0.jpg", "p18-5.jpg"):
        folder = tmp_path / name[:3]
        folder.mkdir()
        (folder / name).hardlink_to(crops / name)
    apply = ("apply", *where, "--manipulator", made, "--sources", tmp_path / "p15")
    assert run(*apply, "--targets", tmp_path / "p18", "--output", tmp_path / "grid.png") == 0
    assert (tmp_path / "grid.png").exists()
    capsys.readouterr()
    judged = ("--judge-size", SIZE, "--judge-steps", 1, "--judge-epochs", 1, "--pairs", 9)
    assert run("judge", *where, *faces, "--manipulator", made, *judged) == 0
    figures = json.loads(capsys.readouterr().out)
    assert {"nearer_to_expression", "nearer_to_identity", "judges", "pairs"} <= set(figures)
    assert run("train", *where, *faces, "--output", made, *TINY) == 1
    out, error = capsys.readouterr()
    assert json.loads(out.splitlines()[-1])["event"] == "failed"
    assert error.splitlines()[-1].startswith("error: ")
    assert "name another folder" in error


def test_what_is_missing_is_said_in_one_line(dln, drawn, bare_snapshot, tmp_path, capsys):
    where = ("--checkpoint", dln, "--device", "cpu", "--output", tmp_path / "m", *TINY)
    assert run("train", *where, "--snapshot", bare_snapshot) == 1
    assert "no identity has two train pictures" in capsys.readouterr().err
    assert run("train", *where) == 1
    assert "name a snapshot (--snapshot)" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run("apply", "--checkpoint", dln)
    assert "--manipulator" in capsys.readouterr().err
