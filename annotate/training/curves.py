"""The points of a run's curves: taken from the network's events, thinned, and read for the page. Pure.

A run's `events` are dicts: one of kind "start" (device, notes, counts), then "step" and "epoch" points.
`seconds` of each is how long the run had been worked on, breaks between two workers left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Event = dict[str, Any]

MOST_POINTS = 500
# The pace of so many last points tells the time left: it follows when the machine gets slower.
PACE_POINTS = 40
_OF_STEP = ("time", "step", "steps", "loss", "rate", "images_per_second")
_OF_EPOCH = ("time", "epoch", "epochs", "step", "loss", "train_accuracy")
# Of a manipulator's held-out pairs.
JUDGED = ("nearer_to_expression", "nearer_to_identity")
STARTED = (
    "time",
    "faces",
    "train_faces",
    "val_faces",
    "triplets",
    "val_triplets",
    "annotators",
    "device",
    "notes",
)


def headline(report: Mapping[str, Any]) -> float | None:
    """The one figure to watch: strong triplets' mean accuracy, else weak ones', else tournament."""
    for strength in ("strong", "weak"):
        accuracy = report.get(strength, {}).get("accuracy", {}).get("mean")
        if accuracy is not None:
            return float(accuracy)
    return report.get("tournament", {}).get("accuracy")


def judged(report: Mapping[str, Any], name: str) -> float | None:
    """The share of held-out pairs in which a manipulated face is nearer to what it is to be near."""
    share = (report.get(name) or {}).get("share")
    return None if share is None else float(share)


def point_of(event: Mapping[str, Any]) -> Event | None:
    """The point that an event of the network gives, if it gives one."""
    kind = event.get("event")
    if kind == "start":
        return {"kind": "start"} | {name: event.get(name) for name in STARTED}
    if event.get("stage") != "train":
        return None
    if kind == "progress":
        return {"kind": "step"} | {name: event.get(name) for name in _OF_STEP} | (event.get("gpu") or {})
    if kind == "epoch":
        report = event.get("report") or {}
        found = {"accuracy": headline(report)} | {
            name: judged(report, name) for name in JUDGED if name in report
        }
        return {"kind": "epoch"} | {name: event.get(name) for name in _OF_EPOCH} | found
    return None


def with_point(points: Sequence[Event], point: Event) -> list[Event]:
    """The points with a new one, thinned. A run that is resumed starts anew and goes over some of its
    steps again: the points of before make way."""
    kind = point["kind"]
    if kind == "start":
        before = max((p.get("seconds") or 0.0 for p in points), default=0.0)
        return [point | {"seconds": before}, *(p for p in points if p["kind"] != kind)]
    point = point | {"seconds": _seconds(points, point)}
    return _thinned([*(p for p in points if p["kind"] != kind or p[kind] < point[kind]), point])


def _seconds(points: Sequence[Event], point: Event) -> float | None:
    start = next(iter(of_kind(points, "start")), {})
    if start.get("time") is None or point.get("time") is None:
        return None
    return round(start.get("seconds", 0.0) + max(0.0, point["time"] - start["time"]), 1)


def _thinned(points: list[Event]) -> list[Event]:
    """At most MOST_POINTS: every second point of the more numerous kind goes, the newest stays."""
    while len(points) > MOST_POINTS:
        steps = sum(point["kind"] == "step" for point in points)
        kind = "step" if steps * 2 >= len(points) else "epoch"
        chosen = [place for place, point in enumerate(points) if point["kind"] == kind]
        dropped = set(chosen[-2::-2])
        points = [point for place, point in enumerate(points) if place not in dropped]
    return points


def of_kind(points: Sequence[Event], kind: str) -> list[Event]:
    return [point for point in points if point["kind"] == kind]


def series(
    points: Sequence[Event], kind: str, value: str, *, by: str | None = None
) -> list[tuple[float, float]]:
    """(step or epoch, or what `by` names, value) of the points that have both."""
    by = by or kind
    found = of_kind(points, kind)
    return [(p[by], p[value]) for p in found if p.get(value) is not None and p.get(by) is not None]


def seconds_left(points: Sequence[Event]) -> int | None:
    """How long the training will still take at its present pace; None while that is unknown."""
    # Only those of the present process: a resumed run had a break.
    since = max((p.get("time") or 0 for p in of_kind(points, "start")), default=0)
    steps = [p for p in of_kind(points, "step")[-PACE_POINTS:] if p["time"] >= since]
    if len(steps) < 2:
        return None
    first, last = steps[0], steps[-1]
    done, took = last["step"] - first["step"], last["time"] - first["time"]
    if done <= 0 or took <= 0:
        return None
    return math.ceil((last["steps"] - last["step"]) * took / done)
