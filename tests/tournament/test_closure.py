"""A bracket's closure against a naive reference, on random brackets."""

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from annotate.tournament import bracket
from annotate.tournament.closure import Match, close


def play(k, seed, ties=0.0):
    """A finished bracket: everybody's strength is her slot in a shuffled order."""
    rng = random.Random(seed)
    strength = rng.sample(range(k), k)
    matches, current = [], bracket.first_round(seed, k)
    for round_number in range(1, bracket.rounds(k) + 1):
        winners = []
        for position, (low, high) in enumerate(current):
            tie = rng.random() < ties
            if tie:
                winner = bracket.coin(seed, round_number, position, low, high)
            else:
                winner = max(low, high, key=strength.__getitem__)
            voters = frozenset({len(matches) % 5})
            matches.append(Match(len(matches), round_number, winner, low + high - winner, voters, is_tie=tie))
            winners.append(winner)
        current = [
            bracket.next_match(i, winners[i], winners[bracket.sibling(i)])[1]
            for i in range(0, len(winners) - 1, 2)
        ]
    return matches, strength


def naive_closure(matches):
    """Warshall on the decided pairs."""
    pairs = {(m.winner, m.loser) for m in matches if not m.is_tie}
    while True:
        more = {(a, d) for a, b in pairs for c, d in pairs if b == c} - pairs
        if not more:
            return pairs
        pairs |= more


ks = st.sampled_from([2, 4, 8, 16, 32])
seeds = st.integers(0, 10**9)


@given(ks, seeds, st.sampled_from([0.0, 0.1, 0.5]))
def test_equals_the_naive_closure(k, seed, ties):
    matches, _ = play(k, seed, ties)
    relations = close(matches)
    assert len(relations) == len({(r.winner, r.loser) for r in relations})
    assert {(r.winner, r.loser) for r in relations} == naive_closure(matches)


@given(seeds)
def test_a_clean_bracket_of_16_gives_15_direct_and_17_inferred_relations(seed):
    matches, strength = play(16, seed)
    relations = close(matches)
    assert len(matches) == 15
    assert sum(len(r.chain) == 1 for r in relations) == 15
    assert sum(len(r.chain) > 1 for r in relations) == 17
    assert all(strength[r.winner] > strength[r.loser] for r in relations)


@given(ks, seeds)
def test_a_chain_is_a_path_of_matches_from_last_to_first(k, seed):
    matches, _ = play(k, seed)
    for relation in close(matches):
        assert relation.chain[0].winner == relation.winner
        assert relation.chain[-1].loser == relation.loser
        for upper, lower in pairwise(relation.chain):
            assert upper.loser == lower.winner
            assert upper.round > lower.round
        assert relation.last == max(relation.chain, key=lambda match: match.round)
        assert relation.deciders == {v for match in relation.chain for v in match.deciders}


def test_nothing_passes_through_a_tie():
    matches = [Match(1, 1, 0, 1), Match(2, 1, 2, 3), Match(3, 2, 0, 2, is_tie=True)]
    assert {(r.winner, r.loser) for r in close(matches)} == {(0, 1), (2, 3)}


def test_uncertain_are_those_who_never_decided_in_the_chain():
    matches = [
        Match(1, 1, 0, 1, deciders=frozenset({7}), uncertain=frozenset({8, 9})),
        Match(2, 1, 2, 3, deciders=frozenset({7})),
        Match(3, 2, 2, 0, deciders=frozenset({8})),
    ]
    inferred = next(r for r in close(matches) if len(r.chain) == 2)
    assert (inferred.winner, inferred.loser) == (2, 1)
    assert inferred.deciders == {7, 8}
    assert inferred.uncertain == {9}


def test_unfinished_brackets_say_what_they_know():
    assert close([]) == []
    assert [(r.winner, r.loser) for r in close([Match(1, 1, 5, 4)])] == [(5, 4)]
