"""A campaign grows and its version with it: every task from the answers to the decision, the network's place
taken by a script that only behaves like it."""

import pytest
from django.utils import timezone

from annotate.campaigns.creation import create_campaign
from annotate.training.growing import set_up
from annotate.training.models import Decision, RunState, Snapshot, Verdict
from annotate.training.runs import queue_run
from annotate.training.tasks import run_errand, tend_fine_tunings, train_run
from annotate.training.validating import name_validation_snapshot
from annotate.training.versions import active_version, promote
from config.celery import app
from tests.training.growth import answered


@pytest.fixture
def at_once():
    """Each task does its work when it is put on its queue."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


@pytest.mark.usefixtures("transactional_db", "stand_in", "at_once")
def test_from_answers_to_promotion_and_then_to_being_kept(dataset, snapshot, admin, monkeypatch):
    now = timezone.now()
    train_run(run_id=queue_run(snapshot, {"epochs": 3}, admin).pk)
    first = snapshot.runs.get().model_version
    promote(first, admin, "the first", now)
    for errand in name_validation_snapshot(snapshot, admin, now):
        run_errand(errand_id=errand.pk)
    campaign = create_campaign(name="compared", dataset=dataset, groups=4, k=2, repetitions=2).campaign
    fine_tuning = set_up(campaign, admin, now, is_on=True, every_triplets=8, margin=0.01, replay=0.25)

    tend_fine_tunings()
    assert not fine_tuning.runs.exists()
    answered(campaign, 1)
    monkeypatch.setenv("ACCURACY", "0.9")
    tend_fine_tunings()
    run = fine_tuning.runs.get()
    assert (run.state, run.error, run.parent) == (RunState.SUCCEEDED, "", first)
    assert (run.config["replay"], run.config["epochs"]) == (0.25, 3)
    assert run.snapshot.counts["triplets_by_source"]["direct"] == 4
    assert not Decision.objects.exists()
    tend_fine_tunings()
    decision = run.decision
    assert (decision.verdict, decision.against) == (Verdict.PROMOTED, first)
    assert (decision.accuracy, decision.accuracy_against) == (0.9, 0.75)
    assert active_version() == run.model_version

    answered(campaign, 2)
    tend_fine_tunings()
    second = fine_tuning.runs.latest("pk")
    assert second.parent == run.model_version
    tend_fine_tunings()
    assert second.decision.verdict == Verdict.KEPT
    assert "90.0 % against 90.0 %" in second.decision.reason
    assert active_version() == run.model_version
    assert fine_tuning.runs.count() == 2
    assert Snapshot.objects.filter(campaign=campaign).count() == 2
