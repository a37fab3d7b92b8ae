"""Evidence on pairs over several brackets: hand-worked, and against networkx."""

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from annotate.tournament.closure import Match
from annotate.tournament.evidence import Evidence, contradictions, cycles, judgements, weigh


def match(number, round_number, winner, loser, *deciders, tie=False):
    return Match(number, round_number, winner, loser, frozenset(deciders), is_tie=tie)


FIRST = [match(1, 1, 0, 1, 7), match(2, 1, 2, 3, 8), match(3, 2, 0, 2, 7)]
SECOND = [match(1, 1, 3, 0, 9), match(2, 1, 1, 2, 9), match(3, 2, 3, 1, 8)]
WEIGHTS = {7: 0.9, 8: 0.6}


def test_weighs_what_each_bracket_says_by_the_least_of_its_deciders():
    assert weigh([FIRST, SECOND], WEIGHTS) == {
        (0, 1): Evidence(0.9, 0),
        (2, 3): Evidence(0.6, 0.6),
        (0, 2): Evidence(0.9, 0),
        (0, 3): Evidence(0.6, 1.0),
        (1, 3): Evidence(0, 0.6),
        (1, 2): Evidence(1.0, 0),
    }


def test_finds_contradictions_and_cycles():
    pairs = weigh([FIRST, SECOND], WEIGHTS)
    assert contradictions(pairs) == [(0, 3), (2, 3)]
    # 3 beats 0 on the net (1.0 against 0.6), and 0 beats 1, which loses to 3: in order. 2 and 3 are even.
    assert cycles(pairs) == []
    pairs = weigh([FIRST, [match(1, 1, 3, 0, 7)]], WEIGHTS)
    assert cycles(pairs) == [(0, 2, 3)]


def test_a_tie_is_no_evidence():
    assert weigh([[match(1, 1, 0, 1, tie=True)]], {}) == {}
    assert judgements([match(1, 1, 0, 1, 7, tie=True)], {}) == []


def test_each_decider_is_one_judgement_of_her_weight():
    found = judgements([match(1, 1, 0, 1, 9, 7)], WEIGHTS)
    assert [(j.winner, j.loser, j.weight) for j in found] == [(0, 1, 0.9), (0, 1, 1.0)]


pairs_of_evidence = st.dictionaries(
    st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda pair: pair[0] < pair[1]),
    st.builds(Evidence, st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.5, 1.0])),
)


@given(pairs_of_evidence)
def test_cycles_are_cycles_and_cover_every_pair_on_one(pairs):
    graph = nx.DiGraph()
    for (low, high), evidence in pairs.items():
        if evidence.net:
            graph.add_edge(*((low, high) if evidence.net > 0 else (high, low)))
    found = cycles(pairs)
    edges = {edge for cycle in found for edge in zip(cycle, (*cycle[1:], cycle[0]), strict=True)}
    assert edges <= set(graph.edges)
    on_a_cycle = {
        (a, b) for part in nx.strongly_connected_components(graph) for a, b in graph.subgraph(part).edges
    }
    assert edges == on_a_cycle
    assert len(set(found)) == len(found)
    assert all(len(set(cycle)) == len(cycle) and cycle[0] == min(cycle) for cycle in found)
