"""Figures of a manipulator: against plain computations, and of manipulators whose figures are known."""

import numpy as np
import pytest
import torch
from torch import nn

from model.errors import CheckpointError, TrainingError
from model.events import Events
from model.inference import Embedder
from model.manipulation.judge import CropsOf, JudgeJob, figures, judge, resized
from model.manipulation.judges import JudgeConfig, Judges, load_judges, train_judges
from model.manipulation.measures import closer, share
from model.manipulation.pairs import held_out_pairs
from model.snapshot import read_snapshot
from tests.model.manipulation.conftest import CPU, SIZE


def test_share_and_its_standard_error_against_a_plain_bootstrap_of_clusters():
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(40), 25)
    held = rng.random(1000) < rng.beta(6, 2, 40)[clusters]
    found = share(held, clusters)
    assert found["share"] == pytest.approx(held.mean())
    means = held.reshape(40, 25).mean(axis=1)
    drawn = [means[rng.integers(0, 40, 40)].mean() for _ in range(4000)]
    assert found["standard_error"] == pytest.approx(np.std(drawn), rel=0.08)
    assert found["standard_error"] > 1.5 * np.sqrt(held.mean() * (1 - held.mean()) / 1000)
    assert share(held, np.zeros(1000))["standard_error"] is None


def test_closer_equals_plain_distances():
    one, other, to = torch.randn(3, 50, 7, generator=torch.Generator().manual_seed(0))
    plain = [np.linalg.norm(a - c) < np.linalg.norm(b - c) for a, b, c in zip(one, other, to, strict=True)]
    assert closer(one, other, to).tolist() == plain


class _Mouth(nn.Module):
    """Knows drawn faces' expressions: the part of the picture where the mouth is."""

    def forward(self, faces):
        part = faces[:, :, 16:30, 8:24]
        return (part - part.mean(dim=(2, 3), keepdim=True)).flatten(1)


class _Skin(nn.Module):
    """Knows drawn faces' people: their colour, between the eyes."""

    def forward(self, faces):
        return faces[:, :, 4:10, 12:20].mean(dim=(2, 3)) - 0.2


class _Copies:
    """A manipulator that gives back a picture that is there already."""

    size = SIZE

    def __init__(self, crops):
        self.crops = crops

    def manipulate(self, sources, embeddings):
        return self.crops


@pytest.mark.parametrize(("copied", "expression", "identity"), [("target", 1, 0), ("source", 0, 1)])
def test_copies_are_seen_through(faces, drawn, dln, copied, expression, identity):
    snapshot, crops = faces
    pairs = held_out_pairs(snapshot, 60, seed=0)
    judges = Judges(_Mouth(), _Skin(), {"size": SIZE}, CPU)
    manipulator = _Copies(crops[pairs[:, int(copied == "target")]])
    with Events(silent=True) as events:
        given = (CropsOf(snapshot, events), manipulator, Embedder.load(dln, "cpu"), judges)
        found = figures(snapshot, pairs, *given)
    differ = snapshot.faces.expression[pairs[:, 0]] != snapshot.faces.expression[pairs[:, 1]]
    # Where both show the same expression the target may be no nearer to itself than a like source.
    assert found["nearer_to_expression"]["share"] >= expression * differ.mean()
    assert found["nearer_to_expression"]["share"] <= expression
    assert found["nearer_to_identity"]["share"] == pytest.approx(identity, abs=0.05)
    assert found["unchanged"]["nearer_to_identity"]["share"] == pytest.approx(1, abs=0.05)
    assert found["distance_left"] == pytest.approx(1 - expression, abs=1e-4)
    assert found["pairs"] == 60


def test_judges_are_trained_once_on_the_train_split_and_kept(dln, drawn, manipulator_folder, tmp_path):
    config = JudgeConfig(size=SIZE, steps=1, epochs=1)
    job = JudgeJob(
        manipulator_folder, dln, config, snapshot=drawn, judges=tmp_path / "j", pairs=30, device="cpu"
    )
    with Events(silent=True) as events:
        found = judge(job, events)
        kept = (tmp_path / "j" / "expression.safetensors").stat().st_mtime_ns
        again = judge(job, events)
    assert again == found
    assert (tmp_path / "j" / "expression.safetensors").stat().st_mtime_ns == kept
    assert found["trained_on_its_train_split"] is True
    assert (found["pairs"], found["people"]) == (30, 5)
    assert found["judges"]["expression"]["learnt_from"] == "triplets"
    assert 0 <= found["judges"]["expression"]["triplet_accuracy"] <= 1
    for figure in ("nearer_to_expression", "nearer_to_identity"):
        assert 0 <= found[figure]["share"] <= 1
        assert found[figure]["standard_error"] >= 0
        assert 0 <= found["real"][figure]["share"] <= 1


def test_judges_learn_from_labels_where_there_are_no_triplets(faces, bare_snapshot):
    snapshot, crops = faces
    labels_only = without_triplets(snapshot)
    with Events(silent=True) as events:
        judges = train_judges(labels_only, crops, JudgeConfig(SIZE, epochs=6), CPU, events)
        assert judges.about["expression"]["learnt_from"] == "labels"
        assert judges.about["identity"]["train_accuracy"] > 0.5
        expression, identity = judges.see(crops[:3])
        assert (expression.shape, identity.shape) == ((3, 512), (3, 512))
        bare = read_snapshot(bare_snapshot)
        with pytest.raises(TrainingError, match="no judge of identity"):
            train_judges(bare, crops, JudgeConfig(SIZE), CPU, events)


def test_a_folder_without_judges_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="holds no judges"):
        load_judges(tmp_path, CPU)


def test_resized_crops_are_those_of_the_decoder_nearly():
    crops = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).repeat(8, 1).repeat(8, 2).astype(np.uint8)
    assert resized(crops, 64) is crops
    assert resized(crops, 32).shape == (2, 32, 32, 3)
    smooth = np.full((1, 64, 64, 3), 77, np.uint8)
    assert (resized(smooth, 32) == 77).all()


def without_triplets(snapshot):
    from dataclasses import replace

    none = replace(
        snapshot.triplets, faces=np.empty((0, 3), dtype=np.int32), kind=np.empty(0), source=np.empty(0)
    )
    return replace(snapshot, triplets=none)
