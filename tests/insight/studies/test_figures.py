"""A study's figures against naive computations, and what they are drawn from."""

from collections import Counter
from math import comb

import numpy as np
import pytest

from annotate.insight.study_chart import HEIGHT, study_chart
from annotate.insight.study_figures import casts_of, figures_of, strengths_of
from annotate.insight.study_statistics import SignTest, pair_outcome, strengths
from annotate.tournament.quality import Share
from tests.insight.studies.world import answer_all, as_it_is, make_study, make_versions, mirrored, scattered


def test_the_sign_test_is_the_binomial():
    assert SignTest(9, 1, 3).p == pytest.approx(2 * sum(comb(10, k) for k in (9, 10)) / 2**10)
    assert SignTest(1, 9, 0).p == SignTest(9, 1, 0).p
    assert SignTest(5, 5, 2).p == 1.0
    assert SignTest(0, 0, 4).p is None


def test_a_pair_counts_votes_and_whole_queries():
    counts = np.array([[5, 1, 0], [1, 3, 2], [2, 2, 2], [0, 0, 6], [4, 0, 0]])
    outcome = pair_outcome((1, 2), counts, np.random.default_rng(1))
    assert outcome.share == Share(12, 18)
    assert outcome.uncertain == 10
    assert (outcome.test.one, outcome.test.other, outcome.test.even) == (2, 1, 1)
    low, high = outcome.interval
    assert low < 12 / 18 < high
    # A naive bootstrap of the four queries with decided votes.
    rng = np.random.default_rng(2)
    decided = counts[[0, 1, 2, 4], :2]
    shares = []
    for _ in range(4000):
        drawn = decided[rng.integers(0, 4, 4)].sum(axis=0)
        shares.append(drawn[0] / drawn.sum())
    assert (low, high) == pytest.approx(np.quantile(shares, [0.025, 0.975]), abs=0.03)


def test_one_query_has_no_interval_by_query():
    outcome = pair_outcome((1, 2), np.array([[5, 1, 0], [0, 0, 3]]), np.random.default_rng(1))
    assert outcome.interval is None
    assert pair_outcome((1, 2), np.array([[0, 0, 2]]), np.random.default_rng(1)).share.value is None


def naive_strengths(sums):
    """Bradley-Terry by the textbook's iteration, draws as half a win for each."""
    contenders = sorted({one for pair in sums for one in pair})
    wins = np.zeros((len(contenders), len(contenders)))
    for (one, other), (won, lost, drawn) in sums.items():
        i, j = contenders.index(one), contenders.index(other)
        wins[i, j] += won + drawn / 2
        wins[j, i] += lost + drawn / 2
    p = np.ones(len(contenders)) / len(contenders)
    for _ in range(5000):
        below = [
            sum((wins[i, j] + wins[j, i]) / (p[i] + p[j]) for j in range(len(p)) if j != i)
            for i in range(len(p))
        ]
        p = wins.sum(axis=1) / below
        p /= p.sum()
    return dict(zip(contenders, p, strict=True))


def test_strengths_are_those_of_the_bradley_terry_model():
    rng = np.random.default_rng(4)
    counts = {pair: rng.integers(0, 6, (12, 3)) for pair in ((7, 9), (7, 12), (9, 12))}
    found = strengths(counts, np.random.default_rng(1))
    naive = naive_strengths(
        {pair: table.sum(axis=0) + np.array([0, 0, 0.5]) for pair, table in counts.items()}
    )
    assert {one.contender: one.value for one in found} == pytest.approx(naive, abs=1e-4)
    assert sum(one.value for one in found) == pytest.approx(1)
    assert [one.value for one in found] == sorted((one.value for one in found), reverse=True)
    assert all(one.interval[0] <= one.value <= one.interval[1] for one in found)


def test_who_always_wins_has_a_strength_too():
    counts = {
        (1, 2): np.array([[4, 0, 0]] * 5),
        (1, 3): np.array([[4, 0, 0]] * 5),
        (2, 3): np.array([[2, 2, 0]] * 5),
    }
    first, *others = strengths(counts, np.random.default_rng(1))
    assert first.contender == 1
    assert 0.9 < first.value < 1
    assert others[0].value == pytest.approx(others[1].value, abs=1e-4)
    assert strengths({}, np.random.default_rng(1)) == []


def test_figures_of_a_study(dataset, admin, annotators):
    versions = make_versions(dataset, as_it_is, scattered, mirrored)
    study = make_study(dataset, versions, admin, queries=list(dataset.faces.order_by("pk")[1:9]))
    order = ["one", "one", "other", "uncertain"]
    for user, seed in zip(annotators[:3], range(3), strict=True):
        answer_all(study, user, lambda showing: order[showing.comparison_id % 4], seed)
    casts = casts_of(study)
    figures = figures_of(study, casts)
    assert figures.total == len(casts) == 3 * figures.asked
    preferred = Counter(cast.preferred for cast in casts)
    assert figures.votes == [preferred[one.pk] for one in figures.contenders]
    assert figures.uncertain == preferred[None]
    assert sum(row.total for row in figures.queries) == figures.total
    assert sum(pair.share.n + pair.uncertain for pair in figures.pairs) == figures.total
    # All three said the same of each.
    assert figures.alpha == pytest.approx(1)
    assert figures.median_ms == 1200
    assert [row.answered for row in figures.participants] == [figures.asked] * 3
    assert {one.contender for one in strengths_of(study, casts)} == {one.pk for one in figures.contenders}
    # The same answers give the same intervals.
    assert figures_of(study, casts).pairs == figures.pairs


def test_who_always_names_the_left_is_noticed(dataset, versions, admin, annotators):
    from annotate.insight.study_voting import next_showings
    from tests.insight.studies.world import answer, come

    study = make_study(dataset, versions, admin, queries=list(dataset.faces.order_by("pk")[:10]))
    for shown in next_showings(come(study, annotators[0]), 20):
        answer(shown.showing, annotators[0], "left")
    figures = figures_of(study, casts_of(study))
    assert figures.left == Share(10, 10)
    assert figures.is_one_sided
    # Sides are balanced: it favours nobody.
    assert figures.votes == [5, 5]


def test_the_chart_stacks_each_querys_votes():
    chart = study_chart(["A", "B"], [(1, [6, 2], 2), (2, [0, 0], 0), (3, [1, 4], 0)], ([7, 6], 2))
    assert [bar.label for bar in chart.bars] == ["1", "2", "3", "all"]
    first, empty, third, everything = chart.bars
    assert [(piece.kind, piece.count) for piece in first.pieces] == [(1, 6), (2, 2), (0, 2)]
    assert empty.pieces == []
    assert [piece.kind for piece in third.pieces] == [1, 2]
    for bar in chart.bars:
        floor = chart.floor
        for piece in bar.pieces:
            assert piece.y + piece.height == pytest.approx(floor, abs=0.2)
            floor = piece.y
    # Heights tell counts, and the last bar is as high as the highest.
    assert first.pieces[0].height == pytest.approx(3 * first.pieces[1].height, abs=0.2)
    assert everything.pieces[-1].y == pytest.approx(first.pieces[-1].y, abs=0.2)
    assert "All: A 7, B 6, uncertain 2" in chart.summary
    assert all(0 <= bar.x < bar.x + bar.width <= chart.right for bar in chart.bars)
    assert all(0 <= y <= HEIGHT for y, _ in chart.lines)
    assert study_chart(["A", "B"], [(1, [0, 0], 0)], ([0, 0], 0)) is None
