"""Intervals: of the group's sums, seeded, of the width that theory gives, wider where faces hang together."""

import numpy as np
import pytest

from model.evaluation import bootstrap
from model.evaluation.bootstrap import Bootstrap, per_group


def test_sums_are_a_plain_loops(monkeypatch):
    parts = np.random.default_rng(1).normal(size=(7, 3))
    found = Bootstrap(resamples=20, seed=4).sums(parts)
    draws = np.random.default_rng(4).integers(0, 7, (20, 7))
    assert found == pytest.approx(np.array([parts[row].sum(axis=0) for row in draws]))
    monkeypatch.setattr(bootstrap, "_DRAWS", 21)
    assert Bootstrap(resamples=20, seed=4).sums(parts) == pytest.approx(found)


def test_groups_are_summed_in_their_order():
    values, groups = np.arange(12.0).reshape(6, 2), np.array([5, 1, 5, 9, 1, 5])
    assert per_group(values, groups).tolist() == [[10, 12], [14, 17], [6, 7]]


def test_the_interval_is_about_four_standard_errors_wide():
    values = np.random.default_rng(0).normal(3, 1, 400)
    figure = Bootstrap(resamples=4000).mean(values, np.arange(400))
    assert figure["value"] == pytest.approx(values.mean())
    assert figure["high"] - figure["low"] == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.06)


def test_faces_that_hang_together_make_it_wider():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 20)
    values = rng.normal(size=20)[groups]
    apart, together = (Bootstrap().mean(values, each) for each in (np.arange(400), groups))
    assert together["high"] - together["low"] > 3 * (apart["high"] - apart["low"])


def test_one_group_has_no_interval():
    assert Bootstrap().mean(np.array([1.0, 0.0]), np.array([3, 3])) == {
        "value": 0.5,
        "low": None,
        "high": None,
    }
