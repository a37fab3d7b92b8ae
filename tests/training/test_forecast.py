"""What is foretold of a run: its plan as the real command then has it, its time by an earlier run's pace."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from annotate.training.forecast import forecast
from annotate.training.models import Run, RunState
from annotate.training.pace import pace_of
from annotate.training.run_config import RunConfig
from annotate.training.runs import queue_run

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def trained(
    run, *, step_seconds=0.5, before=20.0, after=10.0, device="cpu", steps=100, state=RunState.SUCCEEDED
):
    """As if it had taken so long; every tenth step is noted."""
    start = NOW.timestamp()
    points = [{"kind": "start", "time": start, "device": device, "faces": 24, "train_faces": 16}]
    points += [
        {
            "kind": "step",
            "time": start + before + step * step_seconds,
            "step": step,
            "steps": steps,
            "loss": 0.1,
        }
        for step in range(10, steps + 1, 10)
    ]
    run.state, run.events, run.started_at = state, points, NOW
    run.ended_at = NOW + timedelta(seconds=before + steps * step_seconds + after)
    if state == RunState.RUNNING:
        run.ended_at = None
    run.save()
    return run


@pytest.mark.slow
@pytest.mark.parametrize("hold_out_own", [pytest.param(False, marks=pytest.mark.long), True])
def test_the_command_takes_the_steps_that_were_foretold(snapshot, dataset, tmp_path, hold_out_own):
    """Of the snapshot with held-out faces, and of one that leaves holding out to the run."""
    from annotate.training.freezing import freeze_snapshot

    if hold_out_own:
        dataset.imported_triplets.filter(split="val").delete()
        dataset.faces.filter(split="val").delete()
        snapshot = freeze_snapshot(name="train only", dataset=dataset)
    config = RunConfig(epochs=2, faces_per_step=6, triplets_per_step=4, order=1, seed=3)
    told = forecast(snapshot, config, None).plan
    folder = settings.SNAPSHOTS_DIR / snapshot.folder
    command = [sys.executable, "-m", "model", "train", "--snapshot", str(folder), "--threads", "1"]
    done = subprocess.run(
        [*command, "--output", str(tmp_path / "out"), *config.arguments()],
        cwd=settings.BASE_DIR, capture_output=True, text=True, check=True,
    )  # fmt: skip
    events = [json.loads(line) for line in done.stdout.splitlines()]
    [start] = [event for event in events if event["event"] == "start"]
    [stage] = [event for event in events if event["event"] == "stage" and event["stage"] == "train"]
    for name in ("train_faces", "val_faces", "triplets", "val_triplets"):
        assert getattr(told, name) == start[name], name
    assert list(told.notes) == [note for note in start["notes"] if "held out" in note]
    assert (told.steps, told.epochs) == (stage["steps"], 2)
    assert start["environment"]["torch"]


def test_without_a_run_of_its_kind_nobody_can_tell_the_time(snapshot):
    told = forecast(snapshot, RunConfig(epochs=4), None)
    assert (told.seconds, told.pace, told.is_exact) == (None, None, True)
    trained(queue_run(snapshot, {"backbone": "facenet"}, None))
    trained(queue_run(snapshot, {"size": 80}, None))
    trained(queue_run(snapshot, {}, None), state=RunState.FAILED)
    assert forecast(snapshot, RunConfig(), None).seconds is None


def test_the_time_is_that_of_the_last_run_of_its_kind(snapshot):
    first = trained(queue_run(snapshot, {}, None), step_seconds=5)
    assert forecast(snapshot, RunConfig(epochs=4), None).pace.run == first
    assert forecast(snapshot, RunConfig(epochs=4, size=64), None).pace.run == first
    last = trained(queue_run(snapshot, {}, None))
    told = forecast(snapshot, RunConfig(epochs=4), None)
    assert told.pace.run == last
    assert told.seconds == pytest.approx(20 + told.plan.steps * 0.5 + 10)
    half = forecast(snapshot, RunConfig(epochs=4, faces_per_step=8), None)
    assert half.seconds == pytest.approx(20 + half.plan.steps * 0.25 + 10)
    running = trained(queue_run(snapshot, {}, None), step_seconds=1, state=RunState.RUNNING)
    told = forecast(snapshot, RunConfig(epochs=4), None)
    assert told.pace.run == running
    assert told.seconds == pytest.approx(20 + told.plan.steps)


def test_another_kind_of_device_tells_nothing(snapshot):
    trained(queue_run(snapshot, {}, None))
    newer = trained(queue_run(snapshot, {"backbone": "facenet"}, None), device="cuda:0", step_seconds=0.1)
    assert forecast(snapshot, RunConfig(), None).pace is None
    assert forecast(snapshot, RunConfig(backbone="facenet"), None).pace.run == newer


def test_pace_needs_two_steps_of_the_last_process(snapshot):
    run = trained(queue_run(snapshot, {}, None), steps=10)
    assert pace_of(run) is None
    run = trained(run, steps=40)
    run.events[0]["time"] = run.events[-1]["time"]
    assert pace_of(run) is None, "a resumed run had a break"


@examples(max_examples=60, deadline=None)
@given(
    step_seconds=st.floats(0.01, 60), before=st.floats(0, 900), after=st.floats(0, 900),
    steps=st.integers(2, 40).map(lambda tens: 10 * tens),
)  # fmt: skip
def test_a_run_like_the_last_one_takes_as_long(step_seconds, before, after, steps):
    """And twice the steps and faces take at least as long as half of them, never twice as long or more."""
    run = Run(config=RunConfig().as_json())
    run.save = lambda: None
    trained(run, step_seconds=step_seconds, before=before, after=after, steps=steps)
    pace = pace_of(run)
    whole = pace.seconds(steps=steps, step_faces=pace.step_faces, faces=pace.faces)
    took = (run.ended_at - run.started_at).total_seconds()
    # A first step that comes at once can not be told from a start that takes as long as ten steps.
    assert took - 10 * step_seconds - 0.1 <= whole <= took + 10 * step_seconds + 0.1
    twice = pace.seconds(steps=2 * steps, step_faces=pace.step_faces, faces=2 * pace.faces)
    assert twice == pytest.approx(2 * whole)
