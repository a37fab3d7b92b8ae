"""Home and the page to compare on: who may open them, and what home offers."""

import random

import pytest
from django.urls import reverse
from django.utils import timezone

from annotate.campaigns.leases import lease
from annotate.campaigns.models import Campaign
from annotate.faces.models import Dataset


def get(client, name, *args):
    return client.get(reverse(name, args=args)).content.decode()


@pytest.mark.parametrize("name", ["home", "compare"])
def test_both_are_for_everybody_who_is_logged_in(client, campaign, annotator, curator, admin, name):
    address = reverse(name, args=[campaign.pk] if name == "compare" else [])
    assert client.get(address).url == f"{reverse('login')}?next={address}"
    for person in (annotator, curator, admin):
        client.force_login(person)
        assert client.get(address).status_code == 200
        assert client.post(address).status_code == 405


def test_a_campaign_that_is_not_there(client, annotator):
    client.force_login(annotator)
    response = client.get(reverse("compare", args=[404]))
    assert response.status_code == 404
    assert "There is nothing at this address" in response.content.decode()


def test_home_offers_the_active_campaigns_with_her_progress(client, campaign, annotator, vote):
    Campaign.objects.create(name="paused one", dataset=campaign.dataset, is_active=False)
    client.force_login(annotator)
    page = get(client, "home")
    assert "Start comparing" in page
    assert "paused one" not in page
    assert "Overview" not in page

    (question,) = lease(campaign, annotator, count=1, at=timezone.now(), rng=random.Random(1))
    vote(annotator, question)
    page = get(client, "home")
    assert "Go on comparing" in page
    assert "1 of 63 comparisons decided" in page
    assert "<b>1</b> answer by you" in page


@pytest.mark.django_db
def test_home_says_what_to_do_when_there_is_nothing(client, annotator, curator):
    client.force_login(annotator)
    assert "Nothing to compare just now" in get(client, "home")
    client.force_login(curator)
    assert "import_faces" in get(client, "home")
    dataset = Dataset.objects.create(name="faces")
    assert reverse("campaign-create") in get(client, "home")
    Campaign.objects.create(name="paused one", dataset=dataset, is_active=False)
    assert "No campaign is asking now" in get(client, "home")


def test_home_asks_the_database_no_more_for_more_campaigns(
    client, campaign, curator, django_assert_max_num_queries
):
    client.force_login(curator)
    for number in range(20):
        Campaign.objects.create(name=f"another {number}", dataset=campaign.dataset)
    with django_assert_max_num_queries(7):
        assert get(client, "home").count("Start comparing") >= 1
