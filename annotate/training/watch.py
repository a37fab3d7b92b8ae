"""Tells the database how far a run is while a worker has it, and hears from it when to stop."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from annotate.training import curves, runs
from annotate.training.models import RunState

BEAT_SECONDS = 1.0
# The points of the curves are a long value: written less often than the heartbeat.
POINTS_SECONDS = 2.0
# Half of what makes a worker a lost one: until then nobody else can have its run.
SURE_SECONDS = 30.0

logger = logging.getLogger(__name__)


class Stopped(Exception):
    """The run is being cancelled, or is not this worker's any more."""


class Watch:
    """Tells the database how far the run is, and hears from it when to stop."""

    def __init__(self, claim: runs.Claim, points: list[curves.Event]) -> None:
        self._claim = claim
        self._points = points
        self._environment: dict[str, Any] = {}
        self._stage, self._progress = "starting", 0.0
        self._last_beat = self._last_points = 0.0
        self._points_written = True
        self._held_at = time.monotonic()

    def enter_stage(self, stage: str) -> None:
        self._stage, self._progress = stage, 0.0
        self.tell_all()

    def tell_all(self) -> None:
        """Write what is new, without waiting for its turn. Raises Stopped."""
        self._last_beat = self._last_points = 0.0
        self.beat()

    def hear(self, event: dict[str, Any]) -> None:
        """Take in one event of `python -m model train`."""
        if event.get("event") in ("stage", "progress"):
            self._stage = str(event["stage"]).replace("_", " ")
            self._progress = event.get("step", 0) / max(event.get("steps") or 1, 1)
        self._environment = event.get("environment") or self._environment
        point = curves.point_of(event)
        if point is not None:
            self._points, self._points_written = curves.with_point(self._points, point), False

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)
        self.beat()

    def wait_on(self, seconds: float) -> None:
        """As `wait`, by a worker that stops anyway and has something to bring to an end before."""
        with suppress(Stopped):
            self.wait(seconds)

    def is_held_for_sure(self) -> bool:
        """Whether the run is this worker's still: the database said so, and since then not enough has passed
        for anybody to take it."""
        return time.monotonic() - self._held_at < SURE_SECONDS

    def beat(self) -> None:
        """Write what is new, at most about once a second. Raises Stopped."""
        now = time.monotonic()
        if now - self._last_beat < BEAT_SECONDS:
            return
        self._last_beat = now
        values: dict[str, object] = {"stage": self._stage, "progress": self._progress}
        if not self._points_written and now - self._last_points >= POINTS_SECONDS:
            values["events"] = self._points
            if self._environment:
                values["environment"] = self._environment
        try:
            state = runs.report(self._claim, timezone.now(), **values)
        except (OperationalError, InterfaceError):
            # The database restarts, say. The training goes on; the next beat connects anew.
            logger.warning("No heartbeat for run %s: the database does not answer", self._claim.run_id)
            connection.close()
            return
        if "events" in values:
            self._points_written, self._last_points = True, now
        self._held_at = now if state is not None else -SURE_SECONDS
        if state != RunState.RUNNING:
            raise Stopped
