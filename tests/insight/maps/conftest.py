"""A version that has placed some people's expressions, and a map of them."""

import random

import pytest
from django.test import Client
from django.utils import timezone

from annotate.faces.models import Face
from annotate.insight.maps import ask_for_map, enter_points
from annotate.insight.models import ExpressionMap
from annotate.training import jobs
from annotate.training.models import Snapshot
from annotate.training.results import store_embeddings_of
from tests.factories import make_dataset
from tests.training.registry import make_version

EXPRESSIONS = ("calm", "glad", "glum", "")
FIGURES = {
    "n": 24, "of": 24, "method": "tsne", "settings": {"perplexity": 7.0, "seed": 0, "threads": 1},
    "trustworthiness": 0.9375, "continuity": 0.9125, "neighbours_measured": 11, "measured_on": 24,
}  # fmt: skip
SETTINGS = {"method": "tsne", "perplexity": 30.0, "neighbours": 15, "seed": 0}


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.STATE_DIR = tmp_path
    settings.SNAPSHOTS_DIR = tmp_path / "snapshots"
    settings.RUNS_DIR = tmp_path / "runs"
    return tmp_path


def make_rows(dataset, count):
    """Faces without pictures: a map reads none. Six people with four expressions each."""
    return Face.objects.bulk_create(
        Face(
            dataset=dataset, key=f"{dataset.name}:f{number:02}", image=f"f{number:02}.jpg",
            crop=f"{dataset.name}/f{number:02}.jpg", crop_sha256="0" * 64,
            identity=f"p{number // 4}", expression=EXPRESSIONS[number % 4],
            split="val" if number >= 20 else "train",
        )
        for number in range(count)
    )  # fmt: skip


@pytest.fixture
def dataset(db):
    dataset = make_dataset("drawn")
    make_rows(dataset, 24)
    return dataset


@pytest.fixture
def snapshot(dataset):
    return Snapshot.objects.create(
        name="frozen", dataset=dataset, folder="frozen", sha256="0" * 64, counts={"faces": 24}
    )


@pytest.fixture
def version(snapshot, dataset):
    """It has embedded all faces: near each other where expressions are the same."""
    version = make_version(snapshot)
    rng = random.Random(0)

    def vector(expression):
        shown = EXPRESSIONS.index(expression)
        return [rng.gauss(3.0 if place == shown else 0.0, 0.3) for place in range(16)]

    faces = dataset.faces.order_by("pk")
    store_embeddings_of(version, ((face.pk, vector(face.expression)) for face in faces))
    return version


@pytest.fixture
def make_map(version, dataset, curator):
    """Maps that are there: each face at its number, and as high as its expression's."""

    def make(version=version, **settings):
        now = timezone.now()
        asked = ask_for_map(version, [dataset], curator, now, **(SETTINGS | settings))
        faces = dataset.faces.order_by("pk").values_list("pk", flat=True)
        places = [(face, float(place), float(place % 4)) for place, face in enumerate(faces)]
        enter_points(asked, places, FIGURES, "")
        jobs.end(jobs.claim(ExpressionMap, asked.pk, "worker:1", now), now)
        asked.refresh_from_db()
        return asked

    return make


@pytest.fixture
def actors(annotator, curator, admin):
    """A client for each role."""
    clients = {"stranger": Client()}
    for name, user in (("annotator", annotator), ("curator", curator), ("admin", admin)):
        clients[name] = Client()
        clients[name].force_login(user)
    return clients
