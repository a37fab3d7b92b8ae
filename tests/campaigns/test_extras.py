"""Extra comparisons: asked after the tournament, within the budget, of whoever has not answered the pair."""

import random
from collections import Counter

import pytest
from django.core.cache import cache
from django.utils import timezone

from annotate.campaigns.creation import create_campaign
from annotate.campaigns.leases import lease
from annotate.campaigns.models import Bracket, Comparison, Group, Vote
from annotate.campaigns.retraction import discard_votes
from annotate.campaigns.simulation import simulate
from annotate.campaigns.verification import differences
from annotate.tournament.simulator import Manner


@pytest.fixture(autouse=True)
def nothing_known():
    cache.clear()


def with_extras(dataset, **settings):
    options = {"repetitions": 1, "extra_comparisons": 6, "extra_confidence": 0.95} | settings
    return create_campaign(name="x", dataset=dataset, groups=2, k=8, seed=5, **options).campaign


def test_the_budget_is_spent_after_the_brackets_and_no_more(dataset, annotators):
    campaign = with_extras(dataset, extra_confidence=0.999)
    simulate(campaign, annotators, Manner(flip=0.1), seed=1)
    assert not Bracket.objects.filter(finished_at__isnull=True).exists()
    extras = Comparison.objects.filter(bracket__isnull=True)
    assert Counter(extras.values_list("group", flat=True)) == {g.pk: 6 for g in Group.objects.all()}
    assert not extras.open().exists()
    assert Vote.objects.filter(comparison__bracket__isnull=True, is_stand_in=False, counts=True).count() == 12
    answered = list(Vote.objects.values_list("annotator", "group", "low", "high"))
    assert len(answered) == len(set(answered))
    assert list(differences(campaign)) == []
    assert Group.objects.filter(is_sure=True).count() == 0


def test_a_sure_group_is_asked_nothing_more(dataset, annotators):
    campaign = with_extras(dataset, extra_confidence=0.51, repetitions=3)
    simulate(campaign, annotators, Manner(), seed=1)
    assert not Comparison.objects.filter(bracket__isnull=True).exists()
    assert Group.objects.filter(is_sure=True).count() == 2


def test_off_by_default(campaign, annotators):
    simulate(campaign, annotators, Manner(), seed=1)
    assert not Comparison.objects.filter(bracket__isnull=True).exists()


def test_several_at_once_are_different_pairs(dataset, annotators):
    campaign = with_extras(dataset, extra_confidence=0.999)
    simulate(campaign, annotators, Manner(), seed=1, repetitions=[1])
    shown = [
        question.comparison
        for annotator in annotators
        for question in lease(campaign, annotator, count=2, at=timezone.now(), rng=random.Random(1))
    ]
    assert len(shown) == 8
    assert all(comparison.bracket_id is None for comparison in shown)
    pairs = [(c.group_id, c.low, c.high) for c in shown]
    assert len(set(pairs)) == 8


def test_a_discarded_extra_answer_is_asked_again(dataset, annotators, admin):
    campaign = with_extras(dataset, extra_confidence=0.999)
    simulate(campaign, annotators, Manner(), seed=1)
    anna = Vote.objects.filter(comparison__bracket__isnull=True).first().annotator
    hers = Vote.objects.filter(comparison__bracket__isnull=True, annotator=anna).count()
    discard_votes(campaign, anna, admin=admin, at=timezone.now())
    assert Comparison.objects.filter(bracket__isnull=True).open().count() == hers
    assert list(differences(campaign)) == []
    simulate(campaign, annotators, Manner(), seed=2)
    assert not Comparison.objects.filter(bracket__isnull=True).open().exists()


def test_an_extra_comparison_comes_to_a_tie_like_any_other(dataset, annotators):
    campaign = with_extras(dataset, extra_confidence=0.999)
    simulate(campaign, annotators, Manner(), seed=1, repetitions=[1])
    simulate(campaign, annotators, Manner(uncertain=1.0), seed=2)
    extras = Comparison.objects.filter(bracket__isnull=True)
    assert extras.filter(is_tie=True).exists()
    assert not extras.filter(is_tie=False, winner__isnull=False).exists()
    assert list(differences(campaign)) == []
