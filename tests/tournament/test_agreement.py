"""W_k: a hand-worked example, and a naive reference on random answers."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from annotate.tournament.agreement import ENOUGH, AlikeAnswers, Tally, tally_group, tally_raters, weights
from annotate.tournament.closure import Match, close
from tests.tournament.test_closure import play

answers = st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=8), max_size=30)


@given(answers)
def test_raters_against_a_naive_reference(rows):
    tallies = tally_raters(
        AlikeAnswers(f"r{rater}", answer, (row.count(1), row.count(2), row.count(3)))
        for row in rows
        for rater, answer in enumerate(row)
    )
    for rater in range(8):
        n = agree = votes = 0
        for row in rows:
            if rater >= len(row):
                continue
            votes += 1
            others = Counter(a for i, a in enumerate(row) if i != rater and a)
            best = [a for a, c in others.items() if c == max(others.values())]
            if row[rater] and len(best) == 1:
                n += 1
                agree += best[0] == row[rater]
        got = tallies.get(f"r{rater}", Tally())
        assert (got.votes, got.n, got.n_agree) == (votes, n, agree)


def test_a_hand_worked_group():
    """Three brackets of 4. Annotator 1 plays the first, 2 the second, 3 the third; 3 says 0 beats 3."""
    first = [
        Match(1, 1, 0, 1, frozenset({1})),
        Match(2, 1, 3, 2, frozenset({1})),
        Match(3, 2, 3, 0, frozenset({1})),
    ]
    second = [
        Match(4, 1, 3, 1, frozenset({2})),
        Match(5, 1, 0, 2, frozenset({2})),
        Match(6, 2, 3, 0, frozenset({2})),
    ]
    third = [
        Match(7, 1, 0, 3, frozenset({3})),
        Match(8, 1, 1, 2, frozenset({3})),
        Match(9, 2, 0, 1, frozenset({3})),
    ]
    tallies = {}
    tally_group([first, second, third], tallies)
    # 1: 0>1 has 3's; 3>2 has 2's 3>0>2 (3's 0>1>2 says nothing of 3): agrees; 3>0: 2 for, 3 against.
    assert (tallies[1].votes, tallies[1].n, tallies[1].n_agree) == (3, 2, 2)
    # 2: 3>1 follows from 1's 3>0>1; 0>2 from 3's 0>1>2; 3>0 has 1 for and 3 against: tie.
    assert (tallies[2].votes, tallies[2].n, tallies[2].n_agree) == (3, 2, 2)
    # 3: 0>3 meets two who say otherwise; 1>2 meets nothing; 0>1 agrees with 1.
    assert (tallies[3].votes, tallies[3].n, tallies[3].n_agree) == (3, 2, 1)


@given(st.integers(0, 10**6), st.sampled_from([4, 8, 16]))
def test_groups_against_a_naive_reference(seed, k):
    brackets = [play(k, seed + i, ties=0.1)[0] for i in range(3)]
    tallies = {}
    tally_group(brackets, tallies)
    naive = {}
    for b, matches in enumerate(brackets):
        for match in matches:
            for annotator in match.deciders:
                said = []
                for other, others in enumerate(brackets):
                    for relation in close(others):
                        same = {relation.winner, relation.loser} == {match.winner, match.loser}
                        if other != b and same and not any(annotator in m.deciders for m in relation.chain):
                            said.append(relation.winner)
                tally = naive.setdefault(annotator, Tally())
                tally.votes += 1
                ahead = said.count(match.winner) - said.count(match.loser)
                tally.n += ahead != 0
                tally.n_agree += ahead > 0
    assert tallies == naive


def test_few_counted_answers_take_the_mean():
    tallies = {"many": Tally(50, 40, 30), "few": Tally(10, ENOUGH - 1, 1)}
    assert weights(tallies) == {"many": 0.75, "few": 31 / 59}
    assert weights({"none": Tally(3, 0, 0)}) == {"none": 1.0}
