"""Batches keep their limits and shares, share faces, and let every triplet have its turn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.sampler import BatchSampler


def random_triplets(count=2000, faces=200, seed=0, spread=0.0):
    """`spread` > 0 gives some faces many more triplets than others."""
    rng = np.random.default_rng(seed)
    weight = rng.pareto(2, faces) * spread + 1
    key = rng.random((count, faces)) ** (1 / weight)
    return np.argsort(-key, axis=1)[:, :3].astype(np.int32)


def sampler(members, rows=None, **changes):
    settings = {"faces": 60, "triplets": 200, "composition": "shared"} | changes
    return BatchSampler(members, np.arange(len(members)) if rows is None else rows, **settings)


def uses(members, shared, epochs=1):
    drawn = [b.triplets for epoch in range(epochs) for b in shared.epoch(np.random.default_rng(epoch))]
    return np.bincount(np.concatenate(drawn), minlength=len(members))


SETS = {
    "dense": random_triplets(),
    "sparse": random_triplets(600, 400),
    "hubs": random_triplets(1500, 400, spread=20.0),
    "apart": np.arange(900, dtype=np.int32).reshape(300, 3),
}


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 120),
    st.integers(3, 50),
    st.integers(3, 60),
    st.integers(1, 60),
    st.sampled_from(["shared", "random"]),
    st.sampled_from([None, (0.5, 0.5), (0.9, 0.1), (0.2, 0.0, 0.8)]),
)
def test_batches_keep_to_their_limits_and_rows(seed, count, people, faces, most, composition, shares):
    rng = np.random.default_rng(seed)
    members = random_triplets(count, people, seed)
    rows = rng.permutation(count)[: max(1, count * 2 // 3)]
    strata = None if shares is None else (np.arange(len(rows)) % len(shares)).astype(np.int8)
    if shares is not None and len(rows) < len(shares):
        strata = shares = None
    drawn = sampler(
        members, rows, faces=faces, triplets=most, composition=composition, strata=strata, shares=shares
    )
    for batch in drawn.epoch(rng):
        assert 1 <= len(batch.triplets) <= most
        assert len(np.unique(batch.triplets)) == len(batch.triplets)
        assert composition == "random" or len(batch.faces) <= faces
        assert np.isin(batch.triplets, rows).all()
        assert batch.faces.tolist() == sorted(set(members[batch.triplets].ravel()))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 150), st.integers(3, 40), st.integers(3, 30))
def test_no_triplet_is_more_than_two_uses_ahead_of_another(seed, count, people, faces):
    members = random_triplets(count, people, seed)
    used = np.zeros(count, dtype=int)
    for batch in sampler(members, faces=faces, triplets=40).epoch(np.random.default_rng(seed)):
        used[batch.triplets] += 1
        assert used.max() - used.min() <= 2


@pytest.mark.parametrize("name", SETS)
def test_an_epoch_holds_about_as_many_triplets_as_there_are(name):
    members = SETS[name]
    assert 0.9 < uses(members, sampler(members)).mean() < 1.5


@pytest.mark.parametrize("name", SETS)
def test_all_triplets_have_their_turn(name):
    members = SETS[name]
    shared = sampler(members)
    assert (uses(members, shared) > 0).mean() > 0.92
    assert (uses(members, shared, 2) > 0).mean() > 0.98
    often = uses(members, shared, 12)
    assert np.quantile(often, 0.02) >= 6
    assert often.min() >= 3
    assert often.max() <= 24


def test_random_batches_hold_every_triplet_once():
    members = SETS["dense"]
    drawn = [b.triplets for b in sampler(members, composition="random").epoch(np.random.default_rng(0))]
    assert sorted(np.concatenate(drawn)) == list(range(2000))


def test_shared_faces_carry_more_triplets():
    members = random_triplets(8000, 300)
    shared = next(sampler(members, triplets=10**6).epoch(np.random.default_rng(0)))
    among_random_faces = 8000 * (60 / 300) ** 3
    assert len(shared.triplets) > 1.5 * among_random_faces


@pytest.mark.parametrize("name", ["sparse", "hubs"])
def test_where_nothing_is_completed_a_triplet_costs_fewer_than_its_three_faces(name):
    drawn = list(sampler(SETS[name]).epoch(np.random.default_rng(0)))
    assert sum(len(b.triplets) for b in drawn) > 0.45 * sum(len(b.faces) for b in drawn)


def test_triplets_without_common_faces_still_fill_a_batch():
    first = next(sampler(SETS["apart"]).epoch(np.random.default_rng(0)))
    assert (len(first.faces), len(first.triplets)) == (60, 20)


@pytest.mark.parametrize("composition", ["shared", "random"])
def test_the_same_seed_draws_the_same_whatever_was_drawn_before(composition):
    members = SETS["dense"]
    strata = (np.arange(2000) % 3 == 0).astype(np.int8)
    settings = {"composition": composition, "strata": strata, "shares": (0.5, 0.5)}
    one, other = sampler(members, **settings), sampler(members, **settings)
    next(other.epoch(np.random.default_rng(4)))
    list(other.epoch(np.random.default_rng(4)))
    drawn = [[b.triplets.tolist() for b in each.epoch(np.random.default_rng(5))] for each in (one, other)]
    assert drawn[0] == drawn[1]
    assert drawn[0] != [b.triplets.tolist() for b in one.epoch(np.random.default_rng(6))]


def test_a_single_triplet_is_enough():
    (batch,) = sampler(np.array([[4, 2, 9]], dtype=np.int32)).epoch(np.random.default_rng(0))
    assert (batch.triplets.tolist(), batch.faces.tolist()) == ([0], [2, 4, 9])


def test_no_triplet_gives_no_batch():
    none = sampler(SETS["dense"], np.array([], dtype=np.int64))
    assert (none.steps, list(none.epoch(np.random.default_rng(0)))) == (0, [])


def test_limits_that_no_triplet_meets_are_refused():
    for changes in ({"faces": 2}, {"triplets": 0}):
        with pytest.raises(ValueError, match="at least 3 and 1 are needed"):
            sampler(SETS["dense"], **changes)


def mixed(few):
    """Sparse triplets of stratum 0, and `few` dense ones of stratum 1 among their first 40 faces."""
    members = np.concatenate([SETS["sparse"], random_triplets(few, 40, 1)])
    return members, np.repeat(np.array([0, 1], dtype=np.int8), [600, few])


@pytest.mark.parametrize("composition", ["shared", "random"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_every_batch_has_its_shares_within_a_triplet(composition, share):
    members, strata = mixed(400)
    shares = (1 - share, share)
    drawn = sampler(members, triplets=60, composition=composition, strata=strata, shares=shares)
    for batch in drawn.epoch(np.random.default_rng(1)):
        dense = strata[batch.triplets].sum()
        assert abs(dense - share * len(batch.triplets)) <= 1
        assert len(batch.triplets) > 15


def test_within_a_stratum_all_are_used_about_equally():
    members, strata = mixed(100)
    often = uses(members, sampler(members, strata=strata, shares=(0.6, 0.4)), 20)
    for code in (0, 1):
        of = often[strata == code]
        assert of.max() <= 3 * of.mean()
        assert np.quantile(of, 0.02) >= 0.4 * of.mean()
    assert 0.37 < often[strata == 1].sum() / often.sum() < 0.43


def test_a_tiny_stratum_does_not_rule_the_batch():
    members, strata = mixed(2)
    drawn = list(sampler(members, strata=strata, shares=(0.5, 0.5)).epoch(np.random.default_rng(0)))
    plain = next(sampler(SETS["sparse"]).epoch(np.random.default_rng(0)))
    assert all(strata[batch.triplets].sum() == 2 for batch in drawn)
    assert all(len(batch.triplets) > 0.15 * len(plain.triplets) for batch in drawn)
