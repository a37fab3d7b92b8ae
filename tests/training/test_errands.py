"""Errands: who has one, and what is noticed when a worker is lost."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.training import jobs
from annotate.training.errands import ask_to_embed, ask_to_measure
from annotate.training.models import Errand
from tests.training.registry import make_version

NOW = timezone.now()
LATER = NOW + timedelta(seconds=61)


@pytest.fixture
def errand(snapshot):
    return ask_to_embed(make_version(snapshot), snapshot.dataset, None, NOW)


def test_one_at_a_time_is_asked_for(errand, snapshot, admin):
    version, dataset = errand.model_version, errand.dataset
    assert ask_to_embed(version, dataset, admin, NOW) == errand
    assert ask_to_measure(version, snapshot, admin, NOW) != errand
    jobs.end(jobs.claim(Errand, errand.pk, "w:1", NOW), NOW, "no space left")
    again = ask_to_embed(version, dataset, admin, NOW)
    assert again != errand
    assert not Errand.objects.filter(pk=errand.pk).exists(), "what failed is asked for anew"


def test_one_worker_has_it(errand):
    claim = jobs.claim(Errand, errand.pk, "w:1", NOW)
    assert jobs.claim(Errand, errand.pk, "w:2", NOW) is None
    assert jobs.report(claim, NOW, 0.5)
    assert jobs.end(claim, NOW)
    assert not jobs.report(claim, NOW, 0.6)
    assert jobs.claim(Errand, errand.pk, "w:2", NOW) is None
    errand.refresh_from_db()
    assert (errand.progress, errand.error, errand.ended_at) == (1.0, "", NOW)


def test_a_lost_worker_is_noticed(errand):
    claim = jobs.claim(Errand, errand.pk, "w:1", NOW)
    assert jobs.recover(Errand, NOW + timedelta(seconds=59)) == []
    assert jobs.recover(Errand, LATER) == [errand.pk]
    assert jobs.recover(Errand, LATER) == [], "it is on the queue"
    assert not jobs.report(claim, LATER, 0.5)
    assert not jobs.end(claim, LATER), "whoever was taken for lost changes nothing"
    assert jobs.claim(Errand, errand.pk, "w:1", LATER).attempts == 2


def test_three_lost_workers_are_enough(errand):
    at = NOW
    for _ in range(3):
        assert jobs.claim(Errand, errand.pk, "w:1", at) is not None
        at += timedelta(seconds=61)
        recovered = jobs.recover(Errand, at)
    assert recovered == []
    errand.refresh_from_db()
    assert "3 workers began it" in errand.error
    assert errand.ended_at == at


def test_a_worker_that_is_stopped_hands_it_back(errand):
    for _ in range(5):
        jobs.hand_back(jobs.claim(Errand, errand.pk, "w:1", NOW), NOW)
    errand.refresh_from_db()
    assert (errand.worker, errand.attempts) == ("", 0)


def test_a_message_that_was_lost_is_sent_again(errand):
    assert jobs.recover(Errand, NOW + timedelta(minutes=9)) == []
    assert jobs.recover(Errand, NOW + timedelta(minutes=11)) == [errand.pk]
