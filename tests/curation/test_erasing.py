"""A person is erased: nothing names or shows her any more, and everything else is as it was."""

import hashlib
from pathlib import Path

import pytest
from django.apps import apps
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from annotate.campaigns.models import Group, VoidedAnswers
from annotate.campaigns.my_work import work_of
from annotate.campaigns.verification import differences
from annotate.curation import erasing, leftovers
from annotate.curation.erasing import ErasureWaits, ask_for_erasure, erase
from annotate.curation.erasure_preview import Preview, faces_of
from annotate.faces import staging
from annotate.faces.models import Face
from annotate.training import jobs
from annotate.training.errands import ask_to_embed
from annotate.training.freezing import freeze_snapshot
from annotate.training.models import (
    Embedding,
    Errand,
    ModelVersion,
    Run,
    RunState,
    Snapshot,
    SnapshotAlteration,
)
from annotate.training.runs import queue_run
from annotate.training.snapshot_store import path_of
from model.snapshot import read_snapshot
from tests.curation.erasing import PERSON, answer_some, ask
from tests.factories import make_dataset, make_face, make_imported_triplet
from tests.training.registry import make_version


def texts_of_the_database():
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            if model._meta.managed:
                cursor.execute(f'SELECT t::text FROM "{model._meta.db_table}" t')
                for (row,) in cursor.fetchall():
                    yield model._meta.db_table, row


def assert_nothing_is_left(folder, pictures):
    for path in folder.rglob("*"):
        assert PERSON not in path.name
        if path.is_file():
            content = path.read_bytes()
            assert PERSON.encode() not in content, path
            assert hashlib.sha256(content).hexdigest() not in pictures, path
    assert [(table, row) for table, row in texts_of_the_database() if PERSON in row] == []


def pictures_of(faces):
    return set(faces.values_list("crop_sha256", flat=True))


def test_nothing_of_her_is_left_and_all_else_stands(world, admin, folders):
    before = {
        "others": set(Face.objects.exclude(identity=PERSON).values_list("key", flat=True)),
        "sha256": world.snapshot.sha256,
        "folder": folders / "snapshots" / world.snapshot.folder,
        "work": {annotator.pk: work_of(annotator) for annotator in world.annotators},
    }
    pictures = pictures_of(world.hers)
    # In storage and, as a hard link, in the snapshot: one file, which is gone only when both are.
    assert {Path(default_storage.path(face.crop)).stat().st_nlink for face in world.hers} == {2}
    preview = Preview(world.dataset, PERSON, list(faces_of(world.dataset, PERSON)))
    expected = {
        "faces": 2, "crops": 2, "embeddings": 2, "triplets": preview.triplets, "groups": preview.groups,
        "gold": preview.gold, "votes": preview.votes, "comparisons": preview.comparisons, "snapshots": 1,
        "model_versions": 1, "brackets": 2 * preview.groups,
    }  # fmt: skip
    assert min(expected.values()) > 0
    assert Group.objects.count() > preview.groups, "Some groups are without her"

    erasure = ask(world, admin)
    assert erase(erasure.pk)

    assert_nothing_is_left(folders, pictures)
    assert not [*folders.rglob("crops.part"), *folders.rglob("*.parts")]
    erasure.refresh_from_db()
    assert (erasure.state, erasure.counts) == ("done", expected)
    assert set(Face.objects.values_list("key", flat=True)) == before["others"]
    assert all(default_storage.exists(crop) for crop in Face.objects.values_list("crop", flat=True))
    assert Embedding.objects.count() == len(before["others"])
    assert list(differences(world.campaign)) == []
    # For her pay, what she answered counts also where it was voided.
    assert VoidedAnswers.objects.exists()
    assert {annotator.pk: work_of(annotator) for annotator in world.annotators} == before["work"]
    assert not before["folder"].exists()
    assert answer_some(world.campaign, world.annotators, 40) > 0, "The campaign goes on"
    assert list(differences(world.campaign)) == []
    assert not erase(erasure.pk), "Delivered again, it does nothing"


def test_the_altered_snapshot_is_whole_and_says_what_it_was(world, admin):
    old = read_snapshot(path_of(world.snapshot.folder))
    names = [tuple(old.faces.keys[face] for face in triplet) for triplet in old.triplets.faces]
    keep = [number for number, keys in enumerate(names) if not any(PERSON in key for key in keys)]
    erase(ask(world, admin).pk)
    snapshot = Snapshot.objects.get()
    new = read_snapshot(path_of(snapshot.folder))
    assert [tuple(new.faces.keys[face] for face in triplet) for triplet in new.triplets.faces] == [
        names[number] for number in keep
    ]
    for after, before in enumerate(keep):
        ours = slice(new.answers.start[after], new.answers.start[after + 1])
        theirs = slice(old.answers.start[before], old.answers.start[before + 1])
        assert [new.answers.annotators[a] for a in new.answers.annotator[ours]] == [
            old.answers.annotators[a] for a in old.answers.annotator[theirs]
        ]
        assert list(new.answers.odd[ours]) == list(old.answers.odd[theirs])
    assert new.sha256 == snapshot.sha256 != old.sha256
    assert snapshot.counts["faces"] == len(new.faces.keys) == 18
    assert snapshot.counts["triplets"] == len(keep)
    alteration = SnapshotAlteration.objects.get()
    assert (alteration.sha256_before, alteration.sha256_after) == (old.sha256, new.sha256)
    assert alteration.taken_out["faces"] == 2
    assert snapshot.sha256_at(world.run.created_at) == old.sha256
    assert snapshot.sha256_at(timezone.now()) == new.sha256
    world.version.refresh_from_db()
    assert world.version.erased_at is not None
    frozen = freeze_snapshot(name="anew", dataset=world.dataset)
    assert not any(PERSON in key for key in read_snapshot(path_of(frozen.folder)).faces.keys)


def test_all_versions_that_learnt_from_her_are_marked_and_counted_once(world, admin, folders):
    other = freeze_snapshot(name="other", dataset=world.dataset)
    without = freeze_snapshot(name="without", dataset=make_apart())
    child = make_version(other, parent=world.version)
    grandchild = make_version(without, parent=child)
    free = make_version(without)
    errand = ask_to_embed(free, world.dataset, None, timezone.now())
    left = folders / "at-hand" / "killed" / "crops"
    left.mkdir(parents=True)
    (left / "1.jpg").write_bytes(Path(default_storage.path(world.hers.first().crop)).read_bytes())
    said = f"1 faces have no embedding, the first is that of {world.hers.first().key}"
    jobs.end(jobs.claim(Errand, errand.pk, "w:1", timezone.now()), timezone.now(), said)
    preview = Preview(world.dataset, PERSON, list(world.hers))
    learnt = [world.version, child, grandchild]
    assert preview.model_versions == learnt
    erasure = ask(world, admin)
    erase(erasure.pk)
    erasure.refresh_from_db()
    assert erasure.counts["model_versions"] == 3
    marked = ModelVersion.objects.filter(erased_at__isnull=False)
    assert list(marked.order_by("pk")) == learnt
    assert not left.exists()
    errand.refresh_from_db()
    assert errand.error == leftovers.GONE


def make_apart():
    """A data set of other people."""
    dataset = make_dataset("apart")
    faces = [make_face(dataset, f"f{n}", identity=f"q{n}", smile=n / 3) for n in range(3)]
    make_imported_triplet(faces)
    return dataset


class Killed(BaseException):
    """As abrupt as a kill: nothing catches it on the way."""


# Those within another come before it: once that is done, they are not reached any more.
STEPS = [
    (erasing, "_stop_runs"), (erasing, "void_group"), (erasing, "void_gold"), (erasing, "_void"),
    (erasing, "_remove_faces"), (erasing, "_remove_crops"), (erasing, "alter_snapshot"),
    (erasing, "remove_old_folders"), (erasing, "_alter_snapshots"), (leftovers, "remove"),
    (erasing, "_finish"),
]  # fmt: skip


def test_killed_before_and_after_every_step_it_goes_on_to_the_same_end(world, admin, folders, monkeypatch):
    """One erasure, killed twice at each of its steps."""
    pictures = pictures_of(world.hers)
    erasure = ask(world, admin)
    reached = []
    for where, name in STEPS:
        step = getattr(where, name)
        for is_done_first in (False, True):

            def killed(*given, step=step, is_done_first=is_done_first, **named):
                if is_done_first:
                    step(*given, **named)
                reached.append((step.__name__, is_done_first))
                raise Killed

            monkeypatch.setattr(where, name, killed)
            with pytest.raises(Killed):
                erase(erasure.pk)
            monkeypatch.setattr(where, name, step)
            known = set(erasure.faces.values_list("crop", flat=True))
            known |= set(Face.objects.values_list("crop", flat=True))
            stored = {str(path.relative_to(folders / "faces")) for path in (folders / "faces").rglob("*.jpg")}
            assert stored <= known, "There is a crop that nobody knows of"
    assert len(set(reached)) == 2 * len(STEPS)
    erasure.refresh_from_db()
    assert (erasure.state, erasure.counts["faces"], erasure.counts["snapshots"]) == ("done", 2, 1)
    assert_nothing_is_left(folders, pictures)
    assert SnapshotAlteration.objects.get().folder_before == ""
    assert len(list((folders / "snapshots").iterdir())) == 1
    assert list(differences(world.campaign)) == []
    read_snapshot(path_of(Snapshot.objects.get().folder))


def test_a_crop_that_was_imported_anew_meanwhile_is_another_ones(world, admin, monkeypatch):
    erasure = ask(world, admin)
    face = world.hers.first()
    monkeypatch.setattr(erasing, "_remove_crops", lambda work: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        erase(erasure.pk)
    monkeypatch.undo()
    again = Face.objects.create(
        dataset=world.dataset, key=face.key, image=face.image, crop=face.crop, crop_sha256=face.crop_sha256
    )
    erase(erasure.pk)
    assert default_storage.exists(again.crop)
    assert erasure.__class__.objects.get().counts["crops"] == 1


def test_runs_on_her_faces_are_cancelled_and_waited_for(world, admin, monkeypatch):
    queued = queue_run(world.snapshot, {}, admin)
    running = queue_run(world.snapshot, {}, admin)
    Run.objects.filter(pk=running.pk).update(state=RunState.RUNNING, heartbeat_at=timezone.now())
    erasure = ask(world, admin)
    monkeypatch.setattr(erasing, "PATIENCE_SECONDS", 0)
    with pytest.raises(ErasureWaits, match=f"Run {running.pk} "):
        erase(erasure.pk)
    erasure.refresh_from_db()
    assert f"Run {running.pk} " in erasure.trouble
    assert world.hers.count() == 2
    monkeypatch.setattr(erasing, "PATIENCE_SECONDS", 60)

    def its_worker_stops(seconds):
        Run.objects.filter(state=RunState.CANCELLING).update(state=RunState.CANCELLED)

    assert erase(erasure.pk, wait=its_worker_stops)
    assert set(Run.objects.filter(pk__gte=queued.pk).values_list("state", flat=True)) == {"cancelled"}
    erasure.refresh_from_db()
    assert (erasure.counts["runs"], erasure.trouble) == (2, "")


def test_every_table_that_knows_faces_is_known_to_the_erasure():
    """Whoever lets a new table point to faces must say what an erasure does with it."""
    pointing = {
        f"{relation.related_model._meta.label}.{relation.field.name}"
        for relation in Face._meta.get_fields(include_hidden=True)
        if relation.auto_created and not relation.concrete
    }
    voided = {f"campaigns.{name}" for name in (
        "Group.anchor", "Candidate.positive", "Candidate.negative", "Gold.anchor", "Gold.nearer",
        "Gold.farther", "Vote.flagged_face",
    )}  # fmt: skip
    removed = {f"faces.ImportedTriplet.face_{place}" for place in (1, 2, 3)} | {"training.Embedding.face"}
    cascades = {"curation.DuplicatePair.first", "curation.DuplicatePair.second", "curation.KeptFace.face"}
    cascades |= {f"insight.{name}" for name in (
        "MapPoint.face", "SelectedFace.face", "FaceSelection.faces", "GridFace.face", "Interpolation.source",
        "Interpolation.target",
    )}  # fmt: skip
    # An empty place voids the query or the list that showed the face.
    emptied = {"insight.StudyQuery.face", "insight.Result.face"}
    view = {f"campaigns.Question.{name}" for name in ("anchor", "left", "right")}
    assert pointing == voided | removed | cascades | emptied | view


def test_an_import_and_an_erasure_take_turns(db, admin):
    """The lock is a connection's: another one, as of an importing process, holds it."""
    face = make_face(make_dataset("lab"), "a", identity=PERSON)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, hashtext('lab'))", [staging.LOCK_CLASS])
        erasure = ask_for_erasure(
            dataset=face.dataset, identity=PERSON, reason="r", admin=admin, at=timezone.now()
        )
        with pytest.raises(ErasureWaits, match="Another import"):
            erase(erasure.pk)
        assert Face.objects.exists()
        # A connection that is closed gives it back a moment later.
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_all()")
    finally:
        other.close()
    assert erase(erasure.pk)
    assert not Face.objects.exists()
    assert not default_storage.exists(face.crop)
