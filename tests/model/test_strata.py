"""Batches made up by shares: within one triplet, never ruled by one tiny stratum."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from model.strata import allot, shared_out

strata = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 100)), min_size=1, max_size=4)


def split(pairs):
    available, parts = (np.array(column) for column in zip(*pairs, strict=True))
    return available, parts / parts.sum()


@settings(deadline=None)
@given(strata, st.integers(1, 400), st.integers(0, 99))
def test_quotas_are_of_what_there_is_and_never_below_a_quarter(pairs, most, seed):
    available, shares = split(pairs)
    quotas = allot(available, shares, most, np.random.default_rng(seed))
    fits = min(most, available.sum())
    assert (quotas >= 0).all()
    assert (quotas <= available).all()
    assert -(-fits // 4) <= quotas.sum() <= fits


@settings(deadline=None)
@given(strata, st.integers(1, 400), st.integers(0, 99))
def test_shares_hold_within_one_triplet_above_that_quarter(pairs, most, seed):
    available, shares = split(pairs)
    quotas = allot(available, shares, most, np.random.default_rng(seed))
    assume(quotas.sum() > -(-min(most, available.sum()) // 4))
    assert (np.abs(quotas - shares * quotas.sum()) <= 1 + 1e-6).all()


@settings(deadline=None)
@given(strata, st.integers(1, 400), st.integers(0, 99))
def test_a_batch_is_as_large_as_its_shares_allow(pairs, most, seed):
    available, shares = split(pairs)
    exactly = int((available / shares).min() + 1e-9)
    assert allot(available, shares, most, np.random.default_rng(seed)).sum() >= min(exactly, most)


def test_a_tiny_stratum_gives_all_and_the_others_fill_a_quarter_by_their_shares():
    quotas = allot(np.array([4, 1000, 1000]), np.array([0.5, 0.375, 0.125]), 1000, np.random.default_rng(0))
    assert quotas.tolist() in ([4, 184, 62], [4, 185, 61])  # 250 - 4 as 3 to 1


def test_a_share_below_one_triplet_is_met_over_many_batches():
    rng = np.random.default_rng(0)
    drawn = [allot(np.array([500, 500]), np.array([0.99, 0.01]), 30, rng) for _ in range(2000)]
    assert {int(quotas.sum()) for quotas in drawn} == {30}
    assert 0.007 < np.sum(drawn, axis=0)[1] / (30 * 2000) < 0.013


@pytest.mark.parametrize(
    ("codes", "shares", "reason"),
    [
        ([0, 1, 1], [0.5, 0.6], "sum to 1"),
        ([0, 1, 1], [1.5, -0.5], "0 or more"),
        ([0, 1, 1], [np.nan, 1.0], "sum to 1"),
        ([0, 1, 2], [0.5, 0.5], "from 0 to 1"),
        ([0, -1, 1], [0.5, 0.5], "from 0 to 1"),
        ([0, 1], [0.5, 0.5], "each of 3 triplets"),
        ([0, 0, 0], [0.5, 0.5], "stratum 1 has a share of 0.5 and no triplet"),
        (None, [0.5, 0.5], "belong together"),
        ([0, 1, 1], None, "belong together"),
    ],
)
def test_strata_and_shares_that_do_not_fit_are_refused(codes, shares, reason):
    codes = None if codes is None else np.array(codes, dtype=np.int8)
    with pytest.raises(ValueError, match=reason):
        shared_out(np.arange(3), codes, shares)


def test_a_stratum_without_share_is_left_out():
    codes = np.array([0, 1, 2, 1], dtype=np.int8)
    rows, kept, shares = shared_out(np.array([5, 6, 7, 8]), codes, [0.25, 0.0, 0.75])
    assert (rows.tolist(), kept.tolist(), shares.tolist()) == ([5, 7], [0, 1], [0.25, 0.75])
