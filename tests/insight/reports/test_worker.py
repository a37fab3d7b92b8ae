"""What a worker does with a report, on real processes; a script stands in for the network."""

import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from annotate.insight import report_worker, reports
from annotate.insight.models import Extent, Measured, Report
from annotate.insight.reports import ask_for_report
from annotate.insight.tasks import make_report, notice_lost_insight
from annotate.training import jobs
from annotate.training.job_worker import run_command
from annotate.training.snapshot_alteration import while_no_snapshot_is_made
from tests.insight.reports.sample import figures

NOW = timezone.now()


@pytest.fixture
def report(version, dataset, admin):
    return ask_for_report(version, dataset, Extent.HELD_OUT, admin, NOW)


def done(report):
    make_report(job_id=report.pk)
    report.refresh_from_db()
    return report


def left():
    return [path for path in (Path(settings.STATE_DIR) / "at-hand").iterdir() if path.name != "mutex"]


def test_a_report_is_made(report, version, network):
    """Of a version that has embedded nothing yet: it embeds the data set first."""
    assert not version.embeddings.exists()
    done(report)
    assert (report.error, report.progress) == ("", 1.0)
    assert report.figures == figures()
    assert report.headline.startswith("60.0 % recognised")
    assert (report.made_of["faces"], report.made_of["triplets"]) == (8, 8)
    assert version.embeddings.count() == 24
    assert left() == []


def test_it_names_no_face_and_no_person(report, dataset, network):
    kept = json.dumps([done(report).figures, report.made_of, report.headline])
    for key, image, identity in dataset.faces.values_list("key", "image", "identity"):
        assert key not in kept
        assert image not in kept
        assert f'"{identity}"' not in kept


def test_delivered_twice_it_is_made_once(report, network):
    made = done(report).ended_at
    assert done(report).ended_at == made


def test_another_worker_has_it(report, network):
    jobs.claim(Report, report.pk, "other:1", NOW)
    assert done(report).ended_at is None
    assert report.figures is None


def test_a_killed_workers_report_is_taken_over(report, network, django_capture_on_commit_callbacks):
    lost = jobs.claim(Report, report.pk, "w:1", NOW - timedelta(minutes=2))
    with django_capture_on_commit_callbacks() as sent:
        notice_lost_insight()
    assert len(sent) == 1
    assert not report_worker.enter_report(lost, figures(recognised=0.1), {}), "it is another's by now"
    assert done(report).figures == figures()


def test_stopping_the_worker_hands_it_back(report, network, monkeypatch):
    def stopped(*arguments):
        raise SystemExit

    monkeypatch.setattr(report_worker, "run_command", stopped)
    with pytest.raises(SystemExit):
        make_report(job_id=report.pk)
    report.refresh_from_db()
    assert (report.worker, report.attempts, report.ended_at) == ("", 0, None)
    assert left() == []
    monkeypatch.undo()


def test_a_failure_says_why_and_keeps_the_embeddings(report, version, network, monkeypatch):
    monkeypatch.setenv("FAIL", "report:said")
    assert done(report).error == "the snapshot is torn"
    assert report.figures is None
    assert version.embeddings.count() == 24
    assert left() == []


def test_faces_that_went_meanwhile_are_missed_in_words(report, dataset, network):
    dataset.imported_triplets.all().delete()
    dataset.faces.filter(split="val").delete()
    assert "has 0 held-out faces" in done(report).error


@pytest.fixture
def baseline(version, dataset, admin):
    return ask_for_report(version, dataset, Extent.HELD_OUT, admin, NOW, measured=Measured.IDENTITY)


def test_a_baseline_is_made_of_the_pictures(baseline, version, network):
    done(baseline)
    assert (baseline.error, baseline.figures) == ("", figures())
    assert baseline.made_of["faces"] == 8
    assert not version.embeddings.exists(), "what was measured is not the version's embedding"
    assert left() == []


def test_retraining_is_of_the_pictures_too(version, dataset, network, monkeypatch):
    commands = []

    def noted(arguments, watch):
        commands.append(arguments)
        return run_command(arguments, watch)

    monkeypatch.setattr(report_worker, "run_command", noted)
    asked = ask_for_report(version, dataset, Extent.HELD_OUT, None, NOW, retrain=True)
    assert done(asked).error == ""
    [command] = commands
    assert {"--checkpoint", "--faces", "--retrain"} < set(command)
    assert "--identity-branch" not in command


def test_the_hash_is_that_of_a_report_on_stored_embeddings(baseline, report, network):
    assert done(baseline).made_of == done(report).made_of


def test_a_picture_that_is_missing_is_named(baseline, dataset, network):
    face = dataset.faces.first()
    default_storage.delete(face.crop)
    assert f"the first is that of {face.key}" in done(baseline).error
    assert left() == []


def test_too_many_pictures_are_refused(version, dataset, monkeypatch):
    monkeypatch.setattr(reports, "MOST_PICTURES", 23)
    with pytest.raises(reports.CannotReport, match="has 24 faces"):
        ask_for_report(version, dataset, Extent.ALL, None, NOW, measured=Measured.IDENTITY)


@pytest.mark.usefixtures("transactional_db")
def test_an_erasure_goes_before_a_look_at_pictures(baseline, network, monkeypatch):
    """The copies of crops go, the erasure comes and goes, and the report is begun anew."""
    monkeypatch.setenv("EMBED_SECONDS", "1.5")
    monkeypatch.setattr(report_worker, "AFTER_YOU_SECONDS", 0.2)
    command, seen, erased = report_worker.run_command, [], []

    def erase():
        with while_no_snapshot_is_made():
            erased.append(left())
        connection.close()

    def watched(*arguments):
        seen.append(len(erased))
        if len(seen) == 1:
            seen_by = threading.Thread(target=erase)
            seen_by.start()
            threads.append(seen_by)
        return command(*arguments)

    threads = []
    monkeypatch.setattr(report_worker, "run_command", watched)
    done(baseline)
    threads[0].join(10)
    assert (seen, erased) == ([0, 1], [[]])
    assert (baseline.error, baseline.figures) == ("", figures())


@pytest.mark.usefixtures("transactional_db")
def test_an_erasure_waits_until_the_files_are_gone(report, network, monkeypatch):
    """And nobody's embedding is in a file after it."""
    command, seen, erased = report_worker.run_command, [], []

    def erase():
        with while_no_snapshot_is_made():
            erased.append(left())
        connection.close()

    def watched(*arguments):
        thread = threading.Thread(target=erase)
        thread.start()
        seen.append((len(left()), list(erased)))
        said = command(*arguments)
        seen.append(thread)
        return said

    monkeypatch.setattr(report_worker, "run_command", watched)
    done(report)
    [(files, before), thread] = seen
    thread.join(10)
    assert (files > 0, before, erased) == (True, [], [[]])
