"""Groups are clean: every face once. And found nearly whenever they exist."""

import random

import networkx
from hypothesis import given
from hypothesis import strategies as st

from annotate.tournament.grouping import LabelledFace, LabelledFaces, Pair, best_candidates, draw_candidates

pairs = st.lists(st.builds(Pair, st.integers(0, 25), st.integers(0, 25), st.integers(0, 999)), max_size=80)


def check_clean(anchor, candidates, k):
    faces = [anchor] + [face for pair in candidates for face in (pair.positive, pair.negative)]
    assert len(candidates) == k
    assert len(set(faces)) == 2 * k + 1


@given(pairs, st.sampled_from([2, 4, 8]), st.integers(0, 1000))
def test_a_group_is_clean_and_drawn_from_the_pairs(given_pairs, k, seed):
    drawn = draw_candidates(0, given_pairs, k, random.Random(seed))
    if drawn is not None:
        check_clean(0, drawn, k)
        assert set(drawn) <= set(given_pairs)
        assert drawn == draw_candidates(0, given_pairs, k, random.Random(seed))


@given(pairs, st.sampled_from([2, 4, 8]), st.integers(0, 1000))
def test_the_best_pairs_are_taken_where_they_fit(given_pairs, k, seed):
    best = best_candidates(0, given_pairs, k, random.Random(seed))
    if best is not None:
        check_clean(0, best, k)
        assert set(best) <= set(given_pairs)
        fits: list[Pair] = []
        for pair in given_pairs:
            faces = {0, *(face for one in fits for face in (one.positive, one.negative))}
            if len(fits) < k and len({pair.positive, pair.negative} - faces) == 2:
                fits.append(pair)
        assert len(fits) < k or set(best) == set(fits)


@given(pairs, st.sampled_from([2, 4]), st.integers(0, 1000))
def test_nothing_is_drawn_where_no_matching_is_large_enough(given_pairs, k, seed):
    graph = networkx.Graph(
        (p.positive, p.negative)
        for p in given_pairs
        if p.positive != p.negative and 0 not in (p.positive, p.negative)
    )
    largest = len(networkx.max_weight_matching(graph, maxcardinality=True))
    if largest < k:
        assert draw_candidates(0, given_pairs, k, random.Random(seed)) is None


def test_nearly_every_group_that_exists_is_found():
    """Sparse random anchors with 20 pairs over 40 faces: how often search falls short of the optimum."""
    rng = random.Random(1)
    possible = found = 0
    for _ in range(300):
        some = [Pair(rng.randint(1, 40), rng.randint(41, 80), i) for i in range(24)]
        graph = networkx.Graph((p.positive, p.negative) for p in some)
        if len(networkx.max_weight_matching(graph, maxcardinality=True)) >= 16:
            possible += 1
            found += draw_candidates(0, some, 16, rng) is not None
    assert possible > 50
    assert found >= 0.98 * possible


def test_draws_differ_between_seeds():
    some = [Pair(i, 100 + i, i) for i in range(40)]
    draws = {tuple(draw_candidates(0, some, 16, random.Random(seed))) for seed in range(20)}
    assert len(draws) == 20


labelled = st.lists(
    st.tuples(
        st.sampled_from(["joy", "fear", "calm", ""]), st.sampled_from(["", "a", "b", "c", "d", "e", "f"])
    ),
    max_size=60,
)


@given(labelled, st.sampled_from([2, 4]), st.integers(0, 1000))
def test_label_groups_share_the_anchors_expression_and_no_person(rows, k, seed):
    faces = [LabelledFace(i, expression, identity) for i, (expression, identity) in enumerate(rows)]
    by_id = {face.face: face for face in faces}
    source = LabelledFaces(faces)
    for anchor in source.anchors():
        drawn = source.draw(anchor, k, random.Random(seed))
        if drawn is None:
            continue
        check_clean(anchor.face, drawn, k)
        positives = [by_id[pair.positive] for pair in drawn]
        assert {face.expression for face in positives} == {anchor.expression}
        assert len({face.person for face in [anchor, *positives]}) == k + 1
        assert all(by_id[pair.negative].expression not in (anchor.expression, "") for pair in drawn)
