"""A small world to train in: folders of its own, drawn faces with triplets, a client for each actor."""

import sys
from pathlib import Path

import pytest
from django.test import Client

from annotate.training import process
from annotate.training.freezing import freeze_snapshot
from annotate.training.runs import queue_run
from tests.training.drawn import drawn_dataset
from tests.training.workers import start_worker  # noqa: F401 (a fixture)


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    """Snapshots and runs of this test's own."""
    settings.SNAPSHOTS_DIR = tmp_path / "snapshots"
    settings.RUNS_DIR = tmp_path / "runs"
    return tmp_path


@pytest.fixture
def dataset(db):
    return drawn_dataset()


@pytest.fixture
def client_of():
    """A browser in which this user is logged in; None is a stranger."""

    def client(user):
        client = Client()
        if user is not None:
            client.force_login(user)
        return client

    return client


@pytest.fixture
def snapshot(dataset):
    return freeze_snapshot(name="frozen", dataset=dataset)


@pytest.fixture
def run(snapshot):
    return queue_run(snapshot, {}, None)


@pytest.fixture
def stand_in(monkeypatch):
    """The network's place is taken by a script that only behaves like it."""
    script = Path(__file__).with_name("stand_in.py")
    monkeypatch.setattr(process, "COMMAND", [sys.executable, str(script)])
