"""How fast a run went, and how long another of its kind will take at that pace. Reads; writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from annotate.training import curves
from annotate.training.models import Run, RunState
from annotate.training.run_kinds import Config, config_of

LOOKED_AT = 20
# Between its claim and its first word a run only starts its process; longer than this it had been resumed.
MOST_STARTING_SECONDS = 120.0


@dataclass(frozen=True)
class Pace:
    """Of one run. `step_seconds` at `step_faces` faces a step; `other_seconds` for `faces` faces: decoding,
    the identity branch, evaluation, embedding."""

    run: Run
    device: str
    step_seconds: float
    step_faces: int
    other_seconds: float
    faces: int

    def seconds(self, *, steps: int, step_faces: int, faces: int) -> float:
        """What so many steps of so many faces each take, and all that else is done with the faces."""
        training = steps * self.step_seconds * step_faces / self.step_faces
        return training + self.other_seconds * faces / self.faces


def last_pace(config: Config, *, has_parent: bool) -> Pace | None:
    """That of the newest run that succeeded or trains now, with such a network, on the kind of device that
    runs are trained on now; None where there is none.

    One that began as this one will (from a parent or from scratch) is taken first: pretraining of the
    identity branch is not a matter of faces alone.
    """
    told = Run.objects.filter(kind=config.kind, state__in=[RunState.SUCCEEDED, RunState.RUNNING])
    told = told.exclude(events=[])
    told = list(told.order_by("-pk")[:LOOKED_AT])
    now = next((device_of(run) for run in told if device_of(run)), "")
    alike = [run for run in told if _is_alike(run, config) and device_of(run) == now]
    paces = [pace for run in alike if (pace := pace_of(run))]
    first = [pace for pace in paces if (pace.run.parent_id is not None) == has_parent]
    return next(iter([*first, *paces]), None)


def device_of(run: Run) -> str:
    """The kind of device that it said it was trained on: cpu, cuda; empty before that."""
    return str(_start(run.events).get("device") or "").partition(":")[0]


def pace_of(run: Run) -> Pace | None:
    """None before two of its steps are known."""
    start = _start(run.events)
    # Only those of the last process: a resumed run had a break.
    steps = [p for p in curves.of_kind(run.events, "step") if p["time"] >= (start.get("time") or 0)]
    if len(steps) < 2 or not start.get("faces"):
        return None
    first, last = steps[0], steps[-1]
    done, took = last["step"] - first["step"], last["time"] - first["time"]
    if done <= 0 or took <= 0:
        return None
    step_faces = config_of(run).faces_of_step(start.get("train_faces") or start["faces"])
    other = _other_seconds(run, start, first, last, took / done)
    return Pace(run, device_of(run), took / done, step_faces, other, start["faces"])


def _other_seconds(
    run: Run, start: curves.Event, first: curves.Event, last: curves.Event, step_seconds: float
) -> float:
    """Before its first step and after its last, as far as that is known."""
    before = first["time"] - (start.get("time") or first["time"])
    # The first step that is known is seldom its first; of a resumed run its number does not tell.
    if first["step"] * step_seconds < before:
        before -= first["step"] * step_seconds
    starting = start["time"] - run.started_at.timestamp() if run.started_at and start.get("time") else 0.0
    if 0 < starting < MOST_STARTING_SECONDS:
        before += starting
    after = run.ended_at.timestamp() - last["time"] if run.ended_at else 0.0
    return before + max(after, 0.0)


def _is_alike(run: Run, config: Config) -> bool:
    return config_of(run).pace_key == config.pace_key


def _start(points: Sequence[curves.Event]) -> curves.Event:
    return next(iter(curves.of_kind(points, "start")), {})
