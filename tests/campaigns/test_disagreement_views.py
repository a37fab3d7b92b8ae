"""The page of contradictions, ties and waiting comparisons: what it shows, how it is paged, who settles."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotate.campaigns import contradictions
from annotate.campaigns.models import Answer, Comparison, Relation, Vote
from annotate.campaigns.simulation import simulate
from annotate.tournament.simulator import Manner


@pytest.fixture
def noisy(campaign, annotators):
    simulate(campaign, annotators, Manner(flip=0.3, uncertain=0.1), seed=1)
    return campaign


@pytest.fixture
def look(client, curator):
    client.force_login(curator)

    def look(campaign, **query):
        answer = client.get(reverse("campaign-disagreements", args=[campaign.pk]), query)
        assert answer.status_code == 200
        return answer.content.decode()

    return look


def both_ways(rows):
    said = {}
    for group, winner, loser in rows:
        said.setdefault((group, frozenset((winner, loser))), set()).add(winner)
    return {pair for pair, winners in said.items() if len(winners) == 2}


def test_each_kind_shows_its_pairs(look, noisy):
    relations = Relation.objects.values_list("bracket__group", "winner__slot", "loser__slot")
    votes = Vote.objects.live().filter(group__isnull=False).exclude(answer=Answer.UNCERTAIN)
    answers = [(vote.group_id, vote.winner, vote.low + vote.high - vote.winner) for vote in votes]
    expected = {
        "repetitions": len(both_ways(relations)),
        "annotators": len(both_ways(answers)),
        "ties": Comparison.objects.filter(is_tie=True).count(),
        "waiting": Comparison.objects.waiting().count(),
    }
    assert expected["repetitions"] > 3
    assert expected["annotators"] > 0
    for kind, count in expected.items():
        assert look(noisy, kind=kind).count('class="card dispute"') == count
    page = " ".join(re.sub(r"<[^>]+>", " ", look(noisy)).split())
    assert re.search(r"[12] : [12] .* is nearer: repetitions? \d", page)


def test_nothing_to_show(look, campaign):
    assert "No repetitions contradict each other" in look(campaign)
    for kind, title in (
        ("annotators", "Nobody disagrees"),
        ("ties", "No ties"),
        ("waiting", "Nothing waits"),
    ):
        assert title in look(campaign, kind=kind)


def test_a_page_ends_with_a_group_and_the_next_goes_on_behind_it(look, noisy, monkeypatch):
    whole = look(noisy).count('class="card dispute"')
    monkeypatch.setattr(contradictions, "PAIRS_SHOWN", 1)
    monkeypatch.setattr(contradictions, "GROUPS_AT_ONCE", 1)
    after, pages = 0, []
    while after is not None:
        with CaptureQueriesContext(connection) as captured:
            pages.append(look(noisy, after=after))
        assert len(captured) <= 10
        onwards = re.search(r"after=(\d+)", pages[-1])
        after = int(onwards[1]) if onwards else None
    assert len(pages) > 1
    assert sum(page.count('class="card dispute"') for page in pages) == whole


def test_searching_stops_and_says_how_far_it_came(look, campaign, monkeypatch):
    monkeypatch.setattr(contradictions, "GROUPS_AT_ONCE", 1)
    monkeypatch.setattr(contradictions, "TIMES", 2)
    page = look(campaign)
    assert "up to group 2" in page
    assert "Look on from group 3" in page


def test_an_admin_settles_what_waits(client, curator, admin, look, campaign):
    comparison = Comparison.objects.filter(campaign=campaign).first()
    comparison.votes.create(
        pk="00000000-0000-4000-8000-000000000001", annotator=admin, answer=Answer.UNCERTAIN, low_is_left=True,
        group=comparison.group, low=comparison.low, high=comparison.high, campaign=campaign, is_stand_in=True,
    )  # fmt: skip
    Comparison.objects.filter(pk=comparison.pk).update(uncertain=1)
    page = look(campaign, kind="waiting")
    assert "1 uncertain" in page
    assert "Settle as a tie" not in page
    client.force_login(admin)
    url = reverse("campaign-disagreements", args=[campaign.pk])
    assert "Settle as a tie" in client.get(url, {"kind": "waiting"}).content.decode()
    settle = reverse("comparison-settle", args=[campaign.pk, comparison.pk])
    page = client.post(settle, follow=True).content.decode()
    assert "Settled as a tie" in page
    assert "Nothing waits" in page
    assert "settled by an admin" in client.get(url, {"kind": "ties"}).content.decode()
    assert "decided meanwhile" in client.post(settle, follow=True).content.decode()
