"""Turns against sorting anew, and growing sets of faces against a naive recount."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from model.turns import Chosen, Turns

seeds = st.integers(0, 2**32 - 1)


def fractions(rng, count):
    """Different and exact in float32, whatever whole number is added."""
    return (rng.permutation(count) / 32768).astype(np.float32)


@settings(deadline=None)
@given(seeds, st.integers(1, 200), st.integers(1, 60), st.integers(1, 12))
def test_turns_are_the_least_used_in_order(seed, count, at_once, draws):
    rng = np.random.default_rng(seed)
    used = fractions(rng, count)
    places = np.flatnonzero(rng.random(count) < 0.8)
    turns = Turns(places, used)
    for _ in range(draws):
        taken = turns.take(at_once)
        assert taken.tolist() == places[np.argsort(used[places])][:at_once].tolist()
        used[taken] += 1
        others = np.setdiff1d(places, taken)
        used[others[rng.random(len(others)) < 0.2]] += 1


def test_turns_are_looked_for_beyond_a_stretch_of_used_ones():
    used = fractions(np.random.default_rng(0), 20_000)
    turns = Turns(np.arange(20_000), used)
    order = np.argsort(used)
    used[order[3:15_000]] += 1
    assert turns.take(5).tolist() == order[[0, 1, 2, 15_000, 15_001]].tolist()


def test_due_is_what_is_not_yet_used_in_this_round():
    used = np.array([0.5, 0.25, 0.75, 0.1], dtype=np.float32)
    turns = Turns(np.arange(4), used)
    used += [0, 1, 0, 2]
    every = np.arange(4)
    assert turns.due(every).tolist() == [0, 2]
    assert turns.due(every, ahead=1).tolist() == [0, 1, 2]
    assert turns.take(2).tolist() == [0, 2]
    used[[0, 2]] += 1
    assert turns.take(1).tolist() == [1]  # the next round begins
    assert turns.due(every).tolist() == [0, 1, 2]


def recount(members, faces):
    return np.isin(members, faces).sum(axis=1)


@settings(deadline=None)
@given(seeds, st.integers(1, 150), st.integers(3, 40), st.integers(1, 6))
def test_counts_are_those_of_a_naive_recount(seed, count, faces, adds):
    rng = np.random.default_rng(seed)
    members = np.array([rng.choice(faces, 3, replace=False) for _ in range(count)], dtype=np.int32)
    chosen = Chosen(members)
    for _ in range(2):  # the second time shows that clear() leaves nothing behind
        every = np.array_split(rng.permutation(members.max() + 1), adds + 1)
        for added in every[:adds]:
            chosen.add(added)
        now = recount(members, np.concatenate(every[:adds]))
        one = np.concatenate(list(chosen.with_one()))
        assert sorted(one) == np.flatnonzero(now == 1).tolist()
        assert sorted(chosen.with_two) == np.flatnonzero(now == 2).tolist()
        missing = chosen.missing(chosen.with_two)
        added = set(np.concatenate(every[:adds]).tolist())
        lacking = [face for row in members[now == 2].tolist() for face in row if face not in added]
        assert sorted(missing) == sorted(lacking)
        assert chosen.size == sum(map(len, every[:adds]))
        assert sorted(chosen.clear()) == np.flatnonzero(now == 3).tolist()
