"""Pictures that are sent to be looked at: what is found in them, and that nothing else is left."""

import io
import os
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.utils import timezone
from PIL import Image

from annotate.faces.crops import find_faces
from annotate.insight import queries, query_worker
from annotate.insight.models import QueryEmbedding, QueryFace, QueryPicture
from annotate.insight.network import NETWORKS
from annotate.insight.queries import ask_to_embed, crop_of, sweep_queries
from annotate.insight.tasks import embed_query, find_query_faces, notice_lost_insight, sweep
from annotate.training.results import store_embeddings_of
from tests.factories import draw_face
from tests.insight.networks import make_real_version

LONDON = Path(__file__).parents[3].parent / "shared" / "data" / "london"
needs_london = pytest.mark.skipif(
    not LONDON.exists(), reason="the London photographs are not beside this checkout"
)


def test_a_sent_picture_becomes_a_crop_with_an_embedding_and_the_file_goes(send, version, left):
    picture = send()
    assert (picture.state, picture.error) == ("done", "")
    face = picture.faces.get()
    with Image.open(io.BytesIO(crop_of(face))) as crop:
        assert (crop.format, crop.size) == ("JPEG", (224, 224))
    [kept] = left()
    assert kept.name == Path(face.crop).name
    assert np.linalg.norm(face.embeddings.get(model_version=version).vector) == pytest.approx(1, abs=1e-3)


def test_it_is_embedded_as_the_faces_of_data_sets_are(send, version, dataset):
    """The same pixels give the same vector, whichever way they came."""
    face = dataset.faces.first()
    with default_storage.open(face.crop) as file:
        crop = file.read()
    store_embeddings_of(version, [(face.pk, NETWORKS.embed(version, [crop])[0].tolist())])
    query = send(crop).faces.get()
    # It is encoded once more.
    mine, stored = query.embeddings.get().vector, version.embeddings.get().vector
    assert np.abs(np.array(mine) - np.array(stored)).max() < 0.02


def test_without_an_active_version_its_face_is_found_all_the_same(send, db):
    face = send().faces.get()
    assert not face.embeddings.exists()


def test_another_version_embeds_it_when_asked(send, version, dataset, settings):
    face = send().faces.get()
    other = make_real_version(version.run.snapshot, settings.RUNS_DIR, seed=1)
    asked, is_new = ask_to_embed(face, other, timezone.now())
    assert (is_new, asked.vector) == (True, None)
    embed_query(job_id=asked.pk)
    again, is_new = ask_to_embed(face, other, timezone.now())
    assert (again.is_done, is_new) == (True, False)
    assert (
        np.abs(np.array(again.vector) - np.array(face.embeddings.get(model_version=version).vector)).max()
        > 1e-3
    )


def test_an_embedding_that_failed_says_why_and_is_asked_for_anew(send, version, dataset, settings):
    face = send().faces.get()
    broken = make_real_version(version.run.snapshot, settings.RUNS_DIR, seed=2)
    for path in (settings.RUNS_DIR / broken.folder).glob("network*"):
        path.write_bytes(b"torn")
    asked, _ = ask_to_embed(face, broken, timezone.now())
    embed_query(job_id=asked.pk)
    asked.refresh_from_db()
    assert "can not be loaded" in asked.error
    again, is_new = ask_to_embed(face, broken, timezone.now())
    assert is_new
    assert again.error == ""


def pixels(jpeg):
    return np.asarray(Image.open(io.BytesIO(jpeg))).astype(int)


def test_a_picture_without_a_face(send, left):
    picture = send(draw_face(0, 200), is_prealigned=False)
    assert (picture.state, picture.error) == ("failed", "No face was found in the picture.")
    assert left() == []


@needs_london
def test_of_several_faces_each_is_there_from_left_to_right(send, encoded, version):
    names = ("003_neutral.jpg", "004_happiness.jpg")
    pair = Image.new("RGB", (1024, 512))
    for place, name in enumerate(names):
        with Image.open(LONDON / name) as photograph:
            pair.paste(photograph, (512 * place, 0))
    picture = send(encoded(pair), is_prealigned=False)
    found = [pixels(crop_of(face)) for face in picture.faces.all()]
    alone = [pixels(find_faces(LONDON / name)[0].jpeg) for name in names]
    apart = [[np.abs(mine - other).mean() for other in alone] for mine in found]
    assert np.argmin(apart, axis=1).tolist() == [0, 1]
    assert QueryEmbedding.objects.count() == 2


def test_what_is_removed_is_gone_whatever_its_state(send, left, version):
    for picture in (send(), send(looked_at=False)):
        queries.remove(picture)
        find_query_faces(job_id=picture.pk)
    assert left() == []
    assert (QueryPicture.objects.count(), QueryFace.objects.count(), QueryEmbedding.objects.count()) == (
        0,
        0,
        0,
    )


@pytest.mark.parametrize("when", ["before", "after"])
def test_one_that_is_removed_while_a_worker_is_at_it_leaves_nothing(send, left, monkeypatch, when):
    picture = send(looked_at=False)
    store, save = query_worker.store_faces, FileSystemStorage.save

    def removed_before(*arguments):
        queries.remove(picture)
        return store(*arguments)

    def removed_after(*arguments, **named):
        queries.remove(picture)
        return save(*arguments, **named)

    if when == "before":
        monkeypatch.setattr(query_worker, "store_faces", removed_before)
    else:
        monkeypatch.setattr(FileSystemStorage, "save", removed_after)
    find_query_faces(job_id=picture.pk)
    assert left() == []
    assert not QueryPicture.objects.exists()


def test_everything_goes_after_a_day(send, left, version):
    old, new = send(), send()
    QueryPicture.objects.filter(pk=old.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    sweep()
    assert [path.name for path in left()] == [Path(new.faces.get().crop).name]
    assert QueryPicture.objects.get() == new
    assert sweep_queries(timezone.now()) == 0


def test_files_that_no_row_names_go_too(send, left, settings):
    kept, unread = send(), send(looked_at=False)
    orphan = settings.UPLOADS_DIR / "query-00000000-0000-0000-0000-000000000000.upload"
    orphan.write_bytes(b"a face")
    default_storage.save("_queries/orphan.jpg", ContentFile(b"a face"))
    later = timezone.now() + 2 * queries.LEFT_BEHIND
    sweep_queries(timezone.now())
    assert len(left()) == 4
    os.utime(orphan, (0, 0))
    sweep_queries(later)
    assert {path.name for path in left()} == {
        Path(kept.faces.get().crop).name, queries.sent_file(unread).name,
    }  # fmt: skip


def test_a_worker_that_is_stopped_leaves_the_picture_to_the_next(send, monkeypatch, left):
    picture = send(looked_at=False)

    def stopped(*arguments, **named):
        raise SystemExit

    monkeypatch.setattr(query_worker, "find_faces", stopped)
    with pytest.raises(SystemExit):
        find_query_faces(job_id=picture.pk)
    picture.refresh_from_db()
    assert picture.state == "waiting"
    monkeypatch.undo()
    find_query_faces(job_id=picture.pk)
    picture.refresh_from_db()
    assert picture.state == "done"


def test_a_lost_worker_is_noticed(send, version, django_capture_on_commit_callbacks):
    picture = send(looked_at=False)
    lost = timezone.now() - timedelta(minutes=5)
    QueryPicture.objects.update(worker="gone:1", heartbeat_at=lost, attempts=1)
    with django_capture_on_commit_callbacks() as sent:
        notice_lost_insight()
    assert len(sent) == 1
    queries.sent_file(picture).unlink()
    find_query_faces(job_id=picture.pk)
    picture.refresh_from_db()
    assert "Send it again" in picture.error


@pytest.mark.long
def test_in_a_bucket(shared_bucket, send, version, db):
    """Crops lie where all faces do, and go from there."""
    face = send().faces.get()
    assert default_storage.exists(face.crop)
    queries.remove(face.picture)
    assert not default_storage.exists(face.crop)
    default_storage.save("_queries/orphan.jpg", ContentFile(b"a face"))
    sweep_queries(timezone.now() + 2 * queries.LEFT_BEHIND)
    assert not default_storage.exists("_queries/orphan.jpg")
