"""A run from faces to a manipulator's folder: files, events, going on after a break, refusals."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from model.checkpoint import load_tensors
from model.errors import CheckpointError, ImagesError, TrainingError
from model.events import Events
from model.inference import Embedder
from model.manipulation.config import Weights
from model.manipulation.files import GENERATOR, STATE, load_manipulator, read_about
from model.manipulation.guide import load_guide
from model.manipulation.labelled import labelled_snapshot, split_by_people
from model.manipulation.run import ManipulationJob, run_manipulation
from model.manipulation.trainer import ManipulationTrainer
from model.snapshot import SPLITS, read_snapshot
from tests.model.manipulation.conftest import CPU, tiny, write_dln


class _Interrupted(Exception):
    pass


class _Breaking(Events):
    """Stops the run in the epoch after this one."""

    def __init__(self, path, epoch):
        super().__init__(path)
        self._epoch = epoch
        self._reached = 0

    def emit(self, event, **values):
        super().emit(event, **values)
        self._reached = values.get("epoch", self._reached)

    def progress(self, *arguments):
        if self._reached == self._epoch:
            raise _Interrupted
        super().progress(*arguments)


def test_an_interrupted_run_goes_on_to_the_same_weights(dln, drawn, manipulator_folder, tmp_path):
    job = ManipulationJob(dln, tmp_path / "m", tiny(), snapshot=drawn, device="cpu")
    with _Breaking(tmp_path / "events", epoch=1) as events, pytest.raises(_Interrupted):
        run_manipulation(job, events)
    assert read_about(job.output).epoch == 1
    assert (job.output / STATE).exists()
    with Events(silent=True) as events:
        with pytest.raises(CheckpointError, match="holds a manipulator"):
            run_manipulation(job, events)
        with pytest.raises(CheckpointError, match="other training"):
            run_manipulation(replace(job, config=tiny(rate=1e-3), resume=True), events)
        with pytest.raises(CheckpointError, match="other embedding"):
            other = write_dln(tmp_path / "other", seed=1)
            run_manipulation(replace(job, checkpoint=other, resume=True), events)
    with Events(tmp_path / "events") as events:
        report = run_manipulation(replace(job, resume=True), events)
    whole, resumed = (load_tensors(folder / GENERATOR) for folder in (manipulator_folder, job.output))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert report == read_about(job.output).report == read_about(manipulator_folder).report
    assert sorted(path.name for path in job.output.iterdir()) == [GENERATOR, "manipulator.json"]
    with Events(silent=True) as events, pytest.raises(CheckpointError, match="is finished"):
        run_manipulation(replace(job, resume=True), events)

    said = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    assert [event["stage"] for event in said if event["event"] == "stage"] == 2 * ["crops", "embed", "train"]
    start, done = said[0], said[-1]
    assert (start["event"], start["people"], start["val_faces"]) == ("start", 15, 30)
    assert (done["event"], done["epochs"], done["report"]) == ("done", 2, report)
    epochs = [event for event in said if event["event"] == "epoch"]
    assert [(event["epoch"], event["step"]) for event in epochs] == [(1, 4), (2, 8)]
    assert set(epochs[0]["terms"]) >= {"adversarial", "embedding", "pair", "discriminator", "reader"}
    assert 0 <= report["nearer_to_expression"]["share"] <= 1


def test_a_manipulator_says_where_it_comes_from(dln, drawn, manipulator_folder):
    generator, about = load_manipulator(manipulator_folder)
    assert not generator.training
    assert about.embedding["digest"] == Embedder.load(dln, "cpu").digest
    assert about.snapshot["sha256"] == read_snapshot(drawn).sha256
    assert about.training["steps"] == 8
    assert (about.epoch, about.epochs) == (2, 2)


def test_torn_and_foreign_folders_are_refused(manipulator_folder, tmp_path):
    with pytest.raises(CheckpointError, match="holds no manipulator"):
        load_manipulator(tmp_path)
    shutil.copytree(manipulator_folder, tmp_path / "m")
    about = tmp_path / "m" / "manipulator.json"
    about.write_text(about.read_text().replace('"width": 16', '"width": 24'))
    with pytest.raises(CheckpointError, match="do not fit"):
        load_manipulator(tmp_path / "m")
    about.write_text(about.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(CheckpointError, match="format 2"):
        load_manipulator(tmp_path / "m")
    about.write_text("{")
    with pytest.raises(CheckpointError, match="not a manipulator's description"):
        load_manipulator(tmp_path / "m")


def test_it_overfits_a_handful(dln, faces, sights):
    """Two people, four pictures each: the made faces come as near to what is asked as the DLN can tell."""
    snapshot, crops = faces
    train = np.flatnonzero(snapshot.faces.split == SPLITS["train"])
    few = [face for person in range(2) for face in train[snapshot.faces.identity[train] == person][:4]]
    who = np.where(np.isin(np.arange(len(crops)), few), snapshot.faces.identity, -1)
    handful = replace(snapshot, faces=replace(snapshot.faces, identity=who))
    guide, _ = load_guide(dln, CPU)
    config = tiny(steps=60, faces_per_step=8, rate=2e-3, weights=Weights(embedding=4.0))
    training = ManipulationTrainer(handful, crops, sights, guide, config, CPU)
    assert training.validate() == {}, "nobody is held out"
    first = training.epoch(0).terms
    for epoch in range(1, training.epochs):
        last = training.epoch(epoch).terms
    assert last["embedding"] < 0.6 * first["embedding"]


def labelled(folder, drawn, **blank):
    folder.mkdir()
    snapshot = read_snapshot(drawn)
    rows = []
    for key, crop, code, split in zip(
        snapshot.faces.keys, snapshot.faces.crops, snapshot.faces.identity, snapshot.faces.split, strict=True
    ):
        name = f"{key.split(':')[1]}.jpg"
        (folder / name).hardlink_to(drawn / crop)
        row = {"image": name, "identity": snapshot.faces.identities[code], "expression": key[-1]}
        rows.append(row | {"split": "val" if split else ""} | blank)
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder


def test_a_folder_with_labels_is_as_good_as_a_snapshot(dln, drawn, manipulator_folder, tmp_path):
    folder = labelled(tmp_path / "faces", drawn)
    job = ManipulationJob(
        dln, tmp_path / "m", tiny(), faces=folder, labels=folder / "labels.csv", device="cpu"
    )
    with Events(silent=True) as events:
        run_manipulation(job, events)
    whole, made = (load_tensors(f / GENERATOR) for f in (manipulator_folder, job.output))
    assert all(torch.equal(whole[name], made[name]) for name in whole)
    (folder / "p3-1.jpg").unlink()
    with pytest.raises(ImagesError, match=r"p3-1.jpg: cannot be read"):
        labelled_snapshot(folder, folder / "labels.csv")
    with Events(silent=True) as events, pytest.raises(ImagesError, match=r"--snapshot.*--faces.*--labels"):
        run_manipulation(replace(job, output=tmp_path / "n", labels=None), events)


def test_nobody_is_both_learnt_from_and_held_out(drawn, drawn_without_val):
    snapshot = read_snapshot(drawn)
    split = snapshot.faces.split.copy()
    split[0] = SPLITS["val"]  # one picture of the first person
    mixed = replace(snapshot, faces=replace(snapshot.faces, split=split))
    whole, names, notes = split_by_people(mixed, 0.2, 0)
    assert names == ()
    assert "1 identities have pictures of both splits" in notes[0]
    assert (whole.faces.split[snapshot.faces.identity == snapshot.faces.identity[0]] == SPLITS["val"]).all()
    whole, names, notes = split_by_people(read_snapshot(drawn_without_val), 0.2, 0)
    assert len(names) == 4
    assert "4 of 20 identities are held out" in notes[0]


def test_what_cannot_be_is_said_before_anything_is_written(drawn, tmp_path):
    fecnet = write_dln(tmp_path / "fecnet", method="fecnet")
    job = ManipulationJob(fecnet, tmp_path / "m", tiny(), snapshot=drawn, device="cpu")
    with Events(silent=True) as events:
        with pytest.raises(CheckpointError, match="holds a fecnet: manipulation takes a DLN"):
            run_manipulation(job, events)
        with pytest.raises(TrainingError, match="multiple of 16, from 32 to 512"):
            run_manipulation(replace(job, config=tiny(size=40)), events)
        with pytest.raises(TrainingError, match="width of 24"):
            run_manipulation(replace(job, config=tiny(width=24)), events)
    assert not job.output.exists()
