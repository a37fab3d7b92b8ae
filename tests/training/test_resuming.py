"""A run that was cancelled or has failed goes on from its last checkpoint, or says why it can not."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from annotate.training.freezing import ask_for_snapshot, make_asked_snapshot
from annotate.training.models import ModelVersion, Run, RunState
from annotate.training.runs import (
    CannotResume,
    cancel_run,
    claim_run,
    fail_run,
    queue_run,
    resume_run,
)
from annotate.training.shared_folders import run_folder
from annotate.training.snapshot_alteration import alter_snapshot
from annotate.training.tasks import train_run
from tests.training.checkpoints import write_checkpoint

NOW = timezone.now()


def failed(run):
    fail_run(claim_run(run.pk, "w:1", NOW), "out of memory", NOW)
    return run


@pytest.mark.usefixtures("stand_in")
def test_it_goes_on_from_its_last_checkpoint(run, monkeypatch):
    monkeypatch.setenv("FAIL_AFTER_EPOCH", "2")
    train_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.FAILED, "the disk is full")
    Run.objects.update(losses=2, seen_at=NOW)
    monkeypatch.delenv("FAIL_AFTER_EPOCH")
    later = timezone.now()
    resumed = resume_run(run.pk, later)
    assert (resumed.state, resumed.losses, resumed.error) == (RunState.QUEUED, 0, "")
    assert (resumed.heartbeat_at, resumed.ended_at, resumed.seen_at) == (later, None, None)
    train_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.SUCCEEDED, "")
    assert (run_folder(run) / "epochs").read_text().split() == ["0", "2"]
    assert ModelVersion.objects.get().run == run


def test_one_that_never_began_begins(run):
    cancel_run(run.pk, NOW)
    assert resume_run(run.pk, NOW).state == RunState.QUEUED
    assert claim_run(run.pk, "w:1", NOW) is not None


@pytest.mark.parametrize(
    "state", [RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING, RunState.SUCCEEDED]
)
def test_no_other_is_resumed(run, state):
    Run.objects.update(state=state)
    with pytest.raises(CannotResume, match=f"It is {state}"):
        resume_run(run.pk, NOW)
    assert Run.objects.get().state == state


def test_not_where_a_person_was_erased_from_its_snapshot(run, dataset):
    failed(run)
    alter_snapshot(run.snapshot_id, ["drawn:calm-03", "drawn:glad-03"], timezone.now())
    with pytest.raises(CannotResume, match="has been erased from its snapshot"):
        resume_run(run.pk, NOW)
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.FAILED, "out of memory")


def test_not_without_its_snapshot_or_its_parent(run, snapshot, folders):
    version = ModelVersion.objects.create(run=run, folder="earlier/checkpoint", evaluation={})
    parent = write_checkpoint(Path(settings.RUNS_DIR) / version.folder)
    child = failed(queue_run(snapshot, {}, None, parent=version))
    shutil.rmtree(parent)
    with pytest.raises(CannotResume, match=r"parent: .*holds no whole checkpoint"):
        resume_run(child.pk, NOW)
    failed(run)
    shutil.rmtree(folders / "snapshots" / snapshot.folder)
    with pytest.raises(CannotResume, match="no whole snapshot"):
        resume_run(run.pk, NOW)


def test_one_that_waited_waits_again_and_not_for_what_failed(dataset):
    freeze = ask_for_snapshot(name="n", dataset=dataset, campaign=None, created_by=None)
    run = queue_run(freeze, {}, None)
    cancel_run(run.pk, NOW)
    assert resume_run(run.pk, NOW).state == RunState.QUEUED
    make_asked_snapshot(freeze.pk)
    run.refresh_from_db()
    assert run.snapshot is not None

    dataset.imported_triplets.all().delete()
    dataset.faces.update(identity="")
    freeze = ask_for_snapshot(name="n", dataset=dataset, campaign=None, created_by=None)
    other = queue_run(freeze, {}, None)
    make_asked_snapshot(freeze.pk)
    with pytest.raises(CannotResume, match="was not frozen"):
        resume_run(other.pk, NOW + timedelta(minutes=1))
