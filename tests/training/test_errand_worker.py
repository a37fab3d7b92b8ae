"""What a worker does with errands, on real processes; a script stands in for the network."""

import math
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils import timezone

from annotate.faces.models import Face
from annotate.training import errand_worker, jobs
from annotate.training.errands import ask_to_embed, ask_to_measure
from annotate.training.models import Embedding, Errand, ModelVersion, Snapshot, Validation
from annotate.training.results import store_embeddings_of
from annotate.training.snapshot_alteration import while_no_snapshot_is_made
from annotate.training.tasks import notice_lost_errands, run_errand, train_run
from tests.factories import make_dataset, make_face
from tests.training.registry import make_version

pytestmark = pytest.mark.usefixtures("stand_in")
NOW = timezone.now()


@pytest.fixture
def version(snapshot):
    return make_version(snapshot)


@pytest.fixture(autouse=True)
def state(settings, tmp_path):
    settings.STATE_DIR = tmp_path


@pytest.fixture
def embed(version):
    """Have the data set's faces embedded; the errand as it ended."""

    def embed(dataset):
        errand = ask_to_embed(version, dataset, None, NOW)
        run_errand(errand_id=errand.pk)
        errand.refresh_from_db()
        return errand

    return embed


def left():
    """What lies where copies do."""
    return [path for path in (Path(settings.STATE_DIR) / "at-hand").iterdir() if path.name != "mutex"]


def test_new_faces_are_embedded_and_the_others_left_alone(version, dataset, embed):
    assert embed(dataset).error == ""
    assert version.embeddings.count() == 24
    vectors = dict(version.embeddings.values_list("face__key", "vector"))
    make_face(dataset, "new")
    assert embed(dataset).progress == 1.0
    assert version.embeddings.count() == 25
    assert all(version.embeddings.get(face__key=key).vector == old for key, old in vectors.items())
    assert left() == []


def test_faces_of_a_data_set_that_was_never_frozen(version, embed, monkeypatch):
    """Their names may be anything; some at a time, so that an erasure need not wait for all."""
    monkeypatch.setattr(errand_worker, "FACES_AT_ONCE", 3)
    other = make_dataset("other")
    names = ["a b", "ü/ß", "2,5 “quoted”", "x;y", "%2e%2e", "-", "new\\line"]
    faces = [make_face(other, name) for name in names]
    assert embed(other).error == ""
    embedded = version.embeddings.order_by("face").values_list("face", flat=True)
    assert list(embedded) == [face.pk for face in faces]


def test_a_picture_that_is_missing_is_named_and_the_others_are_embedded(version, dataset, embed):
    first, second = dataset.faces.order_by("pk")[:2]
    default_storage.delete(first.crop)
    Path(default_storage.path(second.crop)).write_bytes(b"another")
    assert "2 faces have no embedding" in embed(dataset).error
    assert first.key in Errand.objects.get().error
    assert version.embeddings.count() == 22


def test_nothing_to_embed_is_done_at_once(version, embed):
    assert embed(make_dataset("empty")).error == ""


def test_a_failure_says_why(version, dataset, embed, monkeypatch):
    monkeypatch.setenv("FAIL", "embed:said")
    assert embed(dataset).error == "the snapshot is torn"
    (Path(settings.RUNS_DIR) / version.folder / "config.json").unlink()
    assert "Restore" in embed(dataset).error
    assert left() == []


def test_a_message_delivered_twice_works_once(version, dataset):
    errand = ask_to_embed(version, dataset, None, NOW)
    jobs.claim(Errand, errand.pk, "other:1", NOW)
    run_errand(errand_id=errand.pk)
    errand.refresh_from_db()
    assert (errand.worker, errand.ended_at) == ("other:1", None)


def test_stopping_the_worker_hands_it_back(version, dataset, monkeypatch):
    """As a SIGTERM does to a worker's process: SystemExit in the midst of it. What is done is kept."""
    monkeypatch.setattr(errand_worker, "FACES_AT_ONCE", 10)
    errand = ask_to_embed(version, dataset, None, NOW)
    store = errand_worker.store_embeddings_of

    def stopped(*arguments):
        if version.embeddings.exists():
            raise SystemExit
        return store(*arguments)

    monkeypatch.setattr(errand_worker, "store_embeddings_of", stopped)
    with pytest.raises(SystemExit):
        run_errand(errand_id=errand.pk)
    errand.refresh_from_db()
    assert (errand.worker, errand.attempts, version.embeddings.count()) == ("", 0, 10)
    monkeypatch.undo()


def test_what_a_killed_worker_left_goes(version, dataset, embed):
    folder = Path(settings.STATE_DIR) / "at-hand" / "killed" / "crops"
    folder.mkdir(parents=True)
    (folder / "1.jpg").write_bytes(b"a face")
    embed(dataset)
    assert left() == []


def test_an_erasure_waits_while_copies_of_faces_lie_about(version, dataset, transactional_db, monkeypatch):
    errand = ask_to_embed(version, dataset, None, NOW)
    command, held = errand_worker.run_command, []

    def looked_at(*arguments, **named):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'")
            held.append(cursor.fetchone()[0])
        return command(*arguments, **named)

    monkeypatch.setattr(errand_worker, "run_command", looked_at)
    run_errand(errand_id=errand.pk)
    assert held == [1]
    with while_no_snapshot_is_made():
        pass


def test_an_erased_face_gets_no_embedding(version, dataset):
    """Nor does another of the same key, imported since."""
    kept, face = dataset.faces.order_by("-pk")[1], dataset.faces.order_by("pk").last()
    embedded = [(face.pk, [0.0] * 16), (kept.pk, [0.0] * 16)]
    dataset.imported_triplets.all().delete()
    face.delete()
    default_storage.delete(face.crop)
    make_face(dataset, face.key.partition(":")[2])
    assert store_embeddings_of(version, embedded) == 1
    assert list(version.embeddings.values_list("face", flat=True)) == [kept.pk]
    with pytest.raises(ValueError, match="not finite"):
        store_embeddings_of(version, [(kept.pk, [math.inf] * 16)])


def test_a_face_that_is_being_erased_just_now_is_passed_over(transactional_db, version, dataset):
    """Waiting for the erasure would end in a face that is gone, and undo all other embeddings of the part."""
    face, other = dataset.faces.order_by("-pk")[:2]
    dataset.imported_triplets.all().delete()
    deleted, stored = threading.Event(), threading.Event()

    def erase():
        with transaction.atomic():
            Face.objects.filter(pk=face.pk).delete()
            deleted.set()
            stored.wait(10)
        connection.close()

    thread = threading.Thread(target=erase)
    thread.start()
    assert deleted.wait(10)
    assert store_embeddings_of(version, [(face.pk, [0.0] * 16), (other.pk, [0.0] * 16)]) == 1
    stored.set()
    thread.join()
    assert list(Embedding.objects.values_list("face", flat=True)) == [other.pk]


def test_a_version_is_measured(version, snapshot):
    errand = ask_to_measure(version, snapshot, None, NOW)
    run_errand(errand_id=errand.pk)
    errand.refresh_from_db()
    assert (errand.error, errand.progress) == ("", 1.0)
    validation = Validation.objects.get()
    assert (validation.model_version, validation.snapshot) == (version, snapshot)
    assert validation.report["strong"]["accuracy"]["mean"] == 0.75
    assert validation.sha256 == snapshot.sha256


def test_a_snapshot_that_changes_meanwhile_is_measured_as_it_is_then(version, snapshot, monkeypatch):
    enter, hashes = errand_worker.enter_validation, []

    def altered(version, snapshot, *rest):
        hashes.append(snapshot.sha256)
        if len(hashes) == 1:
            # The folder stays: what the network read is what counts.
            Snapshot.objects.update(sha256="0" * 64)
            assert not enter(version, snapshot, *rest)
            Snapshot.objects.update(sha256=hashes[0])
            return False
        return enter(version, snapshot, *rest)

    monkeypatch.setattr(errand_worker, "enter_validation", altered)
    run_errand(errand_id=ask_to_measure(version, snapshot, None, NOW).pk)
    assert len(hashes) == 2
    assert Validation.objects.count() == 1


def test_measuring_fails_in_words(version, snapshot, monkeypatch):
    monkeypatch.setenv("FAIL", "evaluate:said")
    errand = ask_to_measure(version, snapshot, None, NOW)
    run_errand(errand_id=errand.pk)
    errand.refresh_from_db()
    assert errand.error == "the snapshot is torn"


def test_a_run_that_ends_has_its_version_measured(run, monkeypatch):
    asked = []
    monkeypatch.setattr(run_errand, "delay", lambda errand_id: asked.append(errand_id))
    Snapshot.objects.update(validates=True)
    train_run(run_id=run.pk)
    errand = Errand.objects.get()
    assert (errand.model_version, errand.snapshot) == (ModelVersion.objects.get(), run.snapshot)
    assert asked == [errand.pk]
    assert Embedding.objects.count() == 24


def test_beat_puts_on_the_queue_what_is_lost_or_lacking(version, dataset, django_capture_on_commit_callbacks):
    errand = ask_to_embed(version, dataset, None, NOW)
    jobs.claim(Errand, errand.pk, "w:1", NOW - timedelta(minutes=2))
    Snapshot.objects.update(validates=True)
    with django_capture_on_commit_callbacks() as sent:
        notice_lost_errands()
    assert len(sent) == 2
    errand.refresh_from_db()
    assert errand.worker == ""
