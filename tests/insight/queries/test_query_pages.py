"""Sending pictures to be looked at: who may, that each sees only her own, and what pages and API say."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from annotate.accounts.authentication import create_token
from annotate.accounts.models import Role, User
from annotate.insight import queries
from annotate.insight.models import QueryPicture
from annotate.insight.tasks import find_query_faces
from tests.factories import draw_face


def sent(data=None):
    picture = SimpleUploadedFile("me.jpg", draw_face(0.5, 200) if data is None else data)
    return {"picture": picture, "is_prealigned": "true"}


@pytest.fixture
def enqueued(monkeypatch):
    """The messages that would have gone to the queue."""
    messages = []
    monkeypatch.setattr(find_query_faces, "delay", lambda job_id: messages.append(job_id))
    return messages


@pytest.mark.parametrize(
    ("who", "page", "api"),
    [(None, 302, 403), ("annotator", 403, 403), ("curator", 302, 202), ("admin", 302, 202)],
)
def test_curators_and_admins_may_send(
    request, client_of, enqueued, who, page, api, django_capture_on_commit_callbacks, db
):
    user = request.getfixturevalue(who) if who else None
    client = client_of(user)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(reverse("query-list"), sent())
        assert answer.status_code == page
        assert client.post(reverse("api-queries"), sent()).status_code == api
    pictures = QueryPicture.objects.filter(created_by=user) if user else QueryPicture.objects.none()
    assert sorted(enqueued) == sorted(pictures.values_list("pk", flat=True))
    assert len(enqueued) == (2 if who in ("curator", "admin") else 0)
    assert client.get(reverse("query-list")).status_code == (200 if api == 202 else page)


def test_nobody_sees_anothers_admins_neither(client_of, send, curator, admin, annotator, left):
    picture = send()
    other = User.objects.create_user("cora", "a-password-for-cora", role=Role.CURATOR)
    addresses = [
        reverse("query-detail", args=[picture.token]),
        reverse("query-crop", args=[picture.token, 0]),
        reverse("api-query", args=[picture.token]),
    ]
    for address in addresses:
        assert client_of(curator).get(address).status_code == 200
        assert {client_of(user).get(address).status_code for user in (admin, other)} == {404}
        assert client_of(annotator).get(address).status_code == 403
        assert client_of(None).get(address).status_code in (302, 403)
    gone = reverse("query-delete", args=[picture.token])
    assert client_of(admin).post(gone).status_code == 404
    assert client_of(other).delete(addresses[-1]).status_code == 404
    assert picture.token.hex not in client_of(admin).get(reverse("query-list")).content.decode().replace(
        "-", ""
    )
    assert len(left()) == 1
    assert client_of(curator).post(gone).status_code == 302
    assert left() == []
    assert client_of(curator).get(addresses[0]).status_code == 404


def test_what_has_expired_is_nobodys(client_of, send, curator):
    picture = send()
    QueryPicture.objects.update(expires_at=picture.created_at)
    assert client_of(curator).get(reverse("query-crop", args=[picture.token, 0])).status_code == 404
    assert client_of(curator).get(reverse("api-query", args=[picture.token])).status_code == 404


def test_a_crop_is_served_as_a_picture_and_nothing_else(client_of, send, curator):
    answer = client_of(curator).get(reverse("query-crop", args=[send().token, 0]))
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer.headers["Cache-Control"]
    assert client_of(curator).get(reverse("query-crop", args=[send().token, 7])).status_code == 404


@pytest.mark.parametrize("data", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"", b"PK\x03\x04 a zip"])
def test_what_is_no_picture_is_answered_in_words(client_of, curator, data, left, enqueued):
    page = client_of(curator).post(reverse("query-list"), sent(data))
    assert page.status_code in (200, 422)
    assert (
        "empty" in page.content.decode()
        or "is no JPEG, PNG, WebP, BMP or TIFF picture" in page.content.decode()
    )
    answer = client_of(curator).post(reverse("api-queries"), sent(data))
    assert answer.status_code in (400, 422)
    assert left() == []
    assert not QueryPicture.objects.exists()


def test_too_much_is_refused_before_it_is_read(client_of, curator, monkeypatch):
    monkeypatch.setattr(queries, "FORM_BYTES", 0)
    monkeypatch.setattr(queries, "MOST_BYTES", 1000)
    for address in (reverse("query-list"), reverse("api-queries")):
        answer = client_of(curator).post(address, sent())
        assert answer.status_code == 413
        assert "larger than" in answer.content.decode()
    assert not QueryPicture.objects.exists()


def test_one_who_sends_too_many_is_told_to_wait(client_of, curator, monkeypatch):
    monkeypatch.setattr(queries, "MOST_UNDER_WAY", 1)
    assert client_of(curator).post(reverse("api-queries"), sent()).status_code == 202
    answer = client_of(curator).post(reverse("api-queries"), sent())
    assert answer.status_code == 429
    assert "wait to be looked at" in answer.json()["detail"]


def test_a_script_sends_asks_and_deletes(client, curator, left):
    _, token = create_token(curator, "a script", timedelta(days=1))
    headers = {"Authorization": f"Bearer {token}"}
    answer = client.post(reverse("api-queries"), sent(), headers=headers)
    said = answer.json()
    assert (answer.status_code, said["state"], said["faces"]) == (202, "waiting", [])
    assert answer.headers["Location"] == said["address"]
    find_query_faces(job_id=QueryPicture.objects.get().pk)
    said = client.get(said["address"], headers=headers).json()
    assert (said["state"], [face["face"] for face in said["faces"]]) == ("done", [0])
    assert client.delete(said["address"], headers=headers).status_code == 204
    assert client.get(said["address"], headers=headers).status_code == 404
    assert left() == []


def test_the_page_goes_from_waiting_to_its_face(client_of, send, curator):
    picture = send(looked_at=False)
    address = reverse("query-detail", args=[picture.token])
    assert "It waits for a free worker" in client_of(curator).get(address).content.decode()
    find_query_faces(job_id=picture.pk)
    page = client_of(curator).get(address).content.decode()
    assert reverse("query-crop", args=[picture.token, 0]) in page
    assert "data-live-url" not in page


def test_a_failure_says_what_was_kept_and_what_to_do(client_of, send, curator):
    picture = send(draw_face(0, 200)[:900])
    page = client_of(curator).get(reverse("query-detail", args=[picture.token])).content.decode()
    assert "The picture is broken" in page
    assert "Nothing of the picture was kept" in page
    assert reverse("query-list") in page
