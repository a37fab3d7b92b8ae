"""Batches that share faces."""

import numpy as np
import pytest

from model.sampler import BatchSampler


def random_triplets(count=2000, faces=200, seed=0):
    rng = np.random.default_rng(seed)
    return np.array([rng.choice(faces, 3, replace=False) for _ in range(count)], dtype=np.int32)


def sampler(members, rows=None, **changes):
    settings = {"faces": 60, "triplets": 200, "composition": "shared"} | changes
    return BatchSampler(members, np.arange(len(members)) if rows is None else rows, **settings)


@pytest.mark.parametrize("composition", ["shared", "random"])
def test_batches_keep_to_their_size_and_rows(composition):
    members = random_triplets()
    rows = np.arange(0, 2000, 2)
    drawn = list(sampler(members, rows, composition=composition, triplets=20).epoch(np.random.default_rng(0)))
    assert len(drawn) == 50 or composition == "shared"
    for batch in drawn:
        assert len(batch.triplets) <= 20
        assert len(batch.faces) <= 60
        assert np.isin(batch.triplets, rows).all()
        assert batch.faces.tolist() == sorted(set(members[batch.triplets].ravel()))


def test_an_epoch_holds_every_triplet_about_once():
    members = random_triplets()
    drawn = np.concatenate([batch.triplets for batch in sampler(members).epoch(np.random.default_rng(0))])
    assert 0.7 < len(drawn) / len(members) < 1.5
    random = [b.triplets for b in sampler(members, composition="random").epoch(np.random.default_rng(0))]
    assert sorted(np.concatenate(random)) == list(range(2000))


def test_no_triplet_is_left_out_for_long():
    members = random_triplets(600, 90)
    shared = sampler(members)
    seen = [b.triplets for epoch in range(6) for b in shared.epoch(np.random.default_rng(epoch))]
    assert len(np.unique(np.concatenate(seen))) > 0.97 * len(members)


def test_shared_faces_carry_more_triplets():
    members = random_triplets(8000, 300)
    shared = next(sampler(members, triplets=10**6).epoch(np.random.default_rng(0)))
    among_random_faces = 8000 * (60 / 300) ** 3
    assert len(shared.triplets) > 1.5 * among_random_faces


def test_the_same_seed_draws_the_same():
    members = random_triplets()
    one, other = (
        np.concatenate([b.triplets for b in sampler(members).epoch(np.random.default_rng(5))]) for _ in "ab"
    )
    assert np.array_equal(one, other)


def test_a_single_triplet_is_enough():
    (batch,) = sampler(np.array([[4, 2, 9]], dtype=np.int32)).epoch(np.random.default_rng(0))
    assert (batch.triplets.tolist(), batch.faces.tolist()) == ([0], [2, 4, 9])
