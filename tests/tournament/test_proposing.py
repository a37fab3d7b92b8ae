"""What a network proposes: against a naive reference, and what holds whatever it is given."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.tournament.proposing import (
    OPPONENTS,
    Choices,
    entropy,
    fitted_temperature,
    margins,
    propose,
    worth,
)


def some_choices(seed, *, anchors=6, faces=60, most=OPPONENTS, k=4):
    """Anchors with k to `most` random pairs each, and random embeddings."""
    rng = np.random.default_rng(seed)
    rows = [
        (anchor, *rng.choice(np.arange(anchors, faces), 2, replace=False), number, rng.random())
        for anchor in range(anchors)
        for number in range(int(rng.integers(k, most + 1)))
    ]
    rng.shuffle(rows)
    anchor, positive, negative, triplet, agreement = np.array(rows).T
    columns = (column.astype(int) for column in (anchor, positive, negative, triplet))
    return Choices.of_rows(*columns, agreement, k=k), rng.normal(size=(faces, 16))


def naive_worth(choices, embeddings, temperature):
    """As the docstrings say it, pair by pair."""

    def away(one, other):
        return sum((x - y) ** 2 for x, y in zip(embeddings[one], embeddings[other], strict=True))

    def chance(x):
        return 1 / (1 + math.exp(-x / temperature))

    def bits(p):
        return -sum(q * math.log2(q) for q in (p, 1 - p) if q)

    found = []
    for place, anchor in enumerate(choices.anchors):
        rows = range(choices.start[place], choices.start[place + 1])
        near = {row: away(anchor, choices.positive[row]) for row in rows}
        for row in rows:
            doubts = [bits(chance(near[row] - near[other])) for other in rows if other != row]
            against = chance(near[row] - away(anchor, choices.negative[row]))
            found.append(sum(doubts) / len(doubts) + choices.agreement[row] * against)
    return found


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), temperature=st.floats(0.5, 50))
def test_worth_is_what_the_naive_reference_says(seed, temperature):
    choices, embeddings = some_choices(seed)
    found = worth(choices, *margins(embeddings, choices), temperature)
    assert found == pytest.approx(naive_worth(choices, embeddings, temperature))


def test_many_candidates_are_weighed_against_some_that_stand_for_all():
    choices, embeddings = some_choices(1, anchors=3, faces=400, most=300, k=200)
    found = worth(choices, *margins(embeddings, choices), 8.0)
    naive = naive_worth(choices, embeddings, 8.0)
    assert np.abs(found - naive).max() < 0.03


def test_entropy_is_one_bit_of_a_coin_and_none_of_what_is_sure():
    assert entropy(np.array([0.0, 800.0, -800.0])) == pytest.approx([1, 0, 0])


def test_a_candidate_that_contradicts_agreeing_annotators_is_worth_more():
    # Two anchors alike in doubt; the first one's annotators put farther what the network has nearest.
    embeddings = np.zeros((12, 16))
    embeddings[2:12, 0] = [3, 3.1, 3.2, 3.3, 3.4, 1, 1, 5, 5, 5]
    anchor, positive = np.repeat([0, 1], 2), np.array([2, 3, 2, 3])
    negative, agreement = np.array([7, 8, 9, 10]), np.ones(4)
    choices = Choices.of_rows(anchor, positive, negative, np.arange(4), agreement, k=2)
    found = worth(choices, *margins(embeddings, choices), 1.0)
    assert (found[:2] > found[2:] + 0.9).all()
    silent = Choices.of_rows(anchor, positive, negative, np.arange(4), 0 * agreement, k=2)
    assert worth(silent, *margins(embeddings, silent), 1.0)[:2] == pytest.approx(found[2:], abs=0.01)


@pytest.mark.parametrize("true", [0.2, 1.0, 30.0])
def test_the_temperature_is_that_of_the_answers(true):
    rng = np.random.default_rng(0)
    far = np.abs(rng.normal(size=40_000)) * 2 * true
    margin = np.where(rng.random(len(far)) < 1 / (1 + np.exp(-far / true)), far, -far)
    assert fitted_temperature(margin) == pytest.approx(true, rel=0.05)


def test_weights_count_as_repeated_answers_do():
    rng = np.random.default_rng(0)
    margin, times = rng.normal(1, 2, size=200), rng.integers(0, 4, size=200)
    assert fitted_temperature(margin, times) == pytest.approx(fitted_temperature(np.repeat(margin, times)))


def test_a_network_that_knows_nothing_is_unsure_of_everything():
    margin = np.array([-1.0, 1.0, -2.0, 2.0, -3.0])
    temperature = fitted_temperature(margin)
    assert (entropy(margin / temperature) > 0.999).all()
    assert fitted_temperature(np.zeros(0)) == fitted_temperature(np.zeros(3)) == 1.0


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), groups=st.integers(1, 8), people=st.integers(1, 6))
def test_proposed_groups_are_clean_and_nobody_is_shown_too_often(seed, groups, people):
    choices, embeddings = some_choices(seed, anchors=8)
    value = worth(choices, *margins(embeddings, choices), 5.0)
    person = [place % people for place in range(len(choices.anchors))]
    found = propose(choices, value, 4, groups, random.Random(seed), person=person)
    assert len(found) <= groups
    anchors = [one.anchor for one in found]
    assert len(set(anchors)) == len(anchors)
    most = max(1, math.ceil(2 * groups / len(set(person))))
    assert all(sum(person[a] == who for a in anchors) <= most for who in set(person))
    for one in found:
        rows = range(choices.start[one.anchor], choices.start[one.anchor + 1])
        faces = [one.anchor, *(face for pair in one.candidates for face in (pair.positive, pair.negative))]
        assert len(set(faces)) == len(faces) == 9
        of_rows = dict(zip(choices.pairs(np.array(rows)), value[rows.start : rows.stop], strict=True))
        assert one.score == pytest.approx(np.mean([of_rows[pair] for pair in one.candidates]))


def test_the_same_seed_proposes_the_same():
    choices, embeddings = some_choices(3)
    value = worth(choices, *margins(embeddings, choices), 5.0)
    one, again = (propose(choices, value, 4, 3, random.Random(7)) for _ in range(2))
    assert one == again


def test_the_most_instructive_anchors_and_candidates_come_first():
    # Pairs that share no face: every choice of k is clean, and nothing but worth decides.
    anchors, pairs = 5, 12
    anchor = np.repeat(np.arange(anchors), pairs)
    number = np.arange(anchors * pairs)
    positive, negative = anchors + 2 * number, anchors + 2 * number + 1
    choices = Choices.of_rows(anchor, positive, negative, number, np.ones(len(number)), k=8)
    value = np.random.default_rng(0).random(len(number))
    found = propose(choices, value, 8, 3, random.Random(1))
    best = np.sort(value.reshape(anchors, pairs))[:, -8:].mean(axis=1)
    assert [one.anchor for one in found] == np.argsort(-best)[:3].tolist()
    assert [one.score for one in found] == pytest.approx(np.sort(best)[::-1][:3])


def test_faces_that_are_often_in_the_groups_come_last():
    # Four anchors that could all take the same eight pairs, and have eight others each that are worth less.
    alike = [(100 + 2 * n, 101 + 2 * n) for n in range(8)]
    own = [[(face, face + 1) for face in range(200 + 20 * a, 216 + 20 * a, 2)] for a in range(4)]
    rows = [
        (a, *pair, is_own) for a in range(4) for is_own in (0, 1) for pair in (own[a] if is_own else alike)
    ]
    anchor, positive, negative, is_own = np.array(rows).T
    choices = Choices.of_rows(anchor, positive, negative, np.arange(len(rows)), np.ones(len(rows)), k=4)
    found = propose(choices, np.where(is_own, 0.5, 1.0), 4, 4, random.Random(0))
    times = [sum(pair.positive < 200 for pair in one.candidates) for one in found]
    assert times[0] == 4
    assert sum(times) < 16


def test_an_anchor_with_too_few_pairs_is_no_choice():
    columns = np.array([[0, 10, 20, 1], [0, 11, 21, 2], [5, 12, 22, 3]]).T
    choices = Choices.of_rows(*columns, np.ones(3), k=2)
    assert choices.anchors.tolist() == [0]
    assert propose(choices, np.ones(2), 2, 5, random.Random(0))[0].anchor == 0
    nothing = Choices.of_rows(*columns, np.ones(3), k=3)
    assert propose(nothing, np.ones(0), 3, 5, random.Random(0)) == []
