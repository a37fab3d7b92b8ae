"""The curators' pages: who may open them, and what they show and do."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotate.campaigns.creation import create_campaign
from annotate.campaigns.models import Campaign, Comparison, Participation
from annotate.campaigns.simulation import simulate
from annotate.tournament.simulator import Manner

GET = [
    "campaign-list",
    "campaign-create",
    "campaign-detail",
    "campaign-annotators",
    "campaign-annotator-table",
    "campaign-disagreements",
    "campaign-edit",
    "campaign-figures",
    "campaign-preview",
]


def address(name, campaign):
    if name in ("campaign-list", "campaign-create", "campaign-preview"):
        return reverse(name)
    if name == "comparison-settle":
        return reverse(name, args=[campaign.pk, campaign.groups.first().comparisons.first().pk])
    return reverse(name, args=[campaign.pk])


@pytest.fixture
def as_curator(client, curator):
    client.force_login(curator)
    return client


@pytest.fixture
def as_admin(client, admin):
    client.force_login(admin)
    return client


@pytest.mark.parametrize("name", GET)
def test_pages_are_for_curators(client, campaign, annotator, curator, admin, name):
    url = address(name, campaign)
    assert client.get(url).headers["Location"].startswith(reverse("login"))
    client.force_login(annotator)
    assert client.get(url).status_code == 403
    for user in (curator, admin):
        client.force_login(user)
        assert client.get(url).status_code == 200


@pytest.mark.parametrize(
    ("name", "statuses"),
    [("campaign-pause", (302, 403, 302, 302)), ("comparison-settle", (302, 403, 403, 302))],
)
def test_deeds_are_for_those_who_may(client, campaign, annotator, curator, admin, name, statuses):
    for user, status in zip((None, annotator, curator, admin), statuses, strict=True):
        if user is not None:
            client.force_login(user)
        before = campaign.groups.first().comparisons.filter(is_tie=True).count()
        answer = client.post(address(name, campaign), {"active": "true"})
        assert answer.status_code == status
        assert client.get(address(name, campaign)).status_code in (302, 403, 405)
        if user is None:
            assert answer.headers["Location"].startswith(reverse("login"))
            assert campaign.groups.first().comparisons.filter(is_tie=True).count() == before


def test_an_empty_installation_says_what_to_do(as_curator):
    page = as_curator.get(reverse("campaign-list")).content.decode()
    assert "No faces yet" in page
    assert reverse("dataset-list") in page


FORM = {
    "name": "new", "draw_from": "", "groups": 2, "k": 8, "repetitions": 3, "seed": 1, "assignment": "whole",
    "max_uncertain": 2, "gold": 5, "gold_rate": 0.1, "pause_after_minutes": 15, "extra_comparisons": 0,
    "extra_confidence": 0.9,
}  # fmt: skip


def test_creating(as_curator, dataset):
    page = as_curator.get(reverse("campaign-list")).content.decode()
    assert "No campaign yet" in page
    form = FORM | {"dataset": dataset.pk}
    answer = as_curator.post(reverse("campaign-create"), form, follow=True)
    assert "has 2 groups" in answer.content.decode()
    again = as_curator.post(reverse("campaign-create"), form)
    assert "already" in again.content.decode()
    none = as_curator.post(reverse("campaign-create"), form | {"name": "other", "k": 32})
    assert "smaller k" in none.content.decode()
    campaign = Campaign.objects.get()
    assert (campaign.name, campaign.assignment, campaign.gold.count()) == ("new", "whole", 5)
    assert (campaign.max_uncertain, campaign.pause_after_minutes) == (2, 15)


@pytest.mark.parametrize("draw_from", ["", "labels"])
def test_the_preview_shows_what_is_created(as_curator, dataset, draw_from):
    settings = {"dataset": dataset.pk, "draw_from": draw_from, "groups": 2, "k": 4, "seed": 7}
    page = as_curator.get(reverse("campaign-preview"), settings).content.decode()
    assert "2 groups can be filled" in page
    assert ("expression labels" if draw_from else "strong imported triplets") in page
    assert not Campaign.objects.exists()
    as_curator.post(reverse("campaign-create"), FORM | settings)
    shown = [int(face) for face in re.findall(r"/faces/(\d+)/crop.jpg", page)]
    created = []
    for group in Campaign.objects.get().groups.order_by("index"):
        created.append(group.anchor_id)
        for candidate in group.candidates.order_by("slot"):
            created += [candidate.positive_id, candidate.negative_id]
    assert shown == created


def test_the_preview_says_what_can_not_be_drawn(as_curator, dataset, monkeypatch):
    url = reverse("campaign-preview")
    settings = {"dataset": dataset.pk, "groups": 50, "k": 16, "seed": 1}
    page = as_curator.get(url, settings).content.decode()
    anchors = 3
    assert f"{anchors} groups can be filled" in page
    assert "fewer than the 50" in page
    assert "smaller k" in as_curator.get(url, settings | {"k": 32}).content.decode()
    assert "Choose a data set" in as_curator.get(url, {}).content.decode()
    monkeypatch.setattr("annotate.campaigns.creation.ANCHORS_TRIED", 10)
    assert "Of the first 10 anchors tried" in as_curator.get(url, settings).content.decode()


def test_changing_what_may_be_changed(as_curator, campaign, dataset):
    create_campaign(name="taken", dataset=dataset, groups=1, k=4)
    campaign.groups.update(is_sure=True)
    url = reverse("campaign-edit", args=[campaign.pk])
    form = {"name": "renamed", "gold_rate": 0.2, "pause_after_minutes": 0, "extra_comparisons": 7}
    assert "taken" not in as_curator.get(url).content.decode()
    for wrong in ({"name": "taken", "extra_confidence": 0.9}, {"extra_confidence": 2}):
        assert as_curator.post(url, form | wrong).status_code == 200
    campaign.refresh_from_db()
    assert campaign.name == "c"
    page = as_curator.post(url, form | {"extra_confidence": 0.8, "k": 4}, follow=True).content.decode()
    assert "renamed is changed" in page
    campaign.refresh_from_db()
    assert (campaign.gold_rate, campaign.pause_after_minutes, campaign.extra_comparisons) == (0.2, 0, 7)
    assert campaign.k == 8
    assert campaign.groups.filter(is_sure=True).exists()
    # Groups that were sure enough are looked at again where more confidence is asked for.
    as_curator.post(url, form | {"extra_confidence": 0.95})
    assert not campaign.groups.filter(is_sure=True).exists()


def test_the_plan_says_what_settings_cost(as_curator, annotator):
    url = reverse("campaign-plan")
    settings = {"groups": 50, "k": 16, "repetitions": 3, "extra_comparisons": 0}
    page = as_curator.get(url, settings).content.decode()
    assert "2,320" in page  # 50 * 3 * 15 comparisons, 3 % of them asked again
    assert "Fill in groups" in as_curator.get(url, settings | {"groups": "many"}).content.decode()
    client = Client()
    assert client.get(url, settings).status_code == 302
    client.force_login(annotator)
    assert client.get(url, settings).status_code == 403


def test_pausing_and_resuming(as_curator, campaign):
    url = reverse("campaign-pause", args=[campaign.pk])
    for active in ("false", "true"):
        page = as_curator.post(url, {"active": active}, follow=True).content.decode()
        campaign.refresh_from_db()
        assert campaign.is_active == (active == "true")
        assert ("Pause" in page) == campaign.is_active


def figures(client, campaign):
    page = client.get(reverse("campaign-figures", args=[campaign.pk])).content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_the_figures_project_the_end_from_the_pace(as_curator, campaign, annotators):
    assert "Nothing was decided in the last week" in figures(as_curator, campaign)
    simulate(campaign, annotators, Manner(), repetitions=[1, 2])
    now = timezone.now()
    page = figures(as_curator, campaign)
    # 42 of 63 in less than an hour, which counts as one: the rest takes half an hour.
    assert "at the pace of the last hour, in which 42 comparisons were decided" in page
    assert re.search(r"in (29|30) minutes", page.replace("\xa0", " "))
    assert "Brackets finished 6 of 9" in page
    Comparison.objects.filter(winner__isnull=False).update(decided_at=now - timedelta(hours=30))
    assert "at the pace of the last 30 hours" in figures(as_curator, campaign)
    Comparison.objects.filter(winner__isnull=False).update(decided_at=now - timedelta(days=8))
    assert "no telling" in figures(as_curator, campaign)
    Campaign.objects.update(is_active=False)
    assert "It is paused" in figures(as_curator, campaign)


def test_the_list_says_who_is_here(as_curator, campaign, annotators):
    page = as_curator.get(reverse("campaign-list")).content.decode()
    assert "here now" not in page
    simulate(campaign, annotators[:2], Manner())
    assert "2 here now" in as_curator.get(reverse("campaign-list")).content.decode()
    Participation.objects.update(seen_at=timezone.now() - timedelta(minutes=11))
    assert "here now" not in as_curator.get(reverse("campaign-list")).content.decode()


def test_annotators_and_their_weights(as_curator, campaign, annotators):
    url = reverse("campaign-annotator-table", args=[campaign.pk])
    assert "Nobody has voted yet" in as_curator.get(url).content.decode()
    simulate(campaign, annotators, Manner(flip=0.1))
    page = as_curator.get(url).content.decode()
    assert all(annotator.username in page for annotator in annotators)
