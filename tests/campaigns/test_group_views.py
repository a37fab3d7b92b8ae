"""Groups and their brackets as pictures: who may look, what they show, and what they cost."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotate.accounts.models import User
from annotate.campaigns.creation import create_campaign
from annotate.campaigns.models import Answer, Comparison, Relation, Vote
from annotate.campaigns.retraction import discard_votes
from annotate.campaigns.simulation import simulate
from annotate.campaigns.voting import settle_as_tie
from annotate.tournament.simulator import Manner


@pytest.fixture
def noisy(campaign, annotators):
    simulate(campaign, annotators, Manner(flip=0.25), seed=1)
    return campaign


def group_page(client, campaign, index=1):
    return client.get(reverse("campaign-group", args=[campaign.pk, index])).content.decode()


def words(page):
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.mark.parametrize("name", ["campaign-groups", "campaign-group"])
def test_the_pages_are_for_curators(client, campaign, annotator, curator, admin, name):
    url = reverse(name, args=[campaign.pk, 1] if name == "campaign-group" else [campaign.pk])
    assert client.get(url).headers["Location"].startswith(reverse("login"))
    client.force_login(annotator)
    assert client.get(url).status_code == 403
    for user in (curator, admin):
        client.force_login(user)
        assert client.get(url).status_code == 200
        assert client.post(url).status_code == 405


def test_a_finished_group(client, curator, noisy):
    client.force_login(curator)
    page = group_page(client, noisy)
    group = noisy.groups.get(index=1)
    # 8 leaves and 7 winners a repetition, each with its picture; every match once in words.
    assert page.count("<image ") == 3 * 15
    assert page.count('class="place place-champion') == page.count("the winner") == 3
    # The champion's own way is the thick one: a path a round.
    assert page.count("way-last") == 3 * 3
    assert page.count("way-lost") == page.count("way-won") + page.count("way-last") == 3 * 7
    for comparison in group.comparisons.all():
        assert page.count(f'data-card="match-{comparison.pk}"') == 1
    for vote in Vote.objects.filter(group=group).select_related("annotator"):
        assert f"{vote.annotator.username}: {vote.winner + 1}" in words(page)


def test_contradictions_are_marked_in_the_trees_and_told_in_words(client, curator, noisy):
    client.force_login(curator)
    said = {}
    relations = Relation.objects.filter(bracket__group__index=1)
    for low, high in relations.values_list("winner__slot", "loser__slot"):
        said.setdefault(frozenset((low, high)), set()).add(low)
    both_ways = [pair for pair, winners in said.items() if len(winners) == 2]
    page = group_page(client, noisy)
    assert page.count("data-pair=") == len(both_ways) > 0
    assert f"{len(both_ways)} contradictions" in words(page)
    assert "Repetition 2:" in words(page)
    assert page.count("mark-box") > 1
    listed = words(client.get(reverse("campaign-groups", args=[noisy.pk])).content.decode())
    assert f"{len(both_ways)} contradictions" in listed


def test_open_uncertain_tied_and_withdrawn_matches_are_told_apart(
    client, curator, admin, campaign, annotators
):
    client.force_login(curator)
    page = group_page(client, campaign)
    assert page.count("place-asked") == 3 * 4
    assert "Nobody has answered yet" in page
    simulate(campaign, annotators, Manner(), repetitions=[1, 2])
    unsure, tied = Comparison.objects.filter(group__index=1, bracket__repetition=3, round=1)[:2]
    Vote.objects.create(
        pk="00000000-0000-4000-8000-000000000001", annotator=annotators[0], answer=Answer.UNCERTAIN,
        low_is_left=True, group=unsure.group, comparison=unsure, low=unsure.low, high=unsure.high,
        campaign=campaign, is_stand_in=True,
    )  # fmt: skip
    Comparison.objects.filter(pk=unsure.pk).update(uncertain=1)
    settle_as_tie(tied.pk, admin=admin, at=timezone.now())
    page = group_page(client, campaign)
    assert "1 unsure" in page
    assert "a0: uncertain" in words(page)
    assert page.count("place-tie") == 1
    assert page.count("way-tie") == 2
    assert "settled by an admin" in words(page)
    assert "Withdrawn" not in page
    who = Vote.objects.filter(group__index=1, comparison__round=1, counts=True).exclude(comparison=unsure)
    discard_votes(campaign, User.objects.get(pk=who.first().annotator_id), admin=admin, at=timezone.now())
    withdrawn = Comparison.objects.filter(group__index=1, is_withdrawn=True).count()
    assert withdrawn > 0
    assert words(group_page(client, campaign)).count("withdrawn") == withdrawn


def test_it_costs_the_same_for_one_repetition_and_for_three(client, curator, dataset, noisy, annotators):
    client.force_login(curator)
    single = create_campaign(name="single", dataset=dataset, groups=1, k=8, repetitions=1, seed=5).campaign
    simulate(single, annotators[:2], Manner(), seed=2)
    queries = []
    for campaign in (single, noisy):
        with CaptureQueriesContext(connection) as captured:
            group_page(client, campaign)
        queries.append(len(captured))
    assert queries[0] == queries[1] <= 12


def test_the_list_is_read_page_by_page(client, curator, noisy, monkeypatch):
    monkeypatch.setattr("annotate.campaigns.group_views.GROUPS_SHOWN", 2)
    client.force_login(curator)
    url = reverse("campaign-groups", args=[noisy.pk])
    first = client.get(url).content.decode()
    assert [f"Group {i}<" in first for i in (1, 2, 3)] == [True, True, False]
    assert "after=2" in first
    with CaptureQueriesContext(connection) as captured:
        second = client.get(url, {"after": 2}).content.decode()
    assert [f"Group {i}<" in second for i in (1, 2, 3)] == [False, False, True]
    assert len(captured) <= 6
    assert "No such groups" in client.get(url, {"state": "new"}).content.decode()
    assert "Group 1<" in client.get(url, {"state": "finished"}).content.decode()
    assert "Group 1<" not in client.get(url, {"state": "under-way"}).content.decode()


def test_going_to_a_number(client, curator, campaign):
    client.force_login(curator)
    url = reverse("campaign-groups", args=[campaign.pk])
    assert client.get(url, {"number": 2}).headers["Location"] == reverse(
        "campaign-group", args=[campaign.pk, 2]
    )
    assert client.get(reverse("campaign-group", args=[campaign.pk, 99])).status_code == 404


def test_the_way_to_the_next_group_leads_over_one_that_is_gone(client, curator, campaign):
    client.force_login(curator)
    campaign.groups.get(index=2).delete()
    assert reverse("campaign-group", args=[campaign.pk, 3]) in group_page(client, campaign, 1)
    assert reverse("campaign-group", args=[campaign.pk, 1]) in group_page(client, campaign, 3)
