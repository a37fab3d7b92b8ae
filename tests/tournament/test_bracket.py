"""Brackets are a function of their seed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.tournament import bracket


@given(st.integers(0, 10**12), st.sampled_from([2, 4, 8, 16, 32, 64]))
def test_the_first_round_uses_every_slot_once(seed, k):
    pairs = bracket.first_round(seed, k)
    assert sorted(slot for pair in pairs for slot in pair) == list(range(k))
    assert all(low < high for low, high in pairs)
    assert pairs == bracket.first_round(seed, k)


def test_seeds_differ():
    assert len({tuple(bracket.first_round(seed, 16)) for seed in range(50)}) == 50


@pytest.mark.parametrize("k", [-2, 0, 1, 3, 12, 17])
def test_only_powers_of_two(k):
    with pytest.raises(ValueError, match="power of two"):
        bracket.rounds(k)


@given(st.integers(0, 10**12))
def test_the_coin_is_seeded_and_fair_enough(seed):
    coins = [bracket.coin(seed, 1, position, 3, 9) for position in range(200)]
    assert coins == [bracket.coin(seed, 1, position, 3, 9) for position in range(200)]
    assert 50 < coins.count(3) < 150


@given(st.integers(0, 31))
def test_siblings_meet_in_one_place(position):
    other = bracket.sibling(position)
    assert bracket.sibling(other) == position
    assert bracket.next_match(position, 5, 2) == bracket.next_match(other, 2, 5) == (position // 2, (2, 5))
