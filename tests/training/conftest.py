"""A small world to train in: temporary folders, drawn faces with triplets, a client for each actor."""

import copy

import pytest
from django.test import Client

from tests.factories import make_dataset, make_face, make_imported_triplet


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    """Storage, snapshots and runs of this test's own."""
    storages = copy.deepcopy(settings.STORAGES)
    storages["default"]["OPTIONS"]["location"] = str(tmp_path / "faces")
    settings.STORAGES = storages
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
