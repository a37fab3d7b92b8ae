"""The points of a run's curves: what becomes a point, thinning, time left."""

from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.training import curves


def step(number, **values):
    return {"kind": "step", "time": float(number), "step": number, "steps": 10_000, "loss": 0.5} | values


def epoch(number):
    return {"kind": "epoch", "epoch": number, "accuracy": 0.5}


def test_only_the_training_makes_points():
    event = {"event": "progress", "time": 1.0, "stage": "identity", "step": 1, "steps": 2, "loss": 1.0}
    assert curves.point_of(event) is None
    assert curves.point_of(event | {"stage": "train"})["loss"] == 1.0
    assert curves.point_of({"event": "stage", "stage": "train", "time": 1.0}) is None
    assert curves.point_of({}) is None


def test_a_point_tells_of_the_gpu_where_there_is_one():
    event = {"event": "progress", "time": 1.0, "stage": "train", "step": 1, "steps": 2, "rate": 0.5}
    load = {"memory": 5, "memory_total": 8, "use": None}
    assert curves.point_of(event | {"gpu": load}).items() >= {*load.items(), ("rate", 0.5)}
    assert "memory" not in curves.point_of(event | {"gpu": None})


def test_the_headline_is_of_the_strongest_triplets_there_are():
    strong = {"strong": {"accuracy": {"mean": 0.6}}, "weak": {"accuracy": {"mean": 0.4}}}
    assert curves.headline(strong) == 0.6
    assert curves.headline({"strong": {"accuracy": {"mean": None}}, "weak": {"accuracy": {"mean": 0}}}) == 0
    assert curves.headline({"tournament": {"accuracy": 0.7, "count": 1}}) == 0.7
    assert curves.headline({}) is None


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 3_000), st.integers(1, 700))
def test_however_many_come_few_are_kept_and_the_newest_among_them(steps, every):
    points = []
    for number in range(1, steps + 1):
        points = curves.with_point(points, step(number))
        if number % every == 0:
            points = curves.with_point(points, epoch(number // every))
    assert len(points) <= curves.MOST_POINTS
    kept = [p["step"] for p in points if p["kind"] == "step"]
    assert kept == sorted(set(kept))
    assert kept[-1] == steps
    if steps >= every:
        assert [p["epoch"] for p in points if p["kind"] == "epoch"][-1] == steps // every


def test_a_resumed_run_goes_over_its_steps_again():
    points = [{"kind": "start", "time": 0.0}, step(10), step(20), epoch(1), step(30), epoch(2)]
    for point in ({"kind": "start", "time": 90.0}, step(20, time=100.0), epoch(1)):
        points = curves.with_point(points, point)
    assert [p["step"] for p in points if p["kind"] == "step"] == [10, 20]
    assert [p["epoch"] for p in points if p["kind"] == "epoch"] == [1]
    assert [p["time"] for p in points if p["kind"] == "start"] == [90.0]
    assert curves.seconds_left(points) is None, "the break is no pace"
    points = curves.with_point(points, step(30, time=110.0))
    assert curves.seconds_left(points) == 9_970


def test_the_time_between_two_workers_is_no_work():
    points = []
    for point in (
        {"kind": "start", "time": 100.0}, step(1, time=110.0), step(2, time=120.0),
        {"kind": "start", "time": 1_000.0}, step(2, time=1_005.0), epoch(1) | {"time": 1_006.5, "step": 2},
    ):  # fmt: skip
        points = curves.with_point(points, point)
    assert curves.series(points, "step", "loss", by="seconds") == [(10.0, 0.5), (25.0, 0.5)]
    assert curves.series(points, "epoch", "accuracy", by="seconds") == [(26.5, 0.5)]
    assert curves.series(points, "epoch", "accuracy", by="step") == [(2, 0.5)]


def test_points_of_before_there_were_seconds_are_left_out():
    assert curves.series([step(1), epoch(1)], "step", "loss", by="seconds") == []
    assert curves.series([epoch(1)], "epoch", "accuracy", by="step") == []


def test_time_left_needs_two_points():
    assert curves.seconds_left([]) is None
    assert curves.seconds_left([step(10)]) is None
    assert curves.seconds_left([step(10, time=1.0), step(110, time=2.0)]) == 99
