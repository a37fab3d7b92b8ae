"""The endpoints of a participant's page: who may call them, what they say, and what they never say."""

import json
import uuid

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from annotate.accounts.consent import publish, save_draft
from annotate.insight.models import StudyShowing, StudyVote
from annotate.insight.studies import choose_participants, close


@pytest.fixture
def client_of():
    def client(user):
        client = APIClient()
        if user is not None:
            client.force_authenticate(user)
        return client

    return client


@pytest.fixture
def anna(annotators, client_of):
    return client_of(annotators[0])


def ask(client, study, count=2):
    return client.post(f"/api/studies/{study.pk}/showings", {"count": count}, format="json")


def send(client, showing, answer="left", vote_id=None, **more):
    vote = {"id": str(vote_id or uuid.uuid4()), "showing": showing, "answer": answer, **more}
    return client.post("/api/study-votes", vote, format="json")


def test_only_annotators_take_part(study, client_of, annotator, curator, admin):
    assert ask(client_of(None), study).status_code == 403
    assert send(client_of(None), 1).status_code == 403
    for user in (curator, admin):
        assert ask(client_of(user), study).status_code == 404
        assert client_of(user).get(f"/api/studies/{study.pk}/progress").status_code == 404
    answer = ask(client_of(annotator), study)
    assert answer.status_code == 200
    [shown, _] = answer.data["comparisons"]
    # Nor can anybody answer in her place.
    for user in (curator, admin):
        refused = send(client_of(user), shown["id"])
        assert (refused.status_code, refused.data["code"]) == (409, "not_shown")


def test_those_who_were_not_chosen_are_not_asked(study, client_of, annotators):
    choose_participants(study, annotators[:1])
    assert ask(client_of(annotators[0]), study).status_code == 200
    assert ask(client_of(annotators[1]), study).status_code == 404


def test_a_comparison_shows_two_lists_for_a_query(study, anna):
    data = ask(anna, study).data
    assert data["state"] == "open"
    assert data["progress"] == {"decided": 0, "total": 4, "mine": 0}
    for shown in data["comparisons"]:
        assert shown["query"]["src"].startswith("/faces/")
        assert len(shown["left"]) == len(shown["right"]) == 3


def test_nothing_that_she_gets_tells_who_found_what(study, versions, annotators, client_of):
    """The keys are these and no others; nothing names a version, a contender, a comparison or a letter; the
    same comparison has its contenders on either side for different people."""
    left = {}
    for user in annotators:
        data = ask(client_of(user), study, 10).data
        assert set(data) == {"state", "comparisons", "lease_seconds", "progress"}
        ids = [shown["id"] for shown in data["comparisons"]]
        assert ids == sorted(ids)
        for shown in data["comparisons"]:
            assert set(shown) == {"id", "query", "left", "right"}
            for picture in (shown["query"], *shown["left"], *shown["right"]):
                assert set(picture) == {"src"}
            showing = StudyShowing.objects.get(pk=shown["id"])
            left.setdefault(showing.comparison_id, set()).add(showing.one_is_left)
        text = json.dumps(data).lower()
        assert not any(word in text for word in ("version", "contender", "model", "run", "tie"))
    assert sum(sides == {True, False} for sides in left.values()) >= 3
    answer = send(client_of(annotators[0]), ids_of(annotators[0])[0])
    assert set(answer.data) == {"id", "showing", "answer"}


def ids_of(user):
    return list(
        StudyShowing.objects.filter(participant__user=user).order_by("place").values_list("pk", flat=True)
    )


def test_the_page_tells_nothing_either(study, versions, client, annotators):
    client.force_login(annotators[0])
    page = client.get(reverse("study-answer", args=[study.pk])).content.decode()
    main = page[page.index("<main") :].lower()
    assert "version" not in main
    assert "contender" not in main
    assert all(f"versions/{version.pk}" not in page for version in versions)
    # Nor may she open what would.
    for name in ("study-detail", "study-json", "study-csv", "study-strengths", "study-live"):
        assert client.get(reverse(name, args=[study.pk])).status_code == 403
    assert client.get(reverse("study-query", args=[study.pk, 1])).status_code == 403


def test_a_vote_is_stored_and_may_be_sent_again(study, anna):
    [shown, _] = ask(anna, study).data["comparisons"]
    vote_id = uuid.uuid4()
    first = send(anna, shown["id"], "right", vote_id, response_ms=1500)
    assert (first.status_code, first.data["answer"]) == (201, "right")
    assert send(anna, shown["id"], "right", vote_id).status_code == 200
    again = send(anna, shown["id"], "left")
    assert (again.status_code, again.data["code"]) == (409, "answered")
    assert StudyVote.objects.get().response_ms == 1500
    assert anna.get(f"/api/studies/{study.pk}/progress").data == {"decided": 1, "total": 4, "mine": 1}
    assert send(anna, shown["id"], "maybe").status_code == 400


def test_undo(study, anna, annotators, client_of):
    [shown, _] = ask(anna, study).data["comparisons"]
    vote = send(anna, shown["id"]).data["id"]
    address = f"/api/study-votes/{vote}/undo"
    assert client_of(None).post(address).status_code == 403
    assert client_of(annotators[1]).post(address).status_code == 404
    answer = anna.post(address)
    assert answer.data["progress"] == {"decided": 0, "total": 4, "mine": 0}
    assert ask(anna, study).data["comparisons"][0]["id"] == shown["id"]


def test_the_end_and_closing(study, anna, client_of, annotators):
    for shown in ask(anna, study, 10).data["comparisons"]:
        assert send(anna, shown["id"], "uncertain").status_code == 201
    assert ask(anna, study).data["state"] == "finished"
    late = ask(client_of(annotators[1]), study).data["comparisons"]
    close(study, timezone.now())
    assert ask(anna, study).data["state"] == "closed"
    refused = send(client_of(annotators[1]), late[0]["id"])
    assert (refused.status_code, refused.data["code"]) == (409, "closed")
    # Who never came is not told of it.
    assert ask(client_of(annotators[2]), study).status_code == 404


def test_consent_comes_first(study, anna, admin, client, annotators):
    publish(save_draft("We keep your answers.", "").pk, by=admin, at=timezone.now())
    refused = ask(anna, study)
    assert (refused.status_code, refused.data["code"]) == (403, "consent")
    client.force_login(annotators[0])
    page = client.get(reverse("study-answer", args=[study.pk]))
    assert page.url.startswith(reverse("consent"))
