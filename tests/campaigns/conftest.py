"""A small data set whose true expressions are points on a line, and campaigns on it."""

import itertools
import uuid

import pytest
from django.utils import timezone

from annotate.accounts.models import Role, User
from annotate.campaigns.creation import create_campaign
from annotate.campaigns.models import Answer
from annotate.campaigns.voting import cast_vote
from annotate.faces.models import Dataset, Face, ImportedTriplet

SIZE = 60


@pytest.fixture
def dataset(db):
    """60 faces of 60 people at 0, 1, 2, ... and, for the first three anchors, 24 strong triplets each."""
    dataset = Dataset.objects.create(name="line")
    faces = Face.objects.bulk_create(
        Face(
            dataset=dataset, key=f"line:{i:03}.jpg", image=f"{i:03}.jpg", crop=f"line/{i:03}.jpg",
            crop_sha256="0" * 64, identity=f"p{i}", expression=("calm", "glad", "sad")[i % 3],
            known_expression=[float(i)],
        )
        for i in range(SIZE)
    )  # fmt: skip
    trios = ((a, a + 1 + i, 30 + (i * 7 + a) % 30) for a in range(3) for i in range(24))
    ImportedTriplet.objects.bulk_create(
        ImportedTriplet(
            dataset=dataset, face_1=faces[n], face_2=faces[a], face_3=faces[p], kind="TWO_CLASS_TRIPLET",
            split="train", raters=[f"r{i}" for i in range(6)], answers=[1, 1, 1, 1, 2, 0],
            odd=1, strength="strong", votes_for=4, votes_against=1,
        )
        for a, p, n in trios
        if p != n
    )  # fmt: skip
    return dataset


@pytest.fixture
def campaign(dataset):
    return create_campaign(name="c", dataset=dataset, groups=3, k=8, seed=5).campaign


@pytest.fixture
def annotators(db):
    return [User.objects.create_user(f"a{i}", None, role=Role.ANNOTATOR) for i in range(4)]


@pytest.fixture
def vote():
    """Casts a vote of an annotator on a question; named faces are by their place on the line."""
    ids = itertools.count(1)

    def cast(annotator, question, answer=None, *, vote_id=None, at=None):
        if answer is None:
            answer = Answer.LEFT if question.left_id < question.right_id else Answer.RIGHT
        return cast_vote(
            vote_id=vote_id or uuid.UUID(int=next(ids)), showing_id=question.pk,
            annotator=annotator, answer=answer, response_ms=900, at=at or timezone.now(),
        )  # fmt: skip

    return cast
