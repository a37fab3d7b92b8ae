"""A worker's part of an import from the browser: cancelled, killed, in turns, and what is told of it."""

import os
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils import timezone

from annotate.faces import import_worker, imports, staging
from annotate.faces.folder_import import import_folder
from annotate.faces.import_files import ImportFiles, sweep_uploads
from annotate.faces.models import Dataset, Face, Import, ImportState
from annotate.faces.tasks import notice_lost_imports, run_import
from tests.faces.conftest import stored_crops
from tests.faces.sent.sending import client_of, kept, page_of, png, zipped


def test_cancelled_on_the_way_leaves_no_crop(send, curator, folders, storage, monkeypatch):
    sent = send(archive=zipped(a__png=png(), b__png=png()), is_prealigned="on", works=False)
    monkeypatch.setattr(import_worker, "REPORT_SECONDS", 0)
    seen = []

    class Watch(import_worker.Watch):
        def __call__(self, stage, done, total):
            if stage == "faces":
                seen.append(len(stored_crops(storage)))
                assert client_of(curator).post(reverse("import-cancel", args=[sent.pk])).status_code == 302
            super().__call__(stage, done, total)

    monkeypatch.setattr(import_worker, "Watch", Watch)
    run_import(import_id=sent.pk)
    sent.refresh_from_db()
    assert seen == [1], "it had begun"
    assert sent.state == ImportState.CANCELLED
    assert stored_crops(storage) == []
    assert kept(folders) == []
    assert not Dataset.objects.exists()
    assert "It was cancelled. Nothing was imported" in page_of(sent, curator)


def test_a_failed_import_touches_no_crop_that_is_there(send, storage, tmp_path, monkeypatch):
    sent = send(archive=zipped(a__png=png()), is_prealigned="on")
    before = stored_crops(storage)
    monkeypatch.setattr("annotate.faces.folder_import._publish", lambda outcome: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        send(archive=zipped(a__png=png(), b__png=png()), is_prealigned="on")
    assert stored_crops(storage) == before
    assert default_storage.exists(Face.objects.get().crop)
    failed = Import.objects.latest("pk")
    assert (failed.state, sent.state) == ("failed", "succeeded")
    assert "This is a fault of Semblance" in failed.error


def test_a_worker_that_dies_is_noticed_twice_and_then_it_is_said(
    send, curator, folders, django_capture_on_commit_callbacks
):
    sent = send(archive=zipped(a__png=png()), is_prealigned="on", works=False)
    now = timezone.now()
    for loss in (1, 2):
        assert imports.claim_import(sent.pk, "host:1", now - timedelta(minutes=2))
        with django_capture_on_commit_callbacks() as queued:
            notice_lost_imports()
        sent.refresh_from_db()
        assert sent.losses == loss
        assert len(queued) == (1 if loss == 1 else 0)
        if loss == 1:
            assert sent.state == ImportState.QUEUED
            assert "Its worker died; the next free one begins it anew" in page_of(sent, curator)
            assert kept(folders) == ["pictures.zip"]
    assert sent.state == ImportState.FAILED
    assert "2 workers died over it" in page_of(sent, curator)
    assert kept(folders) == [], "what was sent is deleted in any case"


def test_who_was_taken_for_lost_changes_nothing_any_more(send):
    sent = send(archive=zipped(a__png=png()), is_prealigned="on", works=False)
    claim = imports.claim_import(sent.pk, "host:1", timezone.now() - timedelta(minutes=2))
    imports.recover_imports(timezone.now())
    assert imports.report(claim, timezone.now(), done=1) is None
    assert not imports.fail_import(claim, "late", timezone.now())
    assert imports.claim_import(sent.pk, "host:1", timezone.now())
    assert not imports.hand_back(claim)


def test_two_into_one_data_set_take_turns(send, curator, monkeypatch):
    sent = send(archive=zipped(a__png=png()), is_prealigned="on", works=False)
    second = send(archive=zipped(b__png=png()), is_prealigned="on", works=False)
    assert "waits for 1 import before it" in page_of(second, curator)
    real = staging.scalar
    monkeypatch.setattr(
        staging, "scalar", lambda sql, *rest: False if "try_advisory" in sql else real(sql, *rest)
    )
    run_import(import_id=second.pk)
    second.refresh_from_db()
    assert second.state == ImportState.QUEUED
    monkeypatch.undo()
    for one in (sent, second):
        run_import(import_id=one.pk)
    assert Face.objects.count() == 2


def test_when_no_worker_runs_the_page_says_what_to_do(send, curator):
    sent = send(archive=zipped(a__png=png()), works=False)
    assert "No worker has taken it yet" not in page_of(sent, curator)
    Import.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    text = page_of(sent, curator)
    assert "the worker of the cpu queue does not run: make run starts it" in text
    listed = client_of(curator).get(reverse("dataset-list")).content.decode()
    assert reverse("import-detail", args=[sent.pk]) in listed


def test_time_left_is_told_once_it_can_be(send, curator):
    sent = send(archive=zipped(a__png=png()), works=False)
    claim = imports.claim_import(sent.pk, "host:1", timezone.now())
    imports.report(
        claim,
        timezone.now(),
        stage="faces",
        done=100,
        total=400,
        stage_at=timezone.now() - timedelta(minutes=2),
    )
    assert "Finding and cropping the faces 100 of 400, 25 %, about 6 minutes left" in page_of(sent, curator)


def test_what_a_broken_upload_left_is_swept(folders):
    old, new = folders / "a.upload.zip", folders / "b.upload.zip"
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))
    sweep_uploads([])
    assert kept(folders) == ["b.upload.zip"]


def test_a_large_upload_is_moved_not_copied(send, settings, folders):
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10
    sent = send(archive=zipped(a__png=png()), is_prealigned="on", works=False)
    assert kept(folders) == ["pictures.zip"]
    run_import(import_id=sent.pk)
    assert Face.objects.count() == 1
    assert ImportFiles(sent).folder.stat().st_mode & 0o077 == 0


def test_the_same_pictures_by_a_command_are_the_same_faces(send, tmp_path, db):
    folder = tmp_path / "spring"
    folder.mkdir()
    (folder / "a.png").write_bytes(png())
    import_folder(folder, dataset="sent", split="train", prealigned=True, rejects=tmp_path / "rejects.csv")
    sent = send(archive=zipped(**{"spring/a__png": png()}), is_prealigned="on")
    assert (sent.outcome["faces_added"], sent.outcome["faces_there"]) == (0, 1)
