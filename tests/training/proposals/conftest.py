"""Faces at places on a line, a campaign on them, and an active version that sees these places."""

import random

import pytest

from annotate.campaigns.creation import create_campaign
from annotate.faces.models import Dataset, Face, ImportedTriplet
from annotate.training.models import Snapshot
from annotate.training.versions import promote
from tests.training.proposals.line import NOW, K, embed
from tests.training.registry import make_version

PEOPLE = 40


@pytest.fixture
def dataset(db):
    """Faces of 40 people at places on a line; strong triplets say that near ones are nearer than far ones.

    The last ten are of the validation split.
    """
    dataset = Dataset.objects.create(name="line")
    rng = random.Random(0)
    places = [rng.random() * 10 for _ in range(PEOPLE)]
    faces = Face.objects.bulk_create(
        Face(
            dataset=dataset, key=f"line:{i}", image=f"{i}.jpg", crop=f"line/{i}.jpg", crop_sha256="0" * 64,
            identity=f"p{i}", known_expression=[places[i]], split="val" if i >= 30 else "train",
        )
        for i in range(PEOPLE)
    )  # fmt: skip
    trios = set()
    for split in (range(30), range(30, 40)):
        for one in split:
            order = sorted((i for i in split if i != one), key=lambda i: abs(places[i] - places[one]))
            for other in order[:6]:
                odd = rng.choice(
                    [
                        i
                        for i in order
                        if abs(places[i] - places[one]) > abs(places[other] - places[one])
                        and abs(places[i] - places[other]) > abs(places[other] - places[one])
                    ]
                    or order[-1:]
                )
                trios.add((*sorted((one, other)), odd))
    ImportedTriplet.objects.bulk_create(
        ImportedTriplet(
            dataset=dataset, face_1=faces[a], face_2=faces[b], face_3=faces[odd], split=faces[a].split,
            raters=list("abcdef"), answers=[3, 3, 3, 3, 3, 1], odd=3, strength="strong", votes_for=5,
            votes_against=1,
        )
        for a, b, odd in sorted(trios) if len({a, b, odd}) == 3
    )  # fmt: skip
    return dataset


@pytest.fixture
def campaign(dataset):
    return create_campaign(name="c", dataset=dataset, groups=4, k=K, repetitions=1, seed=2).campaign


@pytest.fixture
def version(dataset, admin, folders):
    """The active version: it sees the places on the line, but for the faces that `noise` moves."""
    snapshot = Snapshot.objects.create(name="s", dataset=dataset, folder="s", sha256="0" * 64, counts={})
    version = make_version(snapshot)
    embed(version, dataset)
    promote(version, admin, "", NOW)
    return version
