"""The annotators' table, and what an admin does there: who may, and what it says."""

import random

import pytest
from django.urls import reverse
from django.utils import timezone

from annotate.campaigns.leases import lease
from annotate.campaigns.models import Participation, Vote
from annotate.campaigns.simulation import simulate
from annotate.tournament.agreement import ENOUGH
from annotate.tournament.simulator import Manner

DEEDS = ["annotator-pause", "annotator-discard"]


@pytest.fixture
def answered(campaign, annotators):
    simulate(campaign, annotators, Manner(flip=0.1))
    return campaign


def table(client, campaign):
    return client.get(reverse("campaign-annotator-table", args=[campaign.pk])).content.decode()


def is_paused(campaign, annotator):
    return Participation.objects.filter(
        campaign=campaign, annotator=annotator, paused_at__isnull=False
    ).exists()


@pytest.mark.parametrize("name", DEEDS)
def test_only_an_admin_may(client, answered, annotators, annotator, curator, admin, name):
    hers = annotators[0]
    url = reverse(name, args=[answered.pk, hers.pk])
    for user, status in ((None, 302), (annotator, 403), (curator, 403)):
        if user is not None:
            client.force_login(user)
        assert client.get(url).status_code in (status, 405)
        refused = client.post(url, {"paused": "true"})
        assert refused.status_code == status
        if user is None:
            assert refused.headers["Location"].startswith(reverse("login"))
        assert not is_paused(answered, hers)
        assert not Vote.objects.filter(retracted_at__isnull=False).exists()
    client.force_login(admin)
    client.get(url)
    assert not is_paused(answered, hers)
    assert client.post(url, {"paused": "true"}).status_code == 302
    assert is_paused(answered, hers)


@pytest.mark.parametrize("name", DEEDS)
def test_who_has_not_voted_here_is_not_found(client, answered, admin, annotator, name):
    client.force_login(admin)
    assert client.post(reverse(name, args=[answered.pk, annotator.pk])).status_code == 404
    assert client.post(reverse(name, args=[answered.pk + 1, annotator.pk])).status_code == 404


def test_pausing_and_resuming(client, answered, annotators, admin):
    client.force_login(admin)
    url = reverse("annotator-pause", args=[answered.pk, annotators[0].pk])
    assert "a0 is paused" in client.post(url, {"paused": "true"}, follow=True).content.decode()
    assert is_paused(answered, annotators[0])
    assert "Resume" in table(client, answered)
    assert "a0 is asked again" in client.post(url, {"paused": "false"}, follow=True).content.decode()
    assert not is_paused(answered, annotators[0])
    assert "Resume" not in table(client, answered)


def test_discarding_says_what_went(client, answered, annotators, admin):
    client.force_login(admin)
    hers = Vote.objects.filter(annotator=annotators[0])
    votes, brackets = hers.count(), hers.values("comparison__bracket").distinct().count()
    url = reverse("annotator-discard", args=[answered.pk, annotators[0].pk])
    assert url in table(client, answered)
    page = " ".join(client.get(url).content.decode().split())
    assert f"{votes} votes will no longer count" in page
    assert f"{brackets} brackets that they had a part in will be replayed" in page
    assert hers.live().count() == votes
    page = client.post(url, follow=True).content.decode()
    assert f"Votes of a0 that were discarded: {votes}." in page
    assert f"Brackets that were replayed without them: {brackets}." in page
    assert not hers.live().exists()
    # She is still listed, so that an admin can resume her; there is nothing more to discard.
    page = table(client, answered)
    assert reverse("annotator-pause", args=[answered.pk, annotators[0].pk]) in page
    assert url not in page


def test_a_curator_sees_the_figures_and_no_buttons(client, answered, annotators, curator):
    client.force_login(curator)
    page = table(client, answered)
    assert "Krippendorff" in page
    assert "Discard" not in page
    assert not any(reverse(name, args=[answered.pk, annotators[0].pk]) in page for name in DEEDS)


def test_who_has_voted_little_is_flagged(client, campaign, annotators, curator, vote):
    client.force_login(curator)
    [question] = lease(campaign, annotators[3], count=1, at=timezone.now(), rng=random.Random(1))
    vote(annotators[3], question)
    simulate(campaign, annotators[:3], Manner())
    few = sum(Vote.objects.filter(annotator=annotator).count() < ENOUGH for annotator in annotators)
    assert 0 < few < len(annotators)
    assert table(client, campaign).count("few votes") == few
