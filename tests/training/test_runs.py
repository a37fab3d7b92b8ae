"""The states of a run: who may change them, and that only one worker has it."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.training import runs
from annotate.training.models import Run, RunState
from annotate.training.runs import BadSnapshot, cancel_run, claim_run, queue_run, recover_runs

NOW = timezone.now()


def state_of(run):
    return Run.objects.get(pk=run.pk).state


def test_a_run_is_queued_with_all_its_settings(snapshot, admin):
    run = queue_run(snapshot, {"backbone": "facenet", "epochs": 3}, admin)
    assert run.state == RunState.QUEUED
    assert (run.config["backbone"], run.config["epochs"], run.config["order"]) == ("facenet", 3, 3)
    assert run.config["crowd"] is True


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"order": 6}, "order: 6 is not between 1 and 5"),
        ({"epochs": 0}, "epochs: 0 is not between"),
        ({"epochs": True}, "epochs: True is not a whole number"),
        ({"backbone": "vgg"}, "backbone: 'vgg' is none of small, facenet"),
        ({"crowd": "yes"}, "crowd: 'yes' is neither true nor false"),
        ({"colour": 1}, "colour: there is no such setting"),
        ({"rate": "fast"}, "rate: 'fast' is not a number"),
        ({"seed": None}, "seed: None is not a whole number"),
    ],
)
def test_a_bad_setting_is_named_and_nothing_is_queued(snapshot, config, message):
    with pytest.raises(ValueError, match=message):
        queue_run(snapshot, config, None)
    assert not Run.objects.exists()


def test_a_harmed_snapshot_is_refused(snapshot, folders):
    manifest = folders / "snapshots" / snapshot.folder / "manifest.json"
    values = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(values | {"sha256": "0" * 64}))
    with pytest.raises(BadSnapshot, match="holds 00000000, not"):
        queue_run(snapshot, {}, None)
    manifest.unlink()
    with pytest.raises(BadSnapshot, match="no whole snapshot"):
        queue_run(snapshot, {}, None)
    assert not Run.objects.exists()


def test_one_worker_has_it(run):
    first = claim_run(run.pk, "a:1", NOW)
    assert first is not None
    assert claim_run(run.pk, "b:2", NOW) is None
    run.refresh_from_db()
    assert (run.state, run.worker, run.started_at) == (RunState.RUNNING, "a:1", NOW)


@pytest.mark.parametrize("ended", [RunState.CANCELLED, RunState.FAILED, RunState.SUCCEEDED])
def test_an_ended_run_is_not_claimed(run, ended):
    Run.objects.update(state=ended)
    assert claim_run(run.pk, "a:1", NOW) is None


def test_reports_hold_as_long_as_the_claim_does(run):
    claim = claim_run(run.pk, "a:1", NOW)
    later = NOW + timedelta(seconds=5)
    assert runs.report(claim, later, stage="train", progress=0.25) == RunState.RUNNING
    run.refresh_from_db()
    assert (run.stage, run.progress, run.heartbeat_at) == ("train", 0.25, later)
    assert recover_runs(later + timedelta(seconds=61)) == [run.pk]
    again = claim_run(run.pk, "a:1", later + timedelta(seconds=62))
    assert runs.report(claim, later, stage="stale") is None
    assert not runs.fail_run(claim, "stale", later)
    assert not runs.hand_back(claim)
    assert runs.report(again, later) == RunState.RUNNING


def test_a_queued_run_is_cancelled_at_once(run):
    assert cancel_run(run.pk, NOW) == RunState.CANCELLED
    run.refresh_from_db()
    assert run.ended_at == NOW
    assert claim_run(run.pk, "a:1", NOW) is None


def test_a_running_one_by_its_worker(run):
    claim = claim_run(run.pk, "a:1", NOW)
    assert cancel_run(run.pk, NOW) == RunState.CANCELLING
    assert cancel_run(run.pk, NOW) == RunState.CANCELLING
    assert runs.report(claim, NOW) == RunState.CANCELLING
    assert not runs.fail_run(claim, "too late to fail", NOW)
    assert not runs.hand_back(claim)
    assert runs.end_cancelled(claim, NOW)
    assert state_of(run) == RunState.CANCELLED
    assert cancel_run(run.pk, NOW) == RunState.CANCELLED


def test_a_lost_worker_is_noticed_after_a_minute_and_the_run_put_back_twice(run):
    at = NOW
    for losses in (1, 2):
        claim_run(run.pk, f"w:{losses}", at)
        assert recover_runs(at + timedelta(seconds=59)) == []
        at += timedelta(seconds=61)
        assert recover_runs(at) == [run.pk]
        run.refresh_from_db()
        assert (run.state, run.losses, run.worker) == (RunState.QUEUED, losses, "")
        assert recover_runs(at) == []
    claim_run(run.pk, "w:3", at)
    assert recover_runs(at + timedelta(seconds=61)) == []
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert "broken off 3 times. The last time its worker was lost" in run.error


def test_lost_while_cancelling_it_is_cancelled(run):
    claim_run(run.pk, "a:1", NOW)
    cancel_run(run.pk, NOW)
    assert recover_runs(NOW + timedelta(seconds=61)) == []
    assert state_of(run) == RunState.CANCELLED


def test_a_worker_that_is_stopped_hands_it_back_without_loss(run):
    claim = claim_run(run.pk, "a:1", NOW)
    assert runs.hand_back(claim)
    assert recover_runs(NOW) == [run.pk]
    run.refresh_from_db()
    assert (run.state, run.losses) == (RunState.QUEUED, 0)
    assert claim_run(run.pk, "b:2", NOW) is not None
    run.refresh_from_db()
    assert run.started_at == NOW


def test_a_message_that_redis_lost_is_sent_again(run):
    assert recover_runs(timezone.now()) == []
    assert recover_runs(timezone.now() + timedelta(minutes=11)) == [run.pk]
