"""The pages and endpoints of the first minutes: who may call them, where they lead, and the gate."""

import json
import random
import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotate.campaigns.first_minutes import begin, let_in, note_read
from annotate.campaigns.gold import draw_more
from annotate.campaigns.models import Campaign, Participation, Purpose, Trial

HERS = ["instructions", "practice", "qualification"]
CURATORS = ["campaign-first-minutes"]


@pytest.fixture
def strict(campaign):
    """A campaign with instructions, practice and a qualification."""
    draw_more(campaign, 3, Purpose.PRACTICE)
    draw_more(campaign, 4, Purpose.QUALIFICATION)
    Campaign.objects.filter(pk=campaign.pk).update(
        instructions="Look at the **mouth**.", practice_count=3, qualification_count=2,
        qualification_threshold=2, qualification_attempts=2,
    )  # fmt: skip
    campaign.refresh_from_db()
    return campaign


def at(campaign, name, *more):
    return reverse(name, args=[campaign.pk, *more])


def leases(client, campaign):
    return client.post(f"/api/campaigns/{campaign.pk}/leases", {"count": 1}, "application/json")


def answer_shown(client, page, right):
    """Answer what a page shows; return what the server said to the last."""
    shown = re.search(r'<script id="trials" type="application/json">(.*?)</script>', page).group(1)
    for number, one in enumerate(json.loads(shown)):
        trial = Trial.objects.get(pk=one["id"])
        assert one["left"]["face"] == trial.left_id
        side = trial.nearer if number < right else "uncertain"
        body = {"id": str(uuid.uuid4()), "trial": trial.pk, "answer": side, "response_ms": 700}
        said = client.post("/api/trials", body, "application/json")
        assert said.status_code == 201
    return said.json()


@pytest.mark.parametrize("name", HERS + CURATORS)
def test_strangers_are_sent_to_log_in(client, strict, name):
    address = at(strict, name)
    assert client.get(address).url == f"{reverse('login')}?next={address}"
    assert client.post("/api/trials", {}, "application/json").status_code == 403


def test_what_is_a_curators_is_not_an_annotators(client, strict, annotator, curator, admin):
    gold = strict.gold.first()
    pages = {
        "get": [at(strict, "campaign-first-minutes"), at(strict, "campaign-gold", "example"),
                at(strict, "campaign-gold-pick", "example")],
        "post": [
            at(strict, "campaign-first-minutes"), at(strict, "campaign-instructions-preview"),
            at(strict, "campaign-gold-take", "example"), at(strict, "campaign-gold-pick", "example"),
            at(strict, "campaign-gold-mark", "example"), at(strict, "campaign-gold-change", gold.pk),
            at(strict, "campaign-let-in"), at(strict, "campaign-qualify-again", annotator.pk),
        ],
    }  # fmt: skip
    for person, allowed in ((annotator, False), (curator, True), (admin, True)):
        client.force_login(person)
        for method, addresses in pages.items():
            for address in addresses:
                status = getattr(client, method)(address).status_code
                assert (status == 403) is not allowed, (person, address, status)
                assert status < 500


@pytest.mark.parametrize("role", ["annotator", "curator", "admin"])
def test_the_way_from_reading_to_comparing_is_the_same_for_every_role(client, strict, role, request):
    client.force_login(request.getfixturevalue(role))
    assert client.get(at(strict, "compare")).url == at(strict, "instructions")
    assert client.get(at(strict, "qualification")).url == at(strict, "instructions")
    page = client.get(at(strict, "instructions")).content.decode()
    assert "<strong>mouth</strong>" in page
    assert client.post(at(strict, "instructions")).url == at(strict, "practice")

    assert client.get(at(strict, "compare")).url == at(strict, "practice")
    assert client.get(at(strict, "qualification")).url == at(strict, "practice")
    assert "Begin to practise" in client.get(at(strict, "practice")).content.decode()
    assert client.post(at(strict, "practice")).url == at(strict, "practice")
    said = answer_shown(client, client.get(at(strict, "practice")).content.decode(), right=2)
    assert said["left"] == 0
    assert said["feedback"]["verdict"] == "uncertain"
    assert "In 2 of 3 you saw it" in client.get(at(strict, "practice")).content.decode()

    assert client.get(at(strict, "compare")).url == at(strict, "qualification")
    refused = leases(client, strict)
    assert (refused.status_code, refused.json()["code"]) == (403, "not-qualified")
    client.post(at(strict, "qualification"))
    said = answer_shown(client, client.get(at(strict, "qualification")).content.decode(), right=1)
    assert said["feedback"] is None
    page = client.get(at(strict, "qualification")).content.decode()
    assert "Not this time: 1 of 2 right" in page
    assert "You have 1 attempt left." in page
    assert leases(client, strict).status_code == 403
    client.post(at(strict, "qualification"))
    answer_shown(client, client.get(at(strict, "qualification")).content.decode(), right=2)
    assert "Welcome: you may compare" in client.get(at(strict, "qualification")).content.decode()
    assert client.get(at(strict, "compare")).status_code == 200
    assert leases(client, strict).status_code == 200


def test_once_all_attempts_are_used_a_curator_helps(client, strict, annotator, curator):
    note_read(strict, annotator, timezone.now())
    Participation.objects.update(attempts=2, practised_at=timezone.now())
    client.force_login(annotator)
    assert "used all your attempts" in client.get(at(strict, "qualification")).content.decode()
    response = client.post(at(strict, "qualification"), follow=True)
    assert "give you another" in response.content.decode()
    client.force_login(curator)
    assert "needs your help" in client.get(at(strict, "campaign-first-minutes")).content.decode()
    client.post(at(strict, "campaign-qualify-again", annotator.pk))
    assert Participation.objects.get().attempts == 0
    client.post(at(strict, "campaign-let-in"), {"annotator": annotator.username})
    assert Participation.objects.get().qualified_by == curator
    page = client.post(at(strict, "campaign-let-in"), {"annotator": "nobody"}, follow=True)
    assert "There is nobody of this name" in page.content.decode()
    client.force_login(annotator)
    assert client.get(at(strict, "compare")).status_code == 200


def test_the_gate_costs_one_query_and_none_where_there_is_no_qualification(
    client, campaign, annotator, django_assert_num_queries
):
    client.force_login(annotator)
    leases(client, campaign)
    with CaptureQueriesContext(connection) as without:
        leases(client, campaign)
    assert not any("participation" in query["sql"] and "SELECT" in query["sql"][:7] for query in without)
    draw_more(campaign, 1, Purpose.QUALIFICATION)
    Campaign.objects.update(qualification_count=1, qualification_threshold=1)
    let_in(campaign, annotator, curator=annotator, at=timezone.now())
    with django_assert_num_queries(len(without) + 1):
        assert leases(client, campaign).status_code == 200


def test_a_campaign_with_nothing_to_read_leads_nobody_astray(client, campaign, annotator):
    client.force_login(annotator)
    assert client.get(at(campaign, "compare")).status_code == 200
    page = client.get(at(campaign, "instructions")).content.decode()
    assert "<h2>What counts</h2>" in page
    assert at(campaign, "compare") in page
    assert "nothing to practise" in client.get(at(campaign, "practice")).content.decode()
    assert client.get(at(campaign, "qualification")).url == at(campaign, "instructions")


@pytest.mark.parametrize("bad", [{"answer": "both"}, {"id": "x"}, {"trial": "x"}, {"response_ms": -1}])
def test_bad_answers_are_refused(client, strict, annotator, bad):
    client.force_login(annotator)
    begin(strict, annotator, Purpose.PRACTICE, at=timezone.now(), rng=random.Random(1))
    trial = Trial.objects.first()
    body = {"id": str(uuid.uuid4()), "trial": trial.pk, "answer": "left", "response_ms": 1} | bad
    assert client.post("/api/trials", body, "application/json").status_code == 400
    assert not Trial.objects.filter(answer__isnull=False).exists()


def test_an_answer_to_somebody_elses_is_refused_with_a_code(client, strict, annotator, curator):
    begin(strict, annotator, Purpose.PRACTICE, at=timezone.now(), rng=random.Random(1))
    client.force_login(curator)
    body = {"id": str(uuid.uuid4()), "trial": Trial.objects.first().pk, "answer": "left"}
    said = client.post("/api/trials", body, "application/json")
    assert (said.status_code, said.json()["code"]) == (409, "not_shown")


def test_no_word_is_left_in_english_for_who_reads_chinese(client, strict, annotator):
    Campaign.objects.filter(pk=strict.pk).update(instructions="", name="任务")
    client.force_login(annotator)

    def page(name):
        answer = client.get(at(strict, name), headers={"Accept-Language": "zh-CN"})
        html = answer.content.decode()
        text = re.sub(r"<(script|kbd)\b.*?</\1>|<[^>]+>", " ", html, flags=re.DOTALL)
        assert set(re.findall(r"[A-Za-z]{2,}", text)) <= {"Semblance", "English", "ann", "JavaScript"}, name
        return html

    assert "表情更相似" in page("instructions")
    client.post(at(strict, "instructions"))
    for name in ("practice", "qualification"):
        page(name)
        client.post(at(strict, name))
        answer_shown(client, page(name), right=3)
        page(name)
    assert "欢迎" in page("qualification")
    page("compare")
    body = {"id": str(uuid.uuid4()), "trial": 0, "answer": "left"}
    said = client.post("/api/trials", body, "application/json", headers={"Accept-Language": "zh-CN"})
    assert said.json()["detail"].startswith("这道比较题不属于您")
