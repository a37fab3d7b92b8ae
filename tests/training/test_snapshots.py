"""Snapshots: the same data give the same bytes, hashes tell, nothing is left where one fails."""

import csv
import hashlib
import io
import json
import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from annotate.campaigns.creation import create_campaign
from annotate.campaigns.simulation import simulate, simulated_annotators
from annotate.faces.models import Face
from annotate.tournament.simulator import Manner
from annotate.training import freezing
from annotate.training.freezing import (
    ask_for_snapshot,
    freeze_snapshot,
    make_asked_snapshot,
    overdue_freezes,
)
from annotate.training.models import Freeze, Snapshot
from annotate.training.snapshot_folder import CannotFreeze, read_manifest, write_snapshot
from tests.factories import make_face, make_imported_triplet


@pytest.fixture
def campaign(dataset):
    campaign = create_campaign(name="compared", dataset=dataset, groups=4, k=2, repetitions=2).campaign
    simulate(campaign, simulated_annotators(campaign, 3), Manner(flip=0.1, uncertain=0.1), seed=3)
    return campaign


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_same_data_give_the_same_bytes(dataset, campaign, tmp_path):
    first = write_snapshot(tmp_path / "a", name="n", dataset=dataset, campaign=campaign)
    second = write_snapshot(tmp_path / "b", name="n", dataset=dataset, campaign=campaign)
    assert first == second
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    dataset.faces.filter(pk=dataset.faces.first().pk).update(expression="sad")
    third = write_snapshot(tmp_path / "c", name="n", dataset=dataset, campaign=campaign)
    assert third.sha256 != first.sha256


def test_the_manifest_says_what_is_there(dataset, campaign, tmp_path):
    folder = tmp_path / "a"
    write_snapshot(folder, name="n", dataset=dataset, campaign=campaign)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["format"], manifest["dataset"], manifest["campaign"]) == (1, "drawn", "compared")
    for path, sha256 in manifest["files"].items():
        assert hashlib.sha256((folder / path).read_bytes()).hexdigest() == sha256
    lines = "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(manifest["files"].items()))
    assert manifest["sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    triplets, answers, faces = (rows(folder / f"{t}.csv") for t in ("triplets", "answers", "faces"))
    counts = manifest["counts"]
    assert (counts["triplets"], counts["answers"], counts["faces"]) == (len(triplets), len(answers), 24)
    assert counts["faces_by_split"] == {"train": 16, "val": 8}
    by_source = counts["triplets_by_source"]
    assert by_source["imported"] == 24
    assert by_source["direct"] == by_source["inferred"] > 0
    assert sum(by_source.values()) == len(triplets)
    split = {face["face"]: face["split"] for face in faces}
    for t in triplets:
        assert len({split[t[place]] for place in ("anchor", "positive", "negative")}) == 1


def test_all_faces_are_there_with_their_crops(dataset, tmp_path):
    make_face(dataset, "Zoë, in no triplet", expression="calm")
    folder = tmp_path / "a"
    write_snapshot(folder, name="n", dataset=dataset)
    faces = rows(folder / "faces.csv")
    assert [face["face"] for face in faces] == sorted(
        Face.objects.values_list("key", flat=True), key=lambda key: key.encode()
    )
    for face in faces:
        crop = folder / face["crop"]
        assert hashlib.sha256(crop.read_bytes()).hexdigest() == face["crop_sha256"]
        stored = default_storage.path(face["crop"].removeprefix("crops/"))
        assert crop.stat().st_ino == Path(stored).stat().st_ino


def test_crops_are_copied_where_they_can_not_be_linked(dataset, tmp_path, monkeypatch):
    linked = write_snapshot(tmp_path / "a", name="n", dataset=dataset)

    def elsewhere(self, name):
        raise NotImplementedError

    opened = FileSystemStorage.path
    monkeypatch.setattr(
        FileSystemStorage, "open", lambda self, name: open(opened(self, name), "rb")  # noqa: SIM115, PTH123
    )  # fmt: skip
    monkeypatch.setattr(FileSystemStorage, "path", elsewhere)
    assert write_snapshot(tmp_path / "b", name="n", dataset=dataset) == linked
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_triplets_that_mix_splits_are_refused(dataset, tmp_path):
    faces = [dataset.faces.get(image=f"{n}.jpg") for n in ("calm-00", "calm-01", "glad-09")]
    make_imported_triplet(faces)
    with pytest.raises(CannotFreeze, match=r"1 triplets mix training .*drawn:glad-09"):
        write_snapshot(tmp_path / "a", name="n", dataset=dataset)
    assert not (tmp_path / "a").exists()


def test_a_data_set_without_triplets_is_refused(dataset, tmp_path):
    dataset.imported_triplets.all().delete()
    dataset.faces.update(identity="")
    with pytest.raises(CannotFreeze, match="Import triplets, or choose a campaign"):
        write_snapshot(tmp_path / "a", name="n", dataset=dataset)
    assert not list(tmp_path.glob("*a*partial"))


@pytest.mark.parametrize("harm", ["missing", "changed"])
def test_a_harmed_picture_leaves_nothing(dataset, folders, harm):
    stored = Path(default_storage.path(dataset.faces.order_by("key").last().crop))
    stored.unlink()
    if harm == "changed":
        make_face(dataset, "other", smile=0.3)
        shutil.copy(default_storage.path("drawn/other.jpg"), stored)
    with pytest.raises(CannotFreeze, match="missing from storage" if harm == "missing" else "not what was"):
        freeze_snapshot(name="n", dataset=dataset)
    assert list((folders / "snapshots").iterdir()) == []
    assert not Snapshot.objects.exists()


def test_a_full_disk_leaves_nothing(dataset, folders, monkeypatch):
    """/dev/full answers every write as a full disk does."""
    real = freezing.write_snapshot

    def onto_a_full_disk(target, **options):
        def progress(faces):
            with open("/dev/full", "wb", buffering=0) as out:  # noqa: PTH123
                out.write(b"x")

        return real(target, **options | {"progress": progress})

    monkeypatch.setattr(freezing, "write_snapshot", onto_a_full_disk)
    freeze = ask_for_snapshot(name="n", dataset=dataset, campaign=None, created_by=None)
    assert make_asked_snapshot(freeze.pk) is None
    freeze.refresh_from_db()
    assert "No space left on device" in freeze.error
    assert list((folders / "snapshots").iterdir()) == []


def test_frozen_twice_it_is_two_snapshots_of_one_hash(dataset, folders):
    first, second = (freeze_snapshot(name="July", dataset=dataset) for _ in range(2))
    assert first.sha256 == second.sha256
    assert first.folder != second.folder
    assert read_manifest(folders / "snapshots" / first.folder).sha256 == first.sha256
    assert first.counts["triplets"] == 24


def test_one_state_of_the_database_for_all_tables(transactional_db, dataset, tmp_path):
    """What is written while it is being frozen does not come in."""
    seen = []

    def progress(faces):
        if not seen:
            other = connection.copy()
            with other.cursor() as cursor:
                cursor.execute("UPDATE faces_face SET expression = 'changed meanwhile'")
            other.close()
        seen.append(faces)

    write_snapshot(tmp_path / "a", name="n", dataset=dataset, progress=progress)
    assert {face["expression"] for face in rows(tmp_path / "a" / "faces.csv")} == {"calm", "glad"}
    assert Face.objects.filter(expression="changed meanwhile").count() == len(seen) == 24


def test_memory_does_not_grow_with_the_faces(dataset, tmp_path, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        write_snapshot(tmp_path / "a", name="n", dataset=dataset)


def test_asked_for_it_is_made_once(dataset):
    freeze = ask_for_snapshot(name="n", dataset=dataset, campaign=None, created_by=None)
    snapshot = make_asked_snapshot(freeze.pk)
    assert snapshot is not None
    assert not Freeze.objects.exists()
    assert make_asked_snapshot(freeze.pk) is None
    assert Snapshot.objects.count() == 1


def test_overtaken_by_another_worker_it_takes_its_folder_back(dataset, folders, monkeypatch):
    freeze = ask_for_snapshot(name="n", dataset=dataset, campaign=None, created_by=None)
    real = freezing.write_snapshot

    def slowly(target, **options):
        Freeze.objects.all().delete()
        return real(target, **options)

    monkeypatch.setattr(freezing, "write_snapshot", slowly)
    assert make_asked_snapshot(freeze.pk) is None
    assert list((folders / "snapshots").iterdir()) == []
    assert not Snapshot.objects.exists()


def test_a_failure_is_noted_until_it_is_asked_for_again(dataset):
    dataset.imported_triplets.all().delete()
    dataset.faces.update(identity="")
    freeze = ask_for_snapshot(name="n", dataset=dataset, campaign=None, created_by=None)
    assert make_asked_snapshot(freeze.pk) is None
    assert "Import triplets" in Freeze.objects.get().error
    again = ask_for_snapshot(name="n", dataset=dataset, campaign=None, created_by=None)
    assert Freeze.objects.get() == again


def test_a_lost_message_is_sent_again_but_not_for_ever(dataset):
    now = timezone.now()
    freeze = ask_for_snapshot(name="n", dataset=dataset, campaign=None, created_by=None)
    assert overdue_freezes(now) == []
    later = now + timedelta(minutes=11)
    assert overdue_freezes(later) == [freeze.pk]
    assert overdue_freezes(later) == []
    Freeze.objects.update(attempts=3)
    assert overdue_freezes(later + timedelta(minutes=11)) == []
    assert "3 workers began it" in Freeze.objects.get().error


def test_abandoned_halves_are_swept(dataset, folders):
    half = folders / "snapshots" / ".n.0000.partial"
    half.mkdir(parents=True)
    freeze_snapshot(name="n", dataset=dataset)
    assert half.exists()
    os.utime(half, (0, 0))
    freeze_snapshot(name="n", dataset=dataset)
    assert not half.exists()


def test_the_command(dataset, campaign, tmp_path):
    err = io.StringIO()
    call_command("freeze_snapshot", "compared", output=tmp_path / "of-campaign", stderr=err)
    call_command("freeze_snapshot", "drawn", output=tmp_path / "of-dataset", stderr=err)
    whole, imported = (read_manifest(tmp_path / f"of-{kind}") for kind in ("campaign", "dataset"))
    assert (whole.campaign, imported.campaign) == ("compared", "")
    assert whole.counts.triplets > imported.counts.triplets == 24
    assert f"sha256 {whole.sha256}" in err.getvalue()
    assert not Snapshot.objects.exists()


def test_the_command_says_what_is_wrong(dataset, tmp_path):
    with pytest.raises(CommandError, match="neither a campaign nor a data set nobody"):
        call_command("freeze_snapshot", "nobody", output=tmp_path / "a")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept").touch()
    with pytest.raises(CommandError, match="not empty"):
        call_command("freeze_snapshot", "drawn", output=tmp_path / "full", stderr=io.StringIO())
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["kept"]
    with pytest.raises(CommandError, match="can not be written"):
        call_command(
            "freeze_snapshot", "drawn", output=tmp_path / "full" / "kept" / "a", stderr=io.StringIO()
        )
