"""The expression classifier: it learns labels, its vectors have length 1, it is evaluated as others are."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from model.accuracy import report
from model.checkpoint import load_checkpoint
from model.cli import main
from model.errors import TrainingError
from model.inference import Embedder, embed_snapshot
from model.snapshot import read_snapshot
from tests.model.test_training import QUICK, run

LABELS = dataclasses.replace(QUICK.identity, epochs=15, faces_per_step=16)
CONFIG = dataclasses.replace(QUICK, method="classifier", epochs=None, identity=LABELS)


@pytest.fixture(scope="module")
def trained(drawn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("classifier") / "out"
    return folder, run(drawn, folder, CONFIG)


def test_it_tells_expressions_apart_on_new_people(drawn, trained):
    folder, found = trained
    snapshot, embedder = read_snapshot(drawn), Embedder.load(folder, "cpu")
    embeddings = embed_snapshot(embedder, snapshot)
    assert embeddings.shape == (len(snapshot.faces.keys), 512)
    assert np.allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    assert report(snapshot, embeddings, "val") == found
    assert found["strong"]["accuracy"]["mean"] > 0.5
    lines = [json.loads(line) for line in folder.with_suffix(".events").read_text().splitlines()]
    losses = [line["loss"] for line in lines if line["event"] == "epoch" and line["stage"] == "train"]
    assert losses[-1] < losses[0]


def test_evaluate_takes_it_as_it_takes_any_checkpoint(drawn, trained, capsys):
    folder, found = trained
    assert main(["evaluate", "--checkpoint", str(folder), "--snapshot", str(drawn), "--device", "cpu"]) == 0
    assert json.loads(capsys.readouterr().out) == found


def test_the_checkpoint_has_no_crowd_layer_and_nothing_to_train(trained):
    network, crowd, description = load_checkpoint(trained[0])
    assert crowd is None
    assert description.network.method == "classifier"
    network.train()
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not network.backbone.training
    assert torch.isfinite(network(torch.zeros(1, 3, 32, 32))).all()


def test_without_expressions_there_is_nothing_to_learn(bare_snapshot, tmp_path):
    with pytest.raises(TrainingError, match="no two expressions"):
        run(bare_snapshot, tmp_path / "out", CONFIG)
