"""Retraining: who is held out, and that a network learns expressions that it did not know."""

import numpy as np
import pytest
import torch

from model.build import build_network
from model.errors import LabelsError
from model.evaluation.bootstrap import Bootstrap
from model.evaluation.faces import LabelledFaces
from model.evaluation.retraining import RetrainConfig, learnt_and_held_out, retrained
from model.events import Events
from model.labels import Labels
from model.network import NetworkConfig
from model.pictures import pictures_of
from model.snapshot import read_snapshot
from tests.model.evaluation.labelled import drawn_faces


def test_nobody_is_learnt_from_and_measured():
    for faces in (drawn_faces(people=12, val=4), drawn_faces(people=12)):
        split = "val" if (faces.labels.split == 1).any() else "all"
        learn, test = learnt_and_held_out(faces, faces.measured(split), seed=3)
        people = [set(faces.groups[rows].tolist()) for rows in (learn, test)]
        assert people[0] | people[1] == set(range(12))
        assert not people[0] & people[1]
        assert len(people[1]) == (4 if split == "val" else 2)
        assert len(learn) + len(test) == 96


def test_a_network_learns_the_expressions(drawn, tmp_path):
    snapshot = read_snapshot(drawn, answers=False)
    labels = Labels.of_faces(snapshot.faces)
    faces = LabelledFaces(np.zeros((120, 16), np.float32), labels)
    torch.manual_seed(0)
    network = build_network(NetworkConfig(size=32))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with Events(tmp_path / "events") as events:
        found = retrained(
            network,
            faces,
            pictures_of(snapshot),
            faces.measured("val"),
            RetrainConfig(epochs=12, faces_per_step=30, rate=3e-3),
            Bootstrap(20),
            torch.device("cpu"),
            events,
        )
    assert (found["train_faces"], found["faces"], found["epochs"]) == (90, 30, 12)
    assert found["accuracy"]["value"] > 0.6
    assert sum(map(sum, found["confusion"])) == 30
    frozen = [name for name in before if name.startswith(network.FROZEN)]
    assert all(torch.equal(network.state_dict()[name], before[name]) for name in frozen)
    assert '"retrain"' in (tmp_path / "events").read_text()


def test_few_faces_are_learnt_from_more_often():
    assert [RetrainConfig().epochs_of(faces) for faces in (16, 1920, 3840, 100_000)] == [40, 40, 20, 10]
    assert RetrainConfig(epochs=3).epochs_of(64) == 3


def test_one_expression_is_not_enough(drawn, tmp_path):
    faces = drawn_faces(expressions=1)
    network = build_network(NetworkConfig(size=32))
    with (
        Events(tmp_path / "events") as events,
        pytest.raises(LabelsError, match="fewer than two expressions"),
    ):
        pictures = pictures_of(read_snapshot(drawn, answers=False))
        retrained(
            network,
            faces,
            pictures,
            faces.measured("all"),
            RetrainConfig(),
            Bootstrap(9),
            torch.device("cpu"),
            events,
        )
