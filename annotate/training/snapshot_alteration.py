"""Takes faces out of stored snapshots: their rows, the triplets and answers that name them, their crops.

The altered snapshot is written beside the old one and takes its place by one transaction; whoever reads
meanwhile has the one or the other, whole. Memory does not grow with a snapshot.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils.text import slugify

from annotate.training import snapshot_store
from annotate.training.models import Manipulator, ModelVersion, Snapshot, SnapshotAlteration
from annotate.training.snapshot_folder import (
    CannotFreeze,
    Counts,
    Manifest,
    read_manifest,
    seal,
)

# Any number of our own: the advisory lock that freezing shares and an erasure has alone.
LOCK_CLASS = 0x5E3C


@dataclass(frozen=True)
class TakenOut:
    faces: int
    triplets: int
    answers: int


@contextmanager
def while_nobody_is_erased() -> Iterator[None]:
    """In which a snapshot is made: what was read before an erasure must not be entered after it."""
    with _lock("_shared"):
        yield


@contextmanager
def while_no_snapshot_is_made() -> Iterator[None]:
    """In which an erasure goes through the snapshots. Waits for those that are being made."""
    with _lock(""):
        yield


@contextmanager
def _lock(kind: str) -> Iterator[None]:
    # Held by the connection: a killed worker leaves none behind.
    def call(function: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}{kind}(%s, 0)", [LOCK_CLASS])

    call("pg_advisory_lock")
    try:
        yield
    finally:
        call("pg_advisory_unlock")


def somebody_waits_to_erase() -> bool:
    """Whether an erasure waits for those who are in `while_nobody_is_erased`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
            "AND classid = %s AND objid = 0)",
            [LOCK_CLASS],
        )
        return bool(cursor.fetchone()[0])


def holding(snapshots: Collection[Snapshot], keys: Collection[str]) -> list[Snapshot]:
    """Those that have a row for any of these faces."""
    return [s for s in snapshots if snapshot_store.holds(s.folder, keys)]


def alter_snapshot(
    snapshot_id: int,
    keys: Collection[str],
    at: datetime,
    note: Callable[[int], object] = lambda snapshot_id: None,
) -> SnapshotAlteration | None:
    """Take these faces out of a stored snapshot; None where none of them is in it (any more).

    `note` is called in the transaction by which the altered one takes the old one's place.

    Marks the row and the model versions and manipulators that learnt from it. Raises CannotFreeze where its
    folder is torn, and OSError where it can not be written; the snapshot is as it was then.
    """
    snapshot = Snapshot.objects.get(pk=snapshot_id)
    if not snapshot_store.holds(snapshot.folder, keys):
        return None
    with snapshot_store.tables_at_hand(snapshot.folder) as before, snapshot_store.being_made() as parent:
        after, manifest, taken_out = _altered(snapshot, before, parent, keys)
        snapshot_store.keep(after)
    with transaction.atomic():
        note(snapshot.pk)
        return _take_its_place(snapshot, after, manifest, taken_out, at)


def _altered(
    snapshot: Snapshot, before: Path, parent: Path, keys: Collection[str]
) -> tuple[Path, Manifest, TakenOut]:
    """Write it anew beside; the new folder, and what is in it."""
    partial = parent / f".{snapshot.folder}.altered.partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir()
        manifest, taken_out = _write_without(before, partial, keys)
        # The same after a crash, and no other snapshot's.
        after = parent / f"{slugify(snapshot.name)[:80] or 'snapshot'}-{manifest.sha256[:8]}-{snapshot.pk}"
        shutil.rmtree(after, ignore_errors=True)
        partial.rename(after)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return after, manifest, taken_out


def _take_its_place(
    snapshot: Snapshot, after: Path, manifest: Manifest, taken_out: TakenOut, at: datetime
) -> SnapshotAlteration:
    alteration = SnapshotAlteration.objects.create(
        snapshot=snapshot, at=at, sha256_before=snapshot.sha256, sha256_after=manifest.sha256,
        taken_out=vars(taken_out), folder_before=snapshot.folder,
    )  # fmt: skip
    Snapshot.objects.filter(pk=snapshot.pk).update(
        folder=after.name, sha256=manifest.sha256, counts=manifest.as_json()["counts"]
    )
    ModelVersion.objects.trained_on(snapshot).update(erased_at=at)
    Manipulator.objects.trained_on(snapshot).update(erased_at=at)
    return alteration


def remove_old_folders() -> None:
    """Remove the folders that altered snapshots lay in before."""
    for alteration in SnapshotAlteration.objects.exclude(folder_before=""):
        snapshot_store.remove(alteration.folder_before)
        alteration.folder_before = ""
        alteration.save(update_fields=["folder_before"])


def remove_unknown_folders(keys: Collection[str]) -> int:
    """Remove what killed workers left: half-written folders, and whole ones that no snapshot knows of and
    that hold any of these faces. Belongs under while_no_snapshot_is_made(). Returns how many held some."""
    known = set(Snapshot.objects.values_list("folder", flat=True))
    removed = 0
    for folder in snapshot_store.all_folders():
        if folder not in known:
            held = snapshot_store.holds(folder, keys)
            if held or snapshot_store.is_half_written(folder):
                snapshot_store.remove(folder)
                removed += held
    return removed


def _write_without(source: Path, target: Path, keys: Collection[str]) -> tuple[Manifest, TakenOut]:
    was = read_manifest(source)
    by_split = _write_faces(source, target, keys)
    by_source, answers = _write_triplets(source, target, keys)
    counts = Counts(by_split.total(), by_source.total(), answers, dict(by_source), dict(by_split))
    manifest = seal(target, name=was.name, dataset=was.dataset, campaign=was.campaign, counts=counts)
    return manifest, TakenOut(
        was.counts.faces - counts.faces,
        was.counts.triplets - counts.triplets,
        was.counts.answers - counts.answers,
    )


def _write_faces(source: Path, target: Path, keys: Collection[str]) -> Counter[str]:
    by_split: Counter[str] = Counter()
    with ExitStack() as files:
        head, rows, write = _copying(files, source, target, "faces.csv")
        crop, split = head.index("crop"), head.index("split")
        crops_are_here = (source / "crops").is_dir()  # a bucket has them in the faces' own storage
        for row in rows:
            if row[0] not in keys:
                write(row)
                if crops_are_here:
                    _keep_crop(source / row[crop], target / row[crop])
                by_split[row[split]] += 1
    return by_split


def _keep_crop(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # some file systems and mounts have no hard links
        shutil.copyfile(source, target)


def _write_triplets(source: Path, target: Path, keys: Collection[str]) -> tuple[Counter[str], int]:
    """The triplets that name none of the faces, numbered anew, and their answers; counted."""
    by_source: Counter[str] = Counter()
    kept_answers = 0
    with ExitStack() as files:
        head, triplets, write_triplet = _copying(files, source, target, "triplets.csv")
        _, answers, write_answer = _copying(files, source, target, "answers.csv")
        faces = [head.index(name) for name in ("anchor", "positive", "negative")]
        kind = head.index("source")
        answer = next(answers, None)
        for triplet in triplets:
            number = triplet[0]
            is_kept = not any(triplet[face] in keys for face in faces)
            if is_kept:
                by_source[triplet[kind]] += 1
                triplet[0] = str(by_source.total())
                write_triplet(triplet)
            # Both files are in the order of the triplets.
            while answer is not None and answer[0] == number:
                if is_kept:
                    write_answer([triplet[0], *answer[1:]])
                    kept_answers += 1
                answer = next(answers, None)
        if answer is not None:
            raise CannotFreeze(f"{source / 'answers.csv'} is not in the order of triplets.csv")
    return by_source, kept_answers


def _copying(files: ExitStack, source: Path, target: Path, name: str) -> tuple[list[str], Any, Any]:
    """The header of a table, which is written already, its rows, and how to write one."""
    rows = csv.reader(files.enter_context((source / name).open(newline="", encoding="utf-8")))
    out = files.enter_context((target / name).open("w", newline="", encoding="utf-8"))
    writer = csv.writer(out, lineterminator="\n")
    head = next(rows)
    writer.writerow(head)
    return head, rows, writer.writerow
