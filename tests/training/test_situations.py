"""What is said of a run in each of its states: only what is known."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.training import runs
from annotate.training.answering import is_worth_asking, note_answer
from annotate.training.freezing import ask_for_snapshot, make_asked_snapshot
from annotate.training.models import Freeze, Run
from annotate.training.runs import cancel_run, claim_run, fail_run, queue_run, recover_runs
from annotate.training.situations import situation_of

NOW = timezone.now()
EPOCH = {"kind": "epoch", "epoch": 1}


def said(run, *, later=0):
    """Its level and what is said, so many seconds later."""
    found = situation_of(Run.objects.select_related("freeze", "snapshot").get(pk=run.pk), at(later))
    return (found.level, found.text) if found else None


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def test_a_run_that_waits_for_its_snapshot(dataset):
    freeze = ask_for_snapshot(name="of May", dataset=dataset, campaign=None, created_by=None)
    run = queue_run(freeze, {}, None)
    assert "“of May”, which no cpu worker has begun to freeze yet" in said(run)[1]
    Freeze.objects.update(attempts=1)
    assert "“of May”, which is being frozen" in said(run)[1]
    make_asked_snapshot(freeze.pk)
    assert "It waits for a free worker of the gpu queue" in said(run)[1]


def test_a_queued_run_says_who_is_before_it(run, snapshot):
    assert said(run)[1].endswith("and no other run is under way.")
    other = queue_run(snapshot, {}, None)
    claim_run(other.pk, "w:1", NOW)
    assert said(run) == (
        "info",
        f"It waits for a free worker of the gpu queue. Under way now: run {other.pk}.",
    )
    assert "no other run is under way" in said(run, later=16)[1], "that worker may be dead"


def test_whether_a_worker_answers_is_said_of_what_waits(run, snapshot):
    came = run.created_at
    assert not is_worth_asking(came + timedelta(seconds=10)), "it will be taken in a moment"
    assert is_worth_asking(came + timedelta(seconds=20))
    note_answer(False)
    level, text = said(run)
    assert level == "warning"
    assert "none answered when they were last asked" in text
    note_answer(True)
    assert said(run)[0] == "info"
    note_answer(False)
    other = queue_run(snapshot, {}, None)
    claim = claim_run(other.pk, "w:1", at(60))
    assert "Under way now" in said(run, later=60)[1], "that one answers by what it does"
    Run.objects.filter(pk=other.pk).update(heartbeat_at=came + timedelta(seconds=19))
    assert not is_worth_asking(came + timedelta(seconds=20))
    runs.hand_back(claim)
    assert said(other)[0] == "info"
    claim_run(run.pk, "w:1", NOW)
    assert said(run) is None


def test_a_running_run_needs_no_words_until_its_worker_is_silent(run):
    claim = claim_run(run.pk, "host:42", NOW)
    assert said(run, later=14) is None
    level, text = said(run, later=16)
    assert level == "warning"
    clock = f"{timezone.localtime(NOW):%H:%M:%S}"
    assert f"No word from its worker (host:42) since {clock}. After a minute it counts as lost" in text
    assert "nobody has taken the run from it" in said(run, later=121)[1]
    runs.report(claim, at(130))
    assert said(run, later=131) is None


def test_one_that_was_handed_back_or_lost_says_how_it_goes_on(run):
    claim = claim_run(run.pk, "w:1", NOW)
    runs.hand_back(claim)
    assert "A worker has had it before; the next one will begin it anew." in said(run)[1]
    Run.objects.update(events=[EPOCH])
    assert "the next one will go on from its last checkpoint" in said(run)[1]
    assert "broken off" not in said(run)[1]
    claim_run(run.pk, "w:2", NOW)
    recover_runs(at(61))
    assert "It was broken off once, its worker being lost or its training killed." in said(run)[1]
    claim_run(run.pk, "w:3", at(70))
    assert said(run, later=71)[1].startswith("It was broken off once")
    assert said(run, later=71)[0] == "info"


@pytest.mark.parametrize("has_checkpoint", [False, True])
def test_ended_ones(run, snapshot, has_checkpoint):
    Run.objects.update(events=[EPOCH] if has_checkpoint else [])
    cancelled, failed = queue_run(snapshot, {}, None), queue_run(snapshot, {}, None)
    for one in (cancelled, failed):
        claim_run(one.pk, "w:1", NOW)
    Run.objects.update(events=[EPOCH] if has_checkpoint else [])
    cancel_run(cancelled.pk, NOW)
    assert said(cancelled) == ("warning", "It is being stopped; that takes a few seconds.")
    assert "there is no word from its worker (w:1) since" in said(cancelled, later=16)[1]
    recover_runs(at(61))
    kept = " Its last checkpoint is kept." if has_checkpoint else ""
    assert said(cancelled) == ("warning", f"It was cancelled.{kept}")
    fail_run(claim_run(failed.pk, "w:2", NOW), "No space left.", NOW)
    assert said(failed) == ("error", f"It failed: No space left.{kept}")


def test_cancelled_before_it_began(run):
    cancel_run(run.pk, NOW)
    assert said(run) == ("warning", "It was cancelled before a worker began it.")
