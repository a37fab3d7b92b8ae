"""When a night's hour was last and will be next, by the clock of the installation's time zone. Pure.

An hour that the clock leaves out in spring comes at the next one; of an hour that it repeats in autumn the
first counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo


def last_night(hour: int, at: datetime, zone: tzinfo) -> datetime:
    """The latest moment up to `at` when it was `hour` o'clock, in UTC."""
    return max(moment for moment in _around(hour, at, zone) if moment <= at)


def next_night(hour: int, at: datetime, zone: tzinfo) -> datetime:
    """The first moment after `at` when it will be `hour` o'clock, in UTC."""
    return min(moment for moment in _around(hour, at, zone) if moment > at)


def _around(hour: int, at: datetime, zone: tzinfo) -> Iterator[datetime]:
    # In UTC: two moments of one zone are compared by their clocks, which go back in autumn.
    today = at.astimezone(zone).date()
    for days in range(-2, 3):
        yield datetime.combine(today + timedelta(days), time(hour), tzinfo=zone).astimezone(UTC)
