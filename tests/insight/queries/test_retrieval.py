"""The nearest faces: against a computation by hand, with every filter, with and without the index; the page
and the API say the same."""

import threading

import numpy as np
import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from annotate.faces.models import Face, Status
from annotate.insight import embedding_index, retrieval
from annotate.insight.embedding_index import has_index, name_of, tend_index
from annotate.insight.retrieval import Query, Wanted, nearest, nearest_pictures, query_of
from annotate.insight.tasks import embed_query, tend_embedding_index
from annotate.training.errands import ask_to_embed
from annotate.training.freezing import freeze_snapshot
from annotate.training.models import Embedding, Snapshot
from annotate.training.results import store_embeddings_of
from annotate.training.versions import promote
from tests.factories import make_dataset, make_face
from tests.insight.networks import make_real_version
from tests.training.registry import make_version

COUNT = 2_000


def unit(rng, count):
    vectors = rng.normal(size=(count, 16))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def store(version, vectors):
    """Vectors by face, as a worker enters them."""
    store_embeddings_of(version, ((face, vector.tolist()) for face, vector in vectors.items()))
    return vectors


@pytest.fixture
def vectors(version):
    rng = np.random.default_rng(0)
    faces = list(Face.objects.order_by("pk").values_list("pk", flat=True))
    return store(version, dict(zip(faces, unit(rng, len(faces)), strict=True)))


def by_hand(vectors, query, faces):
    """Ids of these faces, the nearest first."""
    return sorted(faces, key=lambda face: float(np.linalg.norm(vectors[face] - query)))


def ids(found):
    return [neighbour.face.pk for neighbour in found.neighbours]


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


@pytest.mark.parametrize(
    ("who", "page", "api"), [(None, 302, 403), ("annotator", 403, 403), ("admin", 200, 200)]
)
def test_curators_and_admins_may_ask(request, client_of, vectors, dataset, who, page, api):
    client = client_of(request.getfixturevalue(who) if who else None)
    face = dataset.faces.first()
    assert client.get(reverse("query-face", args=[face.pk])).status_code == page
    assert client.get(reverse("api-neighbours", args=[face.pk])).status_code == api


def test_the_page_says_what_the_api_says(client_of, curator, version, vectors, dataset):
    face = dataset.faces.get(image="p0-glad.jpg")
    asked = {"other_identities": "on", "expression": "glum", "n": 10}
    page = client_of(curator).get(reverse("query-face", args=[face.pk]), asked)
    said = (
        client_of(curator)
        .get(reverse("api-neighbours", args=[face.pk]), {**asked, "other_identities": "true", "n": 3})
        .json()
    )
    assert (said["version"], said["is_exact"], len(said["neighbours"])) == (version.pk, True, 3)
    assert {one["expression"] for one in said["neighbours"]} == {"glum"}
    text = page.content.decode()
    places = [text.index(reverse("face-detail", args=[one["face"]])) for one in said["neighbours"]]
    assert places == sorted(places)
    assert f"{said['neighbours'][0]['distance']:.3f}" in text
    assert "Exact: every face" in text


def test_two_versions_stand_side_by_side_and_so_do_plain_pictures(
    client_of, curator, version, vectors, dataset
):
    other = make_version(version.run.snapshot)
    store(other, vectors)
    face = dataset.faces.first()
    client = client_of(curator)
    columns = client.get(reverse("query-face", args=[face.pk]), {"beside": other.pk}).context["columns"]
    assert [column.version for column in columns] == [version, other]
    Face.objects.update(phash=1, dhash=1, sharpness=1, brightness=1, contrast=1)
    page = client.get(reverse("query-face", args=[face.pk]), {"beside": "pictures"})
    assert page.context["columns"][1].version is None
    assert "0 bits" in page.content.decode()
    assert (
        client.get(reverse("api-neighbours", args=[face.pk]), {"version": "pictures"}).json()["version"]
        is None
    )


def test_empty_states_say_what_to_do(client_of, curator, admin, dataset, settings):
    face = dataset.faces.first()
    client, address = client_of(curator), reverse("query-face", args=[face.pk])
    assert "No active model version yet" in client.get(address).content.decode()
    assert client.get(reverse("api-neighbours", args=[face.pk])).status_code == 409
    version = make_version(freeze_snapshot(name="s", dataset=dataset))
    promote(version, admin, "The first one", timezone.now())
    page = client.get(address).content.decode()
    assert "Not embedded yet" in page
    assert reverse("version-embed", args=[version.pk]) in page
    said = client.get(reverse("api-neighbours", args=[face.pk]))
    assert (said.status_code, "has not embedded it yet" in said.json()["detail"]) == (409, True)
    ask_to_embed(version, dataset, curator, timezone.now())
    page = client.get(address).content.decode()
    assert "It waits for a free worker" in page
    assert "data-live-url" in page
    store(version, {face.pk: unit(np.random.default_rng(0), 1)[0]})
    assert "No face like this" in client.get(address).content.decode()
    assert "embedded no faces" not in client.get(reverse("query-list")).content.decode()


@pytest.mark.parametrize(
    "asked", [{"version": "x"}, {"n": 101}, {"n": 0}, {"split": "other"}, {"version": "9" * 30}]
)
def test_what_there_is_not_is_a_mistake_of_the_asker(client_of, curator, vectors, dataset, asked):
    face = dataset.faces.first()
    assert client_of(curator).get(reverse("api-neighbours", args=[face.pk]), asked).status_code == 400
    assert client_of(curator).get(reverse("query-face", args=[face.pk]), asked).status_code == 200
    assert (
        client_of(curator).get(reverse("api-neighbours", args=[face.pk]), {"version": 10**6}).status_code
        == 404
    )
    assert client_of(curator).get(reverse("api-neighbours", args=[10**9])).status_code == 404


def test_a_sent_picture_finds_its_neighbours_and_another_version_embeds_it(
    client_of, curator, send, version, vectors, settings, monkeypatch, django_capture_on_commit_callbacks
):
    picture = send()
    client = client_of(curator)
    address = reverse("query-detail", args=[picture.token])
    page = client.get(address)
    made = np.array(picture.faces.get().embeddings.get().vector)
    [column] = page.context["columns"]
    assert ids(column.found) == by_hand(vectors, made, vectors)[:10]
    said = client.get(reverse("api-query-neighbours", args=[picture.token]), {"n": 4}).json()
    assert [one["face"] for one in said["neighbours"]] == ids(column.found)[:4]
    other = make_real_version(version.run.snapshot, settings.RUNS_DIR, seed=3)
    store(other, vectors)
    beside = f"{address}?face=0&beside={other.pk}"
    assert "Not embedded yet" in client.get(beside).content.decode()
    monkeypatch.setattr(embed_query, "delay", lambda job_id: embed_query(job_id=job_id))
    with django_capture_on_commit_callbacks(execute=True):
        back = client.post(reverse("query-embed", args=[picture.token, 0, other.pk]), {"next": beside})
    assert back.headers["Location"] == beside
    assert len(client.get(beside).context["columns"][1].found.neighbours) == 10
    elsewhere = client.post(
        reverse("query-embed", args=[picture.token, 0, other.pk]), {"next": "https://example.org/"}
    )
    assert elsewhere.headers["Location"].startswith(address)


def test_another_persons_picture_has_no_neighbours_for_me(client_of, admin, send, version, vectors):
    picture = send()
    client = client_of(admin)
    assert client.get(reverse("api-query-neighbours", args=[picture.token])).status_code == 404
    embed = reverse("query-embed", args=[picture.token, 0, version.pk])
    assert client.post(embed).status_code == 404
