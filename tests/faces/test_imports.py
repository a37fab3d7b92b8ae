"""Imports from the browser: sending, the worker's part of it, and what is said when something is wrong."""

import csv
import io
import os
import re
import zipfile
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from annotate.faces import import_worker, imports, staging
from annotate.faces.folder_import import import_folder
from annotate.faces.import_files import ImportFiles, sweep_uploads
from annotate.faces.models import Dataset, Face, Import, ImportedTriplet, ImportState
from annotate.faces.tasks import notice_lost_imports, run_import
from tests.faces.conftest import fec_row, stored_crops


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path / "uploads"
    settings.UPLOADS_DIR.mkdir()
    settings.FILE_UPLOAD_TEMP_DIR = str(settings.UPLOADS_DIR)
    settings.IMPORT_DIR = None
    return settings.UPLOADS_DIR


def png(size=(64, 64), colour=(200, 150, 120), mode="RGB"):
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, "PNG")
    return out.getvalue()


def zipped(**members):
    """An archive as it is sent; a name's double underscore stands for its dot."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return SimpleUploadedFile("faces.zip", out.getvalue(), "application/zip")


def of_rows(name, *rows, encoding="utf-8"):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return SimpleUploadedFile(name, out.getvalue().encode(encoding), "text/csv")


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def send(curator, django_capture_on_commit_callbacks):
    """Sends the form and does what the worker does then; the import as it is afterwards."""

    def post(query="", *, works=True, **fields):
        fields = {"dataset": "sent", "split": "train"} | fields
        with django_capture_on_commit_callbacks() as queued:
            response = client_of(curator).post(reverse("import-create") + query, fields)
        assert response.status_code == 302, response.content.decode()
        assert len(queued) == 1
        sent = Import.objects.latest("pk")
        assert response.url == reverse("import-detail", args=[sent.pk])
        if works:
            run_import(import_id=sent.pk)
        sent.refresh_from_db()
        return sent

    return post


def page_of(sent, user):
    response = client_of(user).get(reverse("import-detail", args=[sent.pk]))
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def kept(folders):
    return sorted(path.name for path in folders.rglob("*") if path.is_file())


def test_photographs_with_labels_go_in_and_what_was_sent_goes_out(send, curator, folders, storage):
    labels = "image,identity,expression\na.png,ann,glad\nb.png,ben,calm\n"
    sent = send(
        archive=zipped(**{"set/a__png": png(), "set/b__png": png(), "set/c__png": b"none",
                                    "set/labels__csv": labels}),
        is_prealigned="on",
    )  # fmt: skip
    assert (sent.state, sent.outcome["faces_added"], sent.rejected) == ("succeeded", 2, 1)
    assert list(Face.objects.order_by("key").values_list("key", "identity", "expression")) == [
        ("sent:a.png", "ann", "glad"), ("sent:b.png", "ben", "calm"),
    ]  # fmt: skip
    assert kept(folders) == ["rejects.csv"]
    assert len(stored_crops(storage)) == 2
    text = page_of(sent, curator)
    assert "Faces added 2" in text
    assert "c.png: the file is no JPEG, PNG, WebP, BMP or TIFF picture" in text
    download = client_of(curator).get(reverse("import-rejects", args=[sent.pk]))
    rows = list(csv.reader(io.StringIO(b"".join(download.streaming_content).decode())))
    assert rows[0] == ["file", "row", "reason"]
    assert str(folders) not in str(rows)
    # Delivered twice, it is done once.
    run_import(import_id=sent.pk)
    assert Import.objects.get().ended_at == sent.ended_at


def test_triplets_with_their_pictures(send, curator):
    sent = send(
        "?what=triplets",
        triplets=of_rows(
            "fec.csv", fec_row("a.png", "b.png", "c.png"), fec_row("a.png", "b.png", "gone.png")
        ),
        archive=zipped(**{f"pictures/{name}__png": png() for name in "abc"}),
        labels=of_rows("who.csv", ["image", "identity"], ["a.png", "ann"]),
        split="val",
    )
    assert (sent.state, sent.outcome["triplets_added"], sent.rejected) == ("succeeded", 1, 1)
    assert ImportedTriplet.objects.get().split == "val"
    assert list(Face.objects.order_by("key").values_list("imported_triplets", "identity")) == [
        (1, "ann"), (1, ""), (1, ""),
    ]  # fmt: skip
    assert "fec.csv 2 face 3 (gone.png): the picture is missing" in page_of(sent, curator)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            lambda: {"archive": zipped(**{"../a__png": png()})},
            "faces.zip can not be unpacked: '../a.png' leads",
        ),
        (
            lambda: {
                "archive": zipped(a__png=png()),
                "labels": of_rows("who.csv", ["image"], ["a.png"], encoding="utf-16"),
            },
            "who.csv is not UTF-8 text (it looks like UTF-16)",
        ),
        (
            lambda: {"archive": zipped(a__png=png()), "labels": of_rows("who.csv", ["picture"], ["a.png"])},
            "who.csv can not be used: it has no header",
        ),
        (
            # 50 megapixels of one colour are a small file.
            lambda: {"archive": zipped(a__png=png((10_000, 5_000), 1, "1"), b__png=png()[:100])},
            "Nothing could be imported: all 2 pictures or rows were rejected",
        ),
    ],
    ids=["traversal", "encoding", "header", "pictures"],
)
def test_what_can_not_go_in_says_why_and_leaves_nothing(send, curator, folders, storage, files, words):
    sent = send(is_prealigned="on", **files())
    assert sent.state == ImportState.FAILED
    text = page_of(sent, curator)
    assert words in text.replace("&#x27;", "'")
    assert "The data set is as it was, and what was sent is deleted" in text
    assert str(folders) not in text
    assert not Dataset.objects.exists()
    assert stored_crops(storage) == []
    assert set(kept(folders)) <= {"rejects.csv"}
    if sent.rejected:
        assert "a.png: the picture is too large: 10000 x 5000 px are more than 40 megapixels" in text
        assert "b.png: the picture is broken" in text


def test_a_row_in_another_encoding_is_rejected_alone(send, curator):
    labels = SimpleUploadedFile("who.csv", b"image,identity\na.png,ann\nb.png,Ren\xe9\n")
    sent = send(archive=zipped(a__png=png(), b__png=png()), labels=labels, is_prealigned="on")
    assert (sent.state, sent.rejected) == ("succeeded", 1)
    assert "who.csv 3 the row is not UTF-8; save the file as CSV in UTF-8" in page_of(sent, curator)
    assert Face.objects.get().identity == "ann"


@pytest.mark.parametrize(
    ("query", "fields", "words"),
    [
        ("", {"archive": SimpleUploadedFile("x.zip", b"PK torn")}, "x.zip is no zip archive"),
        ("", {}, "This field is required"),
        ("", {"archive": "zip", "dataset": "user"}, "is not the word"),
        ("", {"archive": "zip", "dataset": "../up"}, "name is letters, digits"),
        ("?what=triplets", {"archive": "zip"}, "This field is required"),
        ("?where=server", {"folder": "/etc"}, "Pictures as a zip archive"),  # there is no such form
    ],
)
def test_a_form_that_is_not_filled_in_well_keeps_nothing(curator, folders, query, fields, words):
    fields = {"dataset": "sent", "split": "train"} | fields
    if fields.get("archive") == "zip":
        fields["archive"] = zipped(a__png=png())
    response = client_of(curator).post(reverse("import-create") + query, fields)
    assert response.status_code == 200
    assert words in response.content.decode()
    assert not Import.objects.exists()
    assert kept(folders) == []


def test_what_is_too_large_is_not_even_read(curator, folders, settings):
    settings.UPLOAD_MOST_BYTES = 1_000
    client = client_of(curator)
    assert "At most 1000\xa0bytes together" in client.get(reverse("import-create")).content.decode()
    fields = {"dataset": "sent", "split": "train", "archive": zipped(a__png=png(), b__png=bytes(2_000))}
    response = client.post(reverse("import-create"), fields)
    assert response.status_code == 413
    assert "more than may be sent at once" in response.content.decode()
    assert not Import.objects.exists()
    assert kept(folders) == []


def test_a_form_of_another_site_is_refused(curator):
    client = Client(enforce_csrf_checks=True)
    client.force_login(curator)
    fields = {"dataset": "sent", "split": "train", "archive": zipped(a__png=png())}
    assert client.post(reverse("import-create"), fields).status_code == 403
    assert not Import.objects.exists()


def test_who_may(annotator, curator, admin, send):
    sent = send(archive=zipped(a__png=png()), is_prealigned="on", works=False)
    pages = [reverse("import-create")]
    pages += [reverse(name, args=[sent.pk]) for name in ("import-detail", "import-live")]
    for url in pages:
        assert Client().get(url).url.startswith(reverse("login"))
        assert client_of(annotator).get(url).status_code == 403
        assert client_of(curator).get(url).status_code == client_of(admin).get(url).status_code == 200
    cancel, rejects = (reverse(name, args=[sent.pk]) for name in ("import-cancel", "import-rejects"))
    assert client_of(curator).get(rejects).status_code == 404, "there are none yet"
    assert client_of(annotator).get(rejects).status_code == 403
    assert client_of(annotator).post(reverse("import-create"), {}).status_code == 403
    assert client_of(annotator).post(cancel).status_code == 403
    assert Client().post(cancel).url.startswith(reverse("login"))
    assert client_of(curator).get(cancel).status_code == 405
    assert client_of(curator).post(cancel).status_code == 302
    sent.refresh_from_db()
    assert sent.state == ImportState.CANCELLED


def test_a_folder_of_the_server_and_nothing_above_it(send, curator, settings, tmp_path):
    settings.IMPORT_DIR = tmp_path / "server"
    inside = settings.IMPORT_DIR / "spring" / "faces"
    inside.mkdir(parents=True)
    (inside / "a.png").write_bytes(png())
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "b.png").write_bytes(png())
    (settings.IMPORT_DIR / "out").symlink_to(tmp_path / "secret")
    client = client_of(curator)
    page = client.get(reverse("import-create") + "?where=server").content.decode()
    assert '<option value="spring/faces">' in page
    assert "secret" not in page
    for folder in ("../secret", "/etc", "spring/../../secret", str(tmp_path / "secret"), "out"):
        response = client.post(
            reverse("import-create") + "?where=server",
            {"dataset": "sent", "split": "train", "folder": folder},
        )
        assert "Select a valid choice" in response.content.decode()
    sent = send("?where=server", folder="spring/faces", is_prealigned="on")
    assert (sent.state, Face.objects.get().key) == ("succeeded", "sent:a.png")
    assert (inside / "a.png").exists(), "what lies on the server stays there"
    # Between the form and the worker the folder became a link that leads out.
    sent = send("?where=server", folder="spring/faces", is_prealigned="on", works=False)
    Import.objects.filter(pk=sent.pk).update(source="out")
    run_import(import_id=sent.pk)
    assert "There is no out among the server" in Import.objects.get(pk=sent.pk).error


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
