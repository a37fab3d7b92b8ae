"""Imports from the browser: what is sent, who may, and what is said when something is wrong."""

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from annotate.faces.models import Dataset, Face, Import, ImportedTriplet, ImportState
from annotate.faces.tasks import run_import
from tests.faces.conftest import fec_row, stored_crops
from tests.faces.sent.sending import client_of, kept, of_rows, page_of, png, zipped


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
