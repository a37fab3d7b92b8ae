"""The layout of a chart: nice ticks, everything inside, nothing drawn of what is not finite."""

import math
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from annotate.training.chart import MOST_SHOWN, Chart, line_chart


def test_ticks_are_round_numbers():
    chart = line_chart({"loss": [(1, 0.83), (40, 0.31)]}, x_label="step", y_label="loss")
    assert [tick.label for tick in chart.x_ticks] == ["0", "10", "20", "30", "40"]
    assert [tick.label for tick in chart.y_ticks] == ["0.2", "0.4", "0.6", "0.8", "1.0"]
    assert chart.summary == "loss by step, at last: loss 0.31"


def test_ticks_of_small_numbers_are_short():
    chart = line_chart({"rate": [(0, 2e-4), (9, 1e-5)]}, x_label="step", y_label="rate", from_zero=True)
    assert [tick.label for tick in chart.y_ticks] == ["0", "5e-5", "1e-4", "1.5e-4", "2e-4"]


def test_of_many_points_a_part_is_drawn_and_the_newest_among_them():
    points = [(float(x), float(x * x)) for x in range(1, 1_001)]
    [line] = line_chart({"a": points}, x_label="x", y_label="y").lines
    assert 100 < len(line.xs) == len(line.ys) == len(line.points.split()) <= MOST_SHOWN
    assert (line.xs[-1], line.ys[-1]) == ("1,000", "1e+06")
    assert {int(b.replace(",", "")) - int(a.replace(",", "")) for a, b in pairwise(line.xs)} == {5}


def test_nothing_to_draw():
    assert line_chart({}, x_label="x", y_label="y") is None
    assert line_chart({"a": [(1, math.nan)], "b": []}, x_label="x", y_label="y") is None


numbers = st.floats(-1e9, 1e9) | st.sampled_from([math.inf, math.nan])


@example([(5e-324, 0.0)])
@given(st.lists(st.tuples(st.floats(0, 1e7), numbers), max_size=30))
def test_whatever_comes_stays_inside(points):
    chart = line_chart({"a": points}, x_label="x", y_label="y")
    if not any(math.isfinite(y) for _, y in points):
        assert chart is None
        return
    for pair in chart.lines[0].points.split():
        x, y = map(float, pair.split(","))
        assert Chart.left - 0.1 <= x <= Chart.right + 0.1
        assert Chart.top - 0.1 <= y <= Chart.bottom + 0.1
    assert 2 <= len(chart.y_ticks) <= 8
