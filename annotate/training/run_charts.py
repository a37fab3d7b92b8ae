"""The charts of runs: one run's curves, and several runs' beside each other. Reads; draws nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from annotate.training import curves
from annotate.training.chart import Chart, Point, line_chart
from annotate.training.models import Run

GIB = 1 << 30
Axis = Literal["step", "time"]


@dataclass(frozen=True)
class _Curve:
    """What a chart shows: a value of steps or epochs, multiplied, and how it is said."""

    label: str
    kind: str
    value: str
    say: Callable[[float], str]
    times: float = 1.0
    from_zero: bool = False


def _percent(value: float) -> str:
    return f"{value:.1f} %"


LOSS = _Curve("loss", "step", "loss", "{:.4g}".format)
ACCURACY = _Curve("triplet accuracy, %", "epoch", "accuracy", _percent, 100)
IN_TRAINING = _Curve(ACCURACY.label, "epoch", "train_accuracy", _percent, 100)
EXPRESSION = _Curve("held-out pairs, %", "epoch", "nearer_to_expression", _percent, 100)
IDENTITY = _Curve(EXPRESSION.label, "epoch", "nearer_to_identity", _percent, 100)
RATE = _Curve("learning rate", "step", "rate", "{:.3g}".format, from_zero=True)
PACE = _Curve("images per second", "step", "images_per_second", "{:,.0f}".format, from_zero=True)
MEMORY = _Curve("GPU memory, GiB", "step", "memory", "{:.1f} GiB".format, 1 / GIB, from_zero=True)
MEMORY_TOTAL = _Curve(MEMORY.label, "step", "memory_total", "{:.1f} GiB".format, 1 / GIB)
USE = _Curve("GPU use, %", "step", "use", "{:.0f} %".format, from_zero=True)


def charts_of(run: Run) -> list[Chart]:
    """Loss and accuracy, then how the machine does; only those that have something to show."""
    drawn = (
        _chart(run, {"loss": LOSS}),
        _chart(run, {"held out": ACCURACY, "in training": IN_TRAINING}),
        _chart(run, {"nearer the expression": EXPRESSION, "still the person": IDENTITY}),
        _chart(run, {"learning rate": RATE}),
        _chart(run, {"images per second": PACE}),
        _chart(run, {"in use": MEMORY, "there is": MEMORY_TOTAL}),
        _chart(run, {"use": USE}),
    )
    return [chart for chart in drawn if chart]


def _chart(run: Run, named: Mapping[str, _Curve]) -> Chart | None:
    [first, *_] = named.values()
    lines = {name: _points(run, curve, first.kind) for name, curve in named.items()}
    return line_chart(
        lines, x_label=first.kind, y_label=first.label, say_y=first.say, from_zero=first.from_zero
    )


def _points(run: Run, curve: _Curve, by: str) -> list[Point]:
    return [(x, y * curve.times) for x, y in curves.series(run.events, curve.kind, curve.value, by=by)]


def compared(runs: Mapping[str, Run], axis: Axis) -> list[Chart]:
    """The named runs' losses, and their accuracies on held-out triplets, in one chart each."""
    by = "seconds" if axis == "time" else "step"
    drawn = []
    for curve in (LOSS, ACCURACY):
        lines: dict[str, Sequence[Point]] = {name: _points(run, curve, by) for name, run in runs.items()}
        unit, seconds = _unit(lines) if axis == "time" else ("step", 1)
        drawn.append(
            line_chart(
                {name: [(x / seconds, y) for x, y in points] for name, points in lines.items()},
                x_label=unit,
                y_label=curve.label,
                say_x="{:,.0f}".format if axis == "step" else "{:.1f}".format,
                say_y=curve.say,
            )
        )
    return [chart for chart in drawn if chart]


def _unit(lines: Mapping[str, Sequence[Point]]) -> tuple[str, int]:
    """What the longest of the lines, in seconds, is best told in."""
    longest = max((x for points in lines.values() for x, _ in points), default=0.0)
    return next(
        (name, seconds)
        for name, seconds, most in (("seconds", 1, 180), ("minutes", 60, 3 * 3_600), ("hours", 3_600, None))
        if most is None or longest < most
    )
