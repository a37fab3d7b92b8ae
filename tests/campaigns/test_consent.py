"""Without consent an annotator is asked nothing; withdrawing it pauses her, and discards if she wants."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotate.campaigns.creation import create_campaign
from annotate.campaigns.models import Participation, Relation, Vote
from annotate.campaigns.retraction import pause
from annotate.campaigns.verification import differences
from tests.accounts.test_consent import published


@pytest.fixture
def annotator(annotators):
    return annotators[0]


@pytest.fixture
def hers(annotator):
    client = Client()
    client.force_login(annotator)
    return client


def lease(client, campaign, count=1):
    return client.post(f"/api/campaigns/{campaign.pk}/leases", {"count": count}, "application/json")


def answer(client, campaign, answers=3):
    for number in range(answers):
        [question] = lease(client, campaign).json()["comparisons"]
        vote_id = f"00000000-0000-4000-8000-{campaign.pk:06}{number:06}"
        vote = {"id": vote_id, "showing": question["id"], "answer": "left"}
        assert client.post("/api/votes", vote, "application/json").status_code == 201


def test_she_is_led_to_the_text_and_back(hers, campaign, admin, annotator):
    compare = reverse("compare", args=[campaign.pk])
    assert hers.get(compare).status_code == 200
    text = published(admin, "# Your data", "# 您的数据")
    assert lease(hers, campaign).json()["code"] == "consent"
    assert lease(hers, campaign).status_code == 403
    led = hers.get(compare)
    page = hers.get(led.url)
    assert "<h2>Your data</h2>" in page.content.decode()
    assert "您的数据" in hers.get(led.url, headers={"Accept-Language": "zh-CN"}).content.decode()
    accepted = hers.post(reverse("consent"), {"text": text.pk, "next": page.context["next"]})
    assert accepted.url == compare
    assert lease(hers, campaign).json()["state"] == "open"
    assert "accepted on" in hers.get(reverse("consent")).content.decode()


def test_it_leads_to_no_other_host_and_takes_only_what_is_in_force(hers, admin, annotator):
    first = published(admin)
    second = published(admin, "# More data")
    assert hers.post(reverse("consent"), {"text": first.pk}).url == reverse("consent")
    assert hers.post(reverse("consent"), {"text": "x"}).url == reverse("consent")
    assert not annotator.consents.exists()
    away = {"text": second.pk, "next": "https://elsewhere.example/"}
    assert hers.post(reverse("consent"), away).url == reverse("home")


@pytest.mark.parametrize("keep", [True, False])
def test_withdrawing_pauses_her_everywhere_until_she_accepts_again(
    hers, campaign, dataset, admin, annotator, keep
):
    another = create_campaign(name="d", dataset=dataset, groups=1, k=4, repetitions=1, seed=6).campaign
    stopped = create_campaign(name="e", dataset=dataset, groups=1, k=4, repetitions=1, seed=7).campaign
    text = published(admin)
    hers.post(reverse("consent"), {"text": text.pk})
    for one in (campaign, another, stopped):
        answer(hers, one)
    pause(stopped, annotator, admin=admin, at=timezone.now())
    [late] = lease(hers, campaign).json()["comparisons"]
    relations = Relation.objects.count()

    assert "your 9 answers" in hers.get(reverse("consent-withdraw")).content.decode()
    assert hers.post(reverse("consent-withdraw"), {}).status_code == 200
    hers.post(reverse("consent-withdraw"), {"answers": "keep" if keep else "discard"})
    assert Vote.objects.live().count() == (9 if keep else 0)
    assert (Relation.objects.count() == relations) == keep
    assert annotator.consents.get().withdrawn_at
    assert Participation.objects.filter(annotator=annotator, paused_by=annotator).count() == 2
    assert lease(hers, campaign).json()["code"] == "consent"
    vote = {"id": "00000000-0000-4000-8000-999999999999", "showing": late["id"], "answer": "left"}
    assert hers.post("/api/votes", vote, "application/json").json()["code"] == "paused"
    assert [problem for one in (campaign, another, stopped) for problem in differences(one)] == []

    hers.post(reverse("consent"), {"text": text.pk})
    assert annotator.consents.count() == 2
    assert lease(hers, campaign).json()["comparisons"]
    # What an admin paused, her consent does not resume.
    assert Participation.objects.get(annotator=annotator, campaign=stopped).paused_by == admin
    assert lease(hers, stopped).json()["comparisons"] == []


def test_there_is_nothing_to_withdraw_where_nothing_was_given(hers, admin):
    assert hers.get(reverse("consent-withdraw")).url == reverse("consent")
    assert "asks for no consent" in hers.get(reverse("consent")).content.decode()
    published(admin)
    assert hers.post(reverse("consent-withdraw"), {"answers": "discard"}).url == reverse("consent")
    assert Client().get(reverse("consent")).status_code == 302


def test_practice_waits_for_it_too(hers, campaign, admin):
    published(admin)
    for name in ("practice", "qualification"):
        assert hers.get(reverse(name, args=[campaign.pk])).url.startswith(reverse("consent"))
