"""The annotators' table, and what an admin does there: who may, and what it says."""

import random
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotate.campaigns.answers import ANSWERS_SHOWN
from annotate.campaigns.gold import draw_gold_from_triplets
from annotate.campaigns.leases import lease
from annotate.campaigns.models import Campaign, Participation, Question, Relation, Vote
from annotate.campaigns.simulation import simulate
from annotate.tournament.agreement import ENOUGH
from annotate.tournament.quality import TOO_FAST_MS
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


def answers(client, campaign, annotator, **query):
    answer = client.get(reverse("campaign-annotator", args=[campaign.pk, annotator.pk]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_her_answers_are_for_curators(client, answered, annotators, annotator, curator, admin):
    url = reverse("campaign-annotator", args=[answered.pk, annotators[0].pk])
    assert client.get(url).headers["Location"].startswith(reverse("login"))
    for user, status in ((annotator, 403), (annotators[0], 403), (curator, 200), (admin, 200)):
        client.force_login(user)
        assert client.get(url).status_code == status
    missing = reverse("campaign-annotator", args=[answered.pk, annotator.pk])
    assert client.get(missing).status_code == 404


def test_her_answers_as_she_saw_them(client, answered, annotators, curator):
    client.force_login(curator)
    her = annotators[0]
    page = answers(client, answered, her)
    newest = Vote.objects.filter(annotator=her).order_by("-created_at", "-pk")[:ANSWERS_SHOWN]
    seen = []
    for vote in newest:
        question = Question.objects.get(annotator=her, comparison=vote.comparison, gold=vote.gold)
        seen += [question.left_id, question.anchor_id, question.right_id]
    assert [int(face) for face in re.findall(r"/faces/(\d+)/crop.jpg", page)] == seen
    assert page.count("which was chosen") == page.count("is-named") == len(newest)


def test_which_answers(client, campaign, annotators, admin):
    draw_gold_from_triplets(campaign, 20)
    Campaign.objects.update(gold_rate=0.3)
    campaign.refresh_from_db()
    simulate(campaign, annotators, Manner(flip=0.3, uncertain=0.15), seed=4)
    her = annotators[0]
    hers = Vote.objects.filter(annotator=her)
    hers.filter(pk__in=list(hers.values_list("pk", flat=True)[:3])).update(response_ms=TOO_FAST_MS - 1)
    expected = {
        "uncertain": hers.filter(answer="uncertain").count(),
        "fast": 3,
        "gold": hers.filter(gold__isnull=False).count(),
        "gold-wrong": sum(vote.names_nearer is False for vote in hers.filter(gold__isnull=False)),
        "differs": sum(differs(vote, her) for vote in hers.filter(group__isnull=False)),
        "flagged": 0,
        "taken-back": 0,
    }
    assert min(expected[kind] for kind in ("uncertain", "gold", "gold-wrong", "differs")) > 0
    client.force_login(admin)
    for kind, count in expected.items():
        assert answers(client, campaign, her, only=kind).count('class="card answer') == count, kind
    client.post(reverse("annotator-discard", args=[campaign.pk, her.pk]))
    assert "No such answers" in answers(client, campaign, her)
    assert "discarded by ada" in answers(client, campaign, her, only="taken-back")


def differs(vote, her):
    """Whether the other brackets' chains without her say more often that the other face is nearer."""
    if vote.winner is None:
        return False
    pair = {vote.low, vote.high}
    named = [
        relation.winner.slot
        for relation in Relation.objects.filter(bracket__group=vote.group).select_related("winner", "loser")
        if {relation.winner.slot, relation.loser.slot} == pair
        and relation.bracket_id != vote.comparison.bracket_id
        and her.pk not in relation.deciders + relation.uncertain
    ]
    return 2 * named.count(vote.winner) < len(named)


def test_her_answers_are_read_page_by_page(client, answered, annotators, curator, monkeypatch):
    monkeypatch.setattr("annotate.campaigns.answers.ANSWERS_SHOWN", 10)
    client.force_login(curator)
    her, before, seen, queries = annotators[0], "", [], set()
    while before is not None:
        with CaptureQueriesContext(connection) as captured:
            page = answers(client, answered, her, before=before)
        queries.add(len(captured))
        seen += re.findall(r"<time datetime=\"([^\"]+)", page)
        onwards = re.search(r"before=([0-9a-f-]+)", page)
        before = onwards[1] if onwards else None
    assert len(seen) == Vote.objects.filter(annotator=her).count() > 10
    assert seen == sorted(seen, reverse=True)
    assert max(queries) <= 12
