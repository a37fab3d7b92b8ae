"""A small world to train in: folders of its own, drawn faces with triplets, a client for each actor."""

import sys
from pathlib import Path

import pytest
from django.test import Client

from annotate.training import process
from annotate.training.freezing import freeze_snapshot
from annotate.training.runs import queue_run
from tests.factories import make_dataset, make_face, make_imported_triplet


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    """Snapshots and runs of this test's own."""
    settings.SNAPSHOTS_DIR = tmp_path / "snapshots"
    settings.RUNS_DIR = tmp_path / "runs"
    return tmp_path


@pytest.fixture
def dataset(db):
    """Twelve people, eight of them for training, calm and glad; triplets name the other expression odd."""
    dataset = make_dataset("drawn")
    for split, people in (("train", range(8)), ("val", range(8, 12))):
        calm, glad = (
            [
                make_face(
                    dataset, f"{expression}-{person:02}", split=split, identity=f"p{person}",
                    expression=expression, smile=smile, tone=120 + 10 * person,
                )
                for person in people
            ]
            for expression, smile in (("calm", -0.6), ("glad", 0.9))
        )  # fmt: skip
        for i in range(len(calm)):
            j = (i + 1) % len(calm)
            answers = (3, 3, 3, 3, 2, 0)
            make_imported_triplet((calm[i], calm[j], glad[i]), answers, kind="TWO_CLASS_TRIPLET")
            make_imported_triplet((glad[i], glad[j], calm[i]), answers, kind="TWO_CLASS_TRIPLET")
    return dataset


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
