"""The whole network on the rendered development set: better than a linear fit of its pixels on new people."""

import json

import numpy as np
import pytest

from model.events import Events
from model.identity import IdentityConfig
from model.run import Job, run_training
from model.snapshot import read_snapshot
from model.training import TrainConfig
from tests.model import ictfec
from tests.model.test_alignment import LONDON

SOURCE = LONDON.parent / "ictfec"
RIDGE_ON_PIXELS = 0.42

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not SOURCE.exists(), reason="the ictfec data set is not beside this checkout"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return ictfec.build(SOURCE, tmp_path_factory.mktemp("ictfec") / "snapshot")


def test_the_snapshot_holds_every_face_and_every_triplet_with_a_majority(folder):
    snapshot = read_snapshot(folder)
    assert len(snapshot.faces.keys) == 2400
    assert (snapshot.faces.split == 1).sum() == 480
    assert len(snapshot.triplets_of("val")) == round(4000 * 0.958)
    assert len(snapshot.answers.annotators) == 43
    strong = snapshot.triplets.strength[snapshot.triplets_of("val")] == 2
    assert strong.sum() == round(4000 * 0.88)
    by_annotator = {
        int(who): float(w) for who, w in zip(snapshot.answers.annotator, snapshot.answers.weight, strict=True)
    }
    weights = np.array(list(by_annotator.values()))
    assert (weights.min(), np.median(weights), weights.max()) == pytest.approx(
        (0.687, 0.845, 0.913), abs=0.005
    )


def test_new_people_are_ordered_better_than_by_ridge_regression_on_pixels(folder, tmp_path):
    config = TrainConfig(epochs=8, identity=IdentityConfig(epochs=6))
    with Events(tmp_path / "events.jsonl") as events:
        report = run_training(Job(folder, tmp_path / "checkpoint", config, device="cpu"), events)
    print(json.dumps(report))
    assert report["strong"]["accuracy"]["mean"] > RIDGE_ON_PIXELS
