"""Who is given whose expression: batches of an epoch, and held-out pairs."""

from dataclasses import replace

import numpy as np
import pytest

from model.errors import TrainingError
from model.manipulation.pairs import PairSampler, held_out_pairs
from model.snapshot import SPLITS, read_snapshot
from tests.model.manipulation.conftest import tiny


@pytest.fixture(scope="module")
def snapshot(drawn):
    return read_snapshot(drawn)


def with_faces(snapshot, **columns):
    return replace(snapshot, faces=replace(snapshot.faces, **columns))


def test_every_train_face_is_source_once_and_targets_are_what_the_batch_says(snapshot):
    sampler = PairSampler(snapshot, tiny())
    batches = list(sampler.epoch(np.random.default_rng(0)))
    who = snapshot.faces.identity
    train = np.flatnonzero(snapshot.faces.split == SPLITS["train"])
    assert sorted(np.concatenate([batch.sources for batch in batches])) == train.tolist()
    for batch in batches:
        own, pair = batch.itself, slice(batch.itself, batch.itself + batch.pair)
        assert (own, batch.pair) == (round(len(batch.sources) / 8), round(len(batch.sources) * 0.375))
        assert (batch.sources[:own] == batch.targets[:own]).all()
        assert (who[batch.sources[pair]] == who[batch.targets[pair]]).all()
        assert (batch.sources[pair] != batch.targets[pair]).all()
        assert (who[batch.sources[pair.stop :]] != who[batch.targets[pair.stop :]]).all()
        assert set(batch.targets) <= set(train)
    assert {batch.mirrored for batch in sampler.epoch(np.random.default_rng(1))} == {True, False}


def test_who_has_one_picture_only_is_given_somebody_elses_expression(snapshot):
    train = np.flatnonzero(snapshot.faces.split == SPLITS["train"])
    who = snapshot.faces.identity.copy()
    who[train[8:]] = 1000 + np.arange(len(train) - 8)
    sampler = PairSampler(with_faces(snapshot, identity=who), tiny())
    for batch in sampler.epoch(np.random.default_rng(0)):
        pair = slice(batch.itself, batch.itself + batch.pair)
        assert (who[batch.sources[pair]] < 1000).all()
        assert len(batch.sources) == len(batch.targets)


def test_it_says_what_is_missing(snapshot):
    count = len(snapshot.faces.keys)
    with pytest.raises(TrainingError, match=r"no identity has two train pictures.*column identity"):
        PairSampler(with_faces(snapshot, identity=np.arange(count)), tiny())
    with pytest.raises(TrainingError, match="no identity has two"):
        PairSampler(with_faces(snapshot, identity=np.full(count, -1)), tiny())
    with pytest.raises(TrainingError, match="show one person; it takes two"):
        PairSampler(with_faces(snapshot, identity=np.zeros(count, dtype=int)), tiny())


def test_pairs_of_many_faces_are_drawn_without_listing_all(snapshot):
    count = 100_000
    split, who = np.full(count, SPLITS["val"]), np.repeat(np.arange(100), 1000)
    pairs = held_out_pairs(with_faces(snapshot, split=split, identity=who), 50, seed=0)
    assert pairs.shape == (50, 2)
    assert (who[pairs[:, 0]] != who[pairs[:, 1]]).all()


def test_held_out_pairs_are_of_two_val_people_and_always_the_same(snapshot):
    pairs = held_out_pairs(snapshot, 40, seed=3)
    assert pairs.shape == (40, 2)
    assert (snapshot.faces.split[pairs] == SPLITS["val"]).all()
    who = snapshot.faces.identity[pairs]
    assert (who[:, 0] != who[:, 1]).all()
    assert np.array_equal(pairs, held_out_pairs(snapshot, 40, seed=3))
    assert not np.array_equal(pairs, held_out_pairs(snapshot, 40, seed=4))
    assert len(np.unique(held_out_pairs(snapshot, 10_000, seed=0), axis=0)) == 30 * 24
    assert held_out_pairs(snapshot, 10_000, seed=0).shape == (30 * 24, 2)
    assert not len(held_out_pairs(with_faces(snapshot, split=snapshot.faces.split * 0), 40, seed=0))
