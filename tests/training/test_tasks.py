"""The tasks: what beat sends, and what each puts on which queue."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from annotate.training.freezing import ask_for_snapshot
from annotate.training.models import Freeze, Run, RunState, Snapshot
from annotate.training.runs import claim_run, queue_run
from annotate.training.tasks import make_snapshot, notice_lost_runs, tend_fine_tunings, train_run
from config.celery import app


def test_training_has_a_queue_of_its_own():
    assert app.amqp.router.route({}, train_run.name)["queue"].name == "gpu"
    assert app.amqp.router.route({}, make_snapshot.name)["queue"].name == "cpu"


def test_beat_knows_the_task():
    names = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert {notice_lost_runs.name, tend_fine_tunings.name} <= names
    app.loader.import_default_modules()
    assert names <= set(app.tasks)


def test_what_was_lost_is_put_on_the_queue_again(run, dataset, django_capture_on_commit_callbacks):
    long_ago = timezone.now() - timedelta(minutes=30)
    claim_run(run.pk, "w:1", long_ago)
    freeze = ask_for_snapshot(name="n", dataset=dataset, campaign=None, created_by=None)
    Freeze.objects.update(enqueued_at=long_ago)
    with django_capture_on_commit_callbacks() as sent:
        notice_lost_runs()
    assert len(sent) == 2
    assert Run.objects.get().state == RunState.QUEUED
    with django_capture_on_commit_callbacks() as sent:
        notice_lost_runs()
    assert sent == []
    make_snapshot(freeze_id=freeze.pk)
    assert Snapshot.objects.filter(name="n").exists()


def test_a_run_waits_for_its_snapshot(dataset, admin, monkeypatch):
    launched = []
    monkeypatch.setattr(train_run, "delay", lambda run_id: launched.append(run_id))
    freeze = ask_for_snapshot(name="n", dataset=dataset, campaign=None, created_by=admin)
    run = queue_run(freeze, {}, admin)
    assert claim_run(run.pk, "w:1", timezone.now()) is None
    make_snapshot(freeze_id=freeze.pk)
    run.refresh_from_db()
    assert (run.snapshot, run.freeze, run.state) == (Snapshot.objects.get(), None, RunState.QUEUED)
    assert launched == [run.pk]
    assert claim_run(run.pk, "w:1", timezone.now()) is not None


def test_a_run_fails_with_the_freeze_that_it_waits_for(dataset, admin):
    dataset.imported_triplets.all().delete()
    dataset.faces.update(identity="")
    freeze = ask_for_snapshot(name="n", dataset=dataset, campaign=None, created_by=admin)
    run = queue_run(freeze, {}, admin)
    make_snapshot(freeze_id=freeze.pk)
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert "Import triplets" in run.error
