"""The endpoints of the compare page: who may call them, and what they say."""

import uuid

import pytest
from rest_framework.test import APIClient

from annotate.campaigns.models import Comparison, Showing, Vote


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


def ask(client, campaign, count=1):
    answer = client.post(f"/api/campaigns/{campaign.pk}/leases", {"count": count}, format="json")
    assert answer.status_code == 200, answer.data
    return answer.data


def send(client, showing, answer="left", vote_id=None, **more):
    vote = {"id": str(vote_id or uuid.uuid4()), "showing": showing, "answer": answer, **more}
    return client.post("/api/votes", vote, format="json")


def test_strangers_get_nothing(campaign, client_of):
    stranger = client_of(None)
    assert stranger.post(f"/api/campaigns/{campaign.pk}/leases").status_code == 403
    assert send(stranger, 1).status_code == 403


@pytest.mark.parametrize("role", ["annotator", "curator", "admin"])
def test_whoever_is_logged_in_may_compare(campaign, client_of, role, request):
    client = client_of(request.getfixturevalue(role))
    [shown] = ask(client, campaign)["comparisons"]
    assert send(client, shown["id"]).status_code == 201


def test_a_comparison_shows_three_faces(campaign, anna):
    data = ask(anna, campaign, 2)
    assert data["state"] == "open"
    assert data["progress"] == {"decided": 0, "total": 3 * 3 * 7, "mine": 0}
    assert data["lease_seconds"] == 120
    for shown in data["comparisons"]:
        faces = {shown[side]["face"] for side in ("anchor", "left", "right")}
        assert len(faces) == 3
        assert shown["left"]["src"] == f"/faces/{shown['left']['face']}/crop.jpg"
        assert "winner" not in shown
        assert "low" not in shown


def test_a_vote_is_stored_once_and_says_so(campaign, anna):
    [shown] = ask(anna, campaign)["comparisons"]
    vote_id = uuid.uuid4()
    first = send(anna, shown["id"], "right", vote_id, response_ms=812)
    again = send(anna, shown["id"], "right", vote_id, response_ms=812)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.data == again.data
    progress = anna.get(f"/api/campaigns/{campaign.pk}/progress").data
    assert progress == {"decided": 1, "total": 63, "mine": 1}
    vote = Vote.objects.get()
    assert (vote.pk, vote.answer, vote.response_ms) == (vote_id, "right", 812)
    face = vote.group.candidates.get(slot=vote.winner).positive_id
    assert face == shown["right"]["face"]


def test_refusals_have_a_code_and_a_sentence(campaign, anna, annotators, client_of):
    refused = send(anna, 10**9)
    assert refused.status_code == 409
    assert refused.data["code"] == "not_shown"
    [shown] = ask(anna, campaign)["comparisons"]
    assert send(anna, shown["id"]).status_code == 201
    assert send(anna, shown["id"]).data["code"] == "answered"
    assert Vote.objects.count() == 1


@pytest.mark.parametrize(
    "bad",
    [
        {"answer": "both"}, {"id": "no-uuid"}, {"showing": "x"}, {"response_ms": -1}, {"id": None},
        {"response_ms": 10**12}, {"answer": None},
    ],
)  # fmt: skip
def test_bad_votes_are_refused(campaign, anna, bad):
    [shown] = ask(anna, campaign)["comparisons"]
    vote = {"id": str(uuid.uuid4()), "showing": shown["id"], "answer": "left", **bad}
    assert anna.post("/api/votes", vote, format="json").status_code == 400
    assert not Vote.objects.exists()


@pytest.mark.parametrize("count", [0, -1, 51, "many"])
def test_bad_counts_are_refused(campaign, anna, count):
    answer = anna.post(f"/api/campaigns/{campaign.pk}/leases", {"count": count}, format="json")
    assert answer.status_code == 400


def test_states(campaign, anna):
    assert anna.post("/api/campaigns/999999/leases").status_code == 404
    campaign.is_active = False
    campaign.save()
    assert ask(anna, campaign)["state"] == "paused"
    campaign.is_active = True
    campaign.save()
    Comparison.objects.filter(campaign=campaign).update(leased_until="2100-01-01T00:00Z")
    assert ask(anna, campaign)["state"] == "waiting"


def test_the_whole_campaign_ends_as_finished(campaign, annotators, client_of):
    clients = [client_of(annotator) for annotator in annotators]
    data, rounds = {"state": "open"}, 0
    while data["state"] != "finished" and rounds < 200:
        rounds += 1
        for client in clients:
            data = ask(client, campaign, 10)
            for shown in data["comparisons"]:
                assert send(client, shown["id"]).status_code == 201
    assert data["progress"]["decided"] == data["progress"]["total"] == 63
    assert Vote.objects.count() == 63


def test_undo_is_for_her_own_last_vote(campaign, anna, annotators, client_of):
    [shown] = ask(anna, campaign)["comparisons"]
    vote_id = send(anna, shown["id"]).data["id"]
    assert client_of(None).post(f"/api/votes/{vote_id}/undo").status_code == 403
    for somebody_else in (annotators[1],):
        assert client_of(somebody_else).post(f"/api/votes/{vote_id}/undo").status_code == 404
    undone = anna.post(f"/api/votes/{vote_id}/undo")
    assert (undone.status_code, undone.data["progress"]["mine"]) == (200, 0)
    assert anna.post(f"/api/votes/{vote_id}/undo").status_code == 200
    assert ask(anna, campaign)["comparisons"] == [shown]
    votes = [send(anna, shown["id"])]
    votes.append(send(anna, ask(anna, campaign)["comparisons"][0]["id"]))
    refused = anna.post(f"/api/votes/{votes[0].data['id']}/undo")
    assert (refused.status_code, refused.data["code"]) == (409, "not_last")


def test_a_late_vote_is_kept_and_told_so(campaign, anna, annotators, vote):
    [shown] = ask(anna, campaign)["comparisons"]
    comparison = Showing.objects.get(pk=shown["id"]).comparison
    other = comparison.showings.create(annotator=annotators[1], low_is_left=True)
    vote(annotators[1], type("Question", (), {"pk": other.pk, "left_id": 1, "right_id": 2}))
    answer = send(anna, shown["id"])
    assert (answer.status_code, answer.data["in_time"]) == (201, False)
    assert send(anna, shown["id"], vote_id=answer.data["id"]).data["in_time"] is False


def test_queries_do_not_grow_with_the_campaign(campaign, anna, django_assert_max_num_queries):
    with django_assert_max_num_queries(22):
        ask(anna, campaign, 1)
    with django_assert_max_num_queries(40):
        shown = ask(anna, campaign, 10)["comparisons"]
    with django_assert_max_num_queries(22):
        send(anna, shown[0]["id"])


def test_the_schema_names_every_endpoint(client_of, annotator):
    schema = client_of(annotator).get("/api/schema/?format=json")
    assert schema.status_code == 200
    assert {"/api/campaigns/{campaign_id}/leases", "/api/votes"} <= set(schema.json()["paths"])
    assert client_of(None).get("/api/schema/").status_code == 403
