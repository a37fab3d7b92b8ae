"""A report's figures in words, with their intervals, and beside another's."""

import pytest

from annotate.insight.report_figures import Figure, difference, figure_at, headline, interval, line_of, words
from annotate.insight.report_measures import COMPACTNESS, HIGHER, IDENTITY, LOWER, PARTS
from annotate.insight.report_recognition import recognitions
from tests.insight.reports.sample import figure, figures


def test_every_measure_finds_its_figure():
    for part in PARTS:
        for measure in part.measures:
            line = line_of(measure, figures(), None)
            assert line.is_known, measure.path
            assert line.interval, measure.path
            assert line.says.endswith(".")


def test_a_figure_that_is_missing_is_a_dash():
    line = line_of(IDENTITY.measures[0], {"identity_leakage": None}, {})
    assert (line.figure, line.interval, line.other, line.difference) == ("–", "", "–", None)
    assert figure_at({"silhouette": {"expression": {"value": None}}}, "silhouette.expression") == Figure()


def test_words():
    assert words(0.6123) == "61.2 %"
    assert words(0.01134, is_share=False) == "0.0113"
    assert words(-0.5, is_share=False) == "-0.500"
    assert words(0.0, is_share=False) == "0"
    assert interval(Figure(0.5, 0.42, 0.58)) == "42.0 to 58.0"
    assert interval(Figure(0.5)) == ""


@pytest.mark.parametrize(
    ("mine", "other", "better", "verdict"),
    [
        (Figure(0.6, 0.58, 0.62), Figure(0.5, 0.48, 0.52), HIGHER, "better"),
        (Figure(0.6, 0.58, 0.62), Figure(0.5, 0.48, 0.52), LOWER, "worse"),
        (Figure(0.5, 0.48, 0.52), Figure(0.6, 0.58, 0.62), LOWER, "better"),
        (Figure(0.6, 0.5, 0.7), Figure(0.5, 0.4, 0.6), HIGHER, "open"),
        (Figure(0.6, 0.59, 0.61), Figure(0.6, 0.59, 0.61), HIGHER, "open"),
        (Figure(0.6), Figure(0.1), HIGHER, "open"),
    ],
)
def test_a_difference_is_sure_only_beyond_chance(mine, other, better, verdict):
    assert difference(mine, other, better).verdict == verdict


def test_a_difference_of_equal_figures_is_none():
    assert difference(Figure(0.6, 0.5, 0.7), Figure(0.6, 0.5, 0.7), HIGHER).words == "the same"
    assert difference(Figure(0.6), Figure(), HIGHER) is None


def test_recognition_pairs_equal_numbers_of_neighbours():
    other = figures(recognised=0.4)
    del other["knn"]["k"]["5"]
    few, many = recognitions(figures(), other)
    assert few.lines[0].difference is None
    assert many.lines[0].difference.verdict == "better"
    assert many.lines[0].difference.words == "+20.0 points"
    assert many.title == "200 nearest neighbours"


def test_a_confusion_matrix_is_shares_of_its_rows():
    [calm, glad] = recognitions(figures(), None)[0].rows
    assert [cell.percent for cell in calm.cells] == ["75 %", "25 %"]
    assert [cell.is_right for cell in glad.cells] == [False, True]
    assert (calm.total, glad.cells[1].shade) == (8, 9)


def test_a_class_without_a_face_divides_by_nothing():
    said = figures()
    said["knn"]["k"]["5"]["confusion"] = [[0, 0], [1, 7]]
    empty = recognitions(said, None)[0].rows[0]
    assert [(cell.percent, cell.shade) for cell in empty.cells] == [("–", 0), ("–", 0)]


def test_what_scale_changes_is_not_judged():
    smaller = figures()
    smaller["average_variance"] |= figure(0.001, 0.0001)
    scaled, as_is = (line_of(measure, smaller, figures()) for measure in COMPACTNESS.measures[:2])
    assert (as_is.difference.words, as_is.difference.verdict) == ("-0.01", "")
    assert scaled.difference.words == "the same"


def test_the_heads_chance_is_the_most_frequent_expression():
    said = figures()
    said["retrained"] = {"accuracy": figure(0.9), "classes": ["calm", "glad"], "confusion": [[3, 0], [1, 0]]}
    assert recognitions(said, None)[-1].lines[0].chance == "75.0 %"


def test_the_head_stands_last():
    said = figures()
    said["retrained"] = {"accuracy": figure(0.9), "classes": ["calm"], "confusion": [[3]], "epochs": 5}
    assert [one.key for one in recognitions(said, None)] == ["knn-5", "knn-200", "retrained"]


def test_the_headline():
    assert headline(figures()) == "60.0 % recognised (200 neighbours), person found in 30.0 %"
    assert headline({"knn": None, "identity_leakage": None}) == "no figure could be worked out"
