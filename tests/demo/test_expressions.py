"""The expressions' parameters and the distance between two of them."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from annotate.demo.expressions import (
    FIELDS,
    PROTOTYPES,
    Expression,
    draw_expression,
    expression_vector,
    limits,
    mirror,
)


def distance(first: Expression, second: Expression) -> float:
    return float(np.linalg.norm(np.subtract(expression_vector(first), expression_vector(second))))


def drawn(count: int, seed: int = 0) -> list[tuple[Expression, str]]:
    rng = np.random.default_rng(seed)
    return [draw_expression(rng) for _ in range(count)]


def test_the_same_seed_draws_the_same_expressions():
    assert drawn(20) == drawn(20)
    assert drawn(20) != drawn(20, seed=1)


def test_drawn_expressions_keep_to_their_ranges_and_use_every_prototype():
    some = drawn(600)
    for expression, _ in some:
        for name in FIELDS:
            low, high = limits(name)
            assert low <= getattr(expression, name) <= high
    assert {name for _, name in some} == set(PROTOTYPES)


@pytest.mark.parametrize("name", FIELDS)
def test_no_field_changes_without_a_distance(name):
    for expression in [*PROTOTYPES.values(), *(one for one, _ in drawn(20))]:
        low, high = limits(name)
        value = getattr(expression, name)
        other = replace(expression, **{name: low if value > (low + high) / 2 else high})
        assert distance(expression, other) > 0.02


def test_the_distance_is_zero_only_for_equal_expressions():
    some = [expression for expression, _ in drawn(200)]
    assert all(distance(one, replace(one)) == 0 for one in some)
    assert all(distance(one, other) > 0 for one, other in pairwise(some) if one != other)


def test_a_typical_pair_is_one_apart_and_one_name_is_closer():
    some = drawn(3000)
    pairs = [(distance(a, b), x == y) for (a, x), (b, y) in zip(some[:1500], some[1500:], strict=True)]
    assert np.median([apart for apart, _ in pairs]) == pytest.approx(1.0, abs=0.05)
    alike = np.median([apart for apart, same in pairs if same])
    assert 0.3 < alike < 0.6


def test_what_is_hidden_counts_little():
    shut = Expression(lid_left=-1, lid_right=-1)
    looking = distance(Expression(), Expression(gaze_x=1))
    assert distance(shut, replace(shut, gaze_x=1)) < 0.3 * looking


def test_a_mirror_image_of_a_mirror_image_is_the_expression():
    for expression, _ in drawn(20):
        assert mirror(mirror(expression)) == expression
    assert mirror(Expression(lid_left=-1, gaze_x=0.5)) == Expression(lid_right=-1, gaze_x=-0.5)
