"""When a night's hour was and will be, in whatever time zone and across changes of the clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.training.nights import last_night, next_night

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati"])
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


@given(hour=st.integers(0, 23), at=MOMENTS, zone=ZONES.map(ZoneInfo))
def test_one_a_day_and_the_moment_lies_between_two(hour, at, zone):
    before, after = last_night(hour, at, zone), next_night(hour, at, zone)
    assert before <= at < after
    assert timedelta(hours=23) <= after - before <= timedelta(hours=25)
    assert last_night(hour, after, zone) == after
    assert next_night(hour, before, zone) == after
    # In spring the hour may be one that the clock leaves out: then it comes at the next.
    assert before.astimezone(zone).hour in (hour, (hour + 1) % 24)


@pytest.mark.parametrize(
    ("at", "before", "after"),
    [
        ("2026-01-10 03:30", "2026-01-10 02:00", "2026-01-11 02:00"),
        ("2026-01-10 02:59", "2026-01-10 02:00", "2026-01-11 02:00"),
        # The clock goes from 2:00 to 3:00.
        ("2026-03-29 04:00", "2026-03-29 01:00", "2026-03-30 00:00"),
        # It is 2:30 twice; the night came with the first 2:00.
        ("2026-10-25 00:30", "2026-10-25 00:00", "2026-10-26 01:00"),
        ("2026-10-25 01:30", "2026-10-25 00:00", "2026-10-26 01:00"),
    ],
)
def test_two_oclock_in_berlin(at, before, after):
    at, before, after = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (at, before, after))
    hour = 2 if at.month > 1 else 3
    assert last_night(hour, at, BERLIN) == before
    assert next_night(hour, at, BERLIN) == after
