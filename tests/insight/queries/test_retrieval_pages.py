"""The page of faces that look alike, and the API: both say the same, to whom it is meant for."""

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone

from annotate.faces.models import Face
from annotate.insight.tasks import embed_query
from annotate.training.errands import ask_to_embed
from annotate.training.freezing import freeze_snapshot
from annotate.training.versions import promote
from tests.insight.networks import make_real_version
from tests.insight.queries.vectors import by_hand, ids, store, unit
from tests.training.registry import make_version


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
