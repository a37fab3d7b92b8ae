"""The curators' pages: who may open them, and what they show and do."""

import pytest
from django.test import Client
from django.urls import reverse

from annotate.campaigns.models import Answer, Campaign, Comparison, Relation
from annotate.campaigns.simulation import simulate
from annotate.tournament.simulator import Manner

GET = [
    "campaign-list",
    "campaign-create",
    "campaign-detail",
    "campaign-annotators",
    "campaign-annotator-table",
    "campaign-contradictions",
]


def address(name, campaign):
    if name in ("campaign-list", "campaign-create"):
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


def test_creating(as_curator, dataset):
    page = as_curator.get(reverse("campaign-list")).content.decode()
    assert "No campaign yet" in page
    form = {"name": "new", "dataset": dataset.pk, "groups": 2, "k": 8, "repetitions": 3, "seed": 1,
            "assignment": "whole", "gold": 5, "gold_rate": 0.1, "extra_comparisons": 0,
            "extra_confidence": 0.9}  # fmt: skip
    answer = as_curator.post(reverse("campaign-create"), form, follow=True)
    assert "has 2 groups" in answer.content.decode()
    again = as_curator.post(reverse("campaign-create"), form)
    assert "already" in again.content.decode()
    none = as_curator.post(reverse("campaign-create"), form | {"name": "other", "k": 32})
    assert "smaller k" in none.content.decode()
    campaign = Campaign.objects.get()
    assert (campaign.name, campaign.assignment, campaign.gold.count()) == ("new", "whole", 5)


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


def test_contradictions_are_shown_with_their_faces(as_curator, campaign, annotators):
    url = reverse("campaign-contradictions", args=[campaign.pk])
    assert "No group contradicts itself" in as_curator.get(url).content.decode()
    simulate(campaign, annotators, Manner(flip=0.3), seed=1)
    page = as_curator.get(url).content.decode()
    said = {}
    for winner, loser, group in Relation.objects.values_list("winner", "loser", "bracket__group"):
        said.setdefault((group, frozenset((winner, loser))), set()).add(winner)
    both_ways = [pair for pair, winners in said.items() if len(winners) == 2]
    assert page.count("First candidate") == len(both_ways) > 0


def test_detail_shows_what_waits_and_an_admin_settles_it(as_admin, campaign):
    comparison = Comparison.objects.filter(campaign=campaign).first()
    comparison.votes.create(
        pk="00000000-0000-4000-8000-000000000001", annotator_id=as_admin.session["_auth_user_id"],
        answer=Answer.UNCERTAIN, low_is_left=True, group=comparison.group, low=comparison.low,
        high=comparison.high, campaign=campaign, is_stand_in=True,
    )  # fmt: skip
    Comparison.objects.filter(pk=comparison.pk).update(uncertain=1)
    url = reverse("campaign-detail", args=[campaign.pk])
    assert "1 comparison\n    waits for somebody" in as_admin.get(url).content.decode()
    settle = reverse("comparison-settle", args=[campaign.pk, comparison.pk])
    assert "Settled as a tie" in as_admin.post(settle, follow=True).content.decode()
    assert "Nothing waits" in as_admin.get(url).content.decode()
    assert "decided meanwhile" in as_admin.post(settle, follow=True).content.decode()


def test_pausing_and_resuming(as_curator, campaign):
    url = reverse("campaign-pause", args=[campaign.pk])
    for active in ("false", "true"):
        page = as_curator.post(url, {"active": active}, follow=True).content.decode()
        campaign.refresh_from_db()
        assert campaign.is_active == (active == "true")
        assert ("Pause" in page) == campaign.is_active


def test_annotators_and_their_weights(as_curator, campaign, annotators):
    url = reverse("campaign-annotator-table", args=[campaign.pk])
    assert "Nobody has voted yet" in as_curator.get(url).content.decode()
    simulate(campaign, annotators, Manner(flip=0.1))
    page = as_curator.get(url).content.decode()
    assert all(annotator.username in page for annotator in annotators)
