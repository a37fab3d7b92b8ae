"""What the benchmarks share: a clock and a way to print a ratio."""

import time
from contextlib import contextmanager

import pytest


@pytest.fixture
def seconds():
    """`with seconds() as took:` leaves the elapsed seconds in `took[0]`."""

    @contextmanager
    def measure():
        took = []
        start = time.perf_counter()
        yield took
        took.append(time.perf_counter() - start)

    return measure


@pytest.fixture
def report(capsys):
    """Prints a line past pytest's capture."""

    def line(text):
        with capsys.disabled():
            print(f"\n{text}", flush=True)

    return line
