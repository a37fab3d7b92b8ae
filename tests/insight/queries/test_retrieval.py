"""The nearest faces: against a computation by hand, with every filter, with and without the index; the page
and the API say the same."""

import threading

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone

from annotate.faces.models import Face, Status
from annotate.insight import embedding_index, retrieval
from annotate.insight.embedding_index import has_index, name_of, tend_index
from annotate.insight.retrieval import Query, Wanted, nearest, nearest_pictures, query_of
from annotate.insight.tasks import tend_embedding_index
from annotate.training.models import Embedding, Snapshot
from annotate.training.versions import promote
from tests.factories import make_dataset, make_face
from tests.insight.queries.vectors import by_hand, ids, store, unit
from tests.training.registry import make_version

COUNT = 2_000


WANTED = {
    "everybody": (Wanted(), lambda face, of: True),
    "other people": (Wanted(other_identities=True), lambda face, of: face.identity != of.identity),
    "an expression": (Wanted(expression="glum"), lambda face, of: face.expression == "glum"),
    "not labelled": (Wanted(expression="="), lambda face, of: face.expression == ""),
    "a data set": (Wanted(dataset="other"), lambda face, of: face.dataset.name == "other"),
    "a split": (Wanted(split="val"), lambda face, of: face.split == "val"),
    "a status": (Wanted(status="ready"), lambda face, of: face.status == "ready"),
    "other people, glad, to train on": (
        Wanted(other_identities=True, expression="glad", split="train"),
        lambda face, of: face.identity != of.identity and (face.expression, face.split) == ("glad", "train"),
    ),
}


@pytest.fixture
def others(dataset, curator):
    """Faces of another data set: the same names of people, no label, held out, set aside."""
    other = make_dataset("other")
    make_face(other, "bare")
    make_face(other, "held", split="val", identity="p0", expression="glad")
    aside = make_face(other, "aside", identity="p1", expression="glum")
    Face.objects.filter(pk=aside.pk).update(
        status=Status.SET_ASIDE, set_aside_reason="other", set_aside_by=curator, set_aside_at=timezone.now()
    )
    return other


@pytest.mark.parametrize("kind", WANTED)
def test_the_nearest_are_those_of_a_computation_by_hand(others, version, vectors, dataset, kind):
    wanted, may = WANTED[kind]
    face = dataset.faces.get(image="p0-glad.jpg")
    found = nearest(version, query_of(face, version), wanted, 5)
    # p0 of another data set is somebody else.
    allowed = [
        one.pk for one in Face.objects.select_related("dataset")
        if one != face and (may(one, face) or (kind.startswith("other") and one.image == "held.jpg"
                                               and wanted == Wanted(other_identities=True)))
    ]  # fmt: skip
    assert ids(found) == by_hand(vectors, vectors[face.pk], allowed)[:5]
    assert found.is_exact
    assert [one.distance for one in found.neighbours] == pytest.approx(
        [float(np.linalg.norm(vectors[one.face.pk] - vectors[face.pk])) for one in found.neighbours], abs=1e-5
    )


def test_versions_do_not_mix(version, vectors, dataset):
    other = make_version(version.run.snapshot)
    rng = np.random.default_rng(5)
    theirs = store(other, dict(zip(vectors, unit(rng, len(vectors)), strict=True)))
    face = dataset.faces.first()
    rest = [pk for pk in vectors if pk != face.pk]
    assert (
        ids(nearest(version, query_of(face, version), Wanted(), 4))
        == by_hand(vectors, vectors[face.pk], rest)[:4]
    )
    assert (
        ids(nearest(other, query_of(face, other), Wanted(), 4)) == by_hand(theirs, theirs[face.pk], rest)[:4]
    )


def test_plain_pictures_are_compared_by_the_bits_that_differ(dataset):
    faces = list(dataset.faces.order_by("pk"))
    hashes = [0, 1, -1, 3, -(2**63), 2**62 + 2**61 + 7]
    for face, phash in zip(faces, hashes, strict=False):
        Face.objects.filter(pk=face.pk).update(phash=phash, dhash=0, sharpness=1, brightness=1, contrast=1)
    found = nearest_pictures(Query(faces[0], 0), Wanted(), 9)
    differ = [
        (face.pk, (phash & (2**64 - 1)).bit_count())
        for face, phash in zip(faces[1:], hashes[1:], strict=False)
    ]
    assert [(one.face.pk, one.distance) for one in found.neighbours] == sorted(
        differ, key=lambda row: (row[1], row[0])
    )


@pytest.fixture
def many(transactional_db, admin, settings, monkeypatch):
    """2,000 clustered embeddings of an active version, so many being worth an index, and of another one."""
    monkeypatch.setattr(embedding_index, "WORTH_IT", 1_000)
    monkeypatch.setattr(retrieval, "FEW", 200)
    dataset = make_dataset("many")
    Face.objects.bulk_create(
        Face(
            dataset=dataset, key=f"many:{n}", image=f"{n}.jpg", crop=f"many/{n}.jpg", crop_sha256="0" * 64,
            identity=f"p{n // 6}", expression=f"e{min(29, int(-np.log(1 - n / COUNT) * 6))}",
            split="val" if n % 10 == 0 else "train",
        )
        for n in range(COUNT)
    )  # fmt: skip
    faces = list(Face.objects.order_by("pk"))
    snapshot = Snapshot.objects.create(name="s", dataset=dataset, folder="s", sha256="0" * 64, counts={})
    versions = [make_version(snapshot), make_version(snapshot)]
    promote(versions[0], admin, "The first one", timezone.now())
    rng = np.random.default_rng(1)
    centres = unit(rng, 30)
    known = {}
    for version in versions:
        vectors = np.stack([centres[int(face.expression[1:])] for face in faces]) + rng.normal(
            0, 0.2, (COUNT, 16)
        )
        vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        known[version] = store(version, dict(zip((face.pk for face in faces), vectors, strict=True)))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE training_embedding; ANALYZE faces_face")
    yield versions, faces, known
    with connection.cursor() as cursor:
        for name, _ in embedding_index._known():
            cursor.execute(f"DROP INDEX {name}")


def recall(version, faces, vectors, wanted, may):
    """Of the ten nearest to each of some faces, the share that was found; and what was exact."""
    right, exact = [], []
    array = np.stack([vectors[face.pk] for face in faces])
    for query in faces[::50]:
        found = nearest(version, query_of(query, version), wanted, 10)
        apart = np.linalg.norm(array - vectors[query.pk], axis=1)
        allowed = np.array([face != query and may(face, query) for face in faces])
        order = np.argsort(np.where(allowed, apart, np.inf))[: min(10, allowed.sum())]
        right.append(len({faces[place].pk for place in order} & {*ids(found)}) / len(order))
        exact.append(found.is_exact)
    return np.mean(right), exact


def test_the_index_finds_what_measuring_all_finds(many):
    [active, other], faces, known = many
    assert not has_index(active)
    tend_embedding_index()
    assert (has_index(active), has_index(other)) == (True, False)
    cases = {
        "everybody": (Wanted(), lambda face, of: True, False),
        "other people": (Wanted(other_identities=True), lambda face, of: face.identity != of.identity, False),
        "a split": (Wanted(split="train"), lambda face, of: face.split == "train", False),
        "a rare expression": (Wanted(expression="e25"), lambda face, of: face.expression == "e25", True),
    }
    for kind, (wanted, may, is_exact) in cases.items():
        share, exact = recall(active, faces, known[active], wanted, may)
        assert share >= 0.99, kind
        assert set(exact) == {is_exact}, kind
    share, exact = recall(other, faces, known[other], Wanted(), lambda face, of: True)
    assert (share, set(exact)) == (1.0, {True})


def test_the_index_follows_the_active_version_and_heals(many, admin):
    [active, other], *_ = many
    tend_index()
    tend_index()
    assert [name for name, _ in embedding_index._known()] == [name_of(active)]
    promote(other, admin, "better", timezone.now())
    # As a process leaves it that is killed while it makes one.
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE INDEX {name_of(other)} ON training_embedding USING hnsw (vector vector_l2_ops) "
            f"WHERE model_version_id = {other.pk}"
        )
        cursor.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", [name_of(other)]
        )
    assert not has_index(other)
    tend_index()
    assert embedding_index._known() == [(name_of(other), True)]
    Embedding.objects.filter(model_version=other).delete()
    tend_index()
    assert embedding_index._known() == []


def test_where_the_index_gives_too_few_all_is_measured(many, monkeypatch):
    """Of fifteen that pass the filter, the few that it may look at are none or some."""
    [active, _], faces, known = many
    tend_index()
    rare = [face.pk for face in faces[7::200]]
    Face.objects.update(split="train")
    Face.objects.filter(pk__in=rare).update(split="val")
    monkeypatch.setattr(retrieval, "FEW", 5)
    monkeypatch.setattr(retrieval, "MOST_LOOKED_AT", 1)
    found = nearest(active, query_of(faces[1], active), Wanted(split="val"), 10)
    assert ids(found) == by_hand(known[active], known[active][faces[1].pk], rare)[:10]
    assert found.is_exact


@pytest.mark.long
def test_two_workers_do_not_make_it_twice(many):
    threads = [threading.Thread(target=lambda: (tend_index(), connection.close())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tend_index()
    assert len(embedding_index._known()) == 1
