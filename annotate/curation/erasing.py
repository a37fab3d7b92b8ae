"""Erases a person: asked for in one transaction, done by a worker step by step.

Each step finds what is left to do by itself, so that whoever takes over from a killed worker does the same
again: until the last step, a row for each face says what there was and where.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from annotate.accounts.models import User
from annotate.campaigns.voiding import Voided, gold_with, groups_with, void_gold, void_group
from annotate.curation import leftovers
from annotate.curation.erasure_preview import faces_of, triplets_with
from annotate.curation.models import ErasedFace, Erasure, ErasureState
from annotate.faces.models import Dataset, Face
from annotate.faces.problems import ImportFailed
from annotate.faces.staging import alone_with
from annotate.insight.forgetting import forget_faces
from annotate.training.models import Embedding, Manipulator, ModelVersion, Run, RunState, Snapshot
from annotate.training.runs import cancel_run
from annotate.training.scratch import sweep
from annotate.training.snapshot_alteration import (
    alter_snapshot,
    holding,
    remove_old_folders,
    remove_unknown_folders,
    while_no_snapshot_is_made,
)
from annotate.training.snapshot_folder import CannotFreeze

LOCK_CLASS = 0x5E3D  # any number of our own: one worker an erasure
PATIENCE_SECONDS = 20.0
ATTEMPTS = 5
CROPS_AT_ONCE = 200

STAGES = {
    "waiting": "Waiting for a worker",
    "runs": "Stopping training on the person’s faces",
    "groups": "Voiding groups and their brackets",
    "faces": "Removing faces, triplets and embeddings",
    "crops": "Removing crops",
    "snapshots": "Taking the person out of snapshots",
    "leftovers": "Looking through logs and leftovers",
}


class ErasureRefused(Exception):
    """Nothing was begun; the message says why and what to do."""


class ErasureWaits(Exception):
    """It can not go on just now, and is to be tried again; the message says for what it waits."""


@transaction.atomic
def ask_for_erasure(
    *,
    dataset: Dataset,
    identity: str = "",
    face_ids: Collection[int] = (),
    reason: str,
    admin: User,
    at: datetime,
) -> Erasure:
    """Note what is to be erased; the caller puts it on the queue. Raises ErasureRefused."""
    reason = reason.strip()
    if not reason:
        raise ErasureRefused("Say why: this is kept, and nothing else will tell it.")
    if identity and identity.casefold() in reason.casefold().split():
        raise ErasureRefused("The reason is kept: it must not name the person.")
    # One at a time: the row of the data set is the lock.
    Dataset.objects.select_for_update().get(pk=dataset.pk)
    if Erasure.objects.under_way().filter(dataset=dataset).exists():
        raise ErasureRefused("Another erasure in this data set is under way. Wait until it is done.")
    faces = faces_of(dataset, identity, face_ids).values_list("pk", "key", "image", "crop")
    erasure = Erasure.objects.create(
        dataset=dataset, identity=identity, reason=reason, asked_by=admin, asked_at=at, heartbeat_at=at
    )
    rows = ErasedFace.objects.bulk_create(
        ErasedFace(erasure=erasure, face=pk, key=key, image=image, crop=crop)
        for pk, key, image, crop in faces
    )
    if not rows:
        raise ErasureRefused("There is no such face (any more), so there is nothing to erase.")
    return erasure


@dataclass
class Work:
    """An erasure in the hands of one worker."""

    erasure: Erasure
    wait: Callable[[float], object] = time.sleep
    ids: list[int] = field(init=False)
    keys: set[str] = field(init=False)

    def __post_init__(self) -> None:
        faces = list(self.erasure.faces.values_list("face", "key"))
        self.ids, self.keys = [face for face, _ in faces], {key for _, key in faces}

    def enter(self, stage: str, total: int = 0) -> None:
        self._write(stage=stage, done=0, total=total, trouble="")

    def advance(self, done: int, **counts: int) -> None:
        """Say how far it is; inside the transaction that did it, so that nothing is counted twice."""
        known = Erasure.objects.values_list("counts", flat=True).get(pk=self.erasure.pk)
        added = {name: known.get(name, 0) + count for name, count in counts.items()}
        self._write(done=done, counts=known | added)

    def _write(self, **values: object) -> None:
        Erasure.objects.filter(pk=self.erasure.pk).update(heartbeat_at=timezone.now(), **values)


def erase(erasure_id: int, *, wait: Callable[[float], object] = time.sleep) -> bool:
    """Do an erasure that is under way, from wherever it is. False where another worker does, or it is done.

    Raises ErasureWaits where it can not go on just now; what is erased stays erased.
    """
    with _alone(erasure_id) as is_mine:
        erasure = Erasure.objects.under_way().filter(pk=erasure_id).select_related("dataset").first()
        if not is_mine or erasure is None:
            return False
        try:
            with alone_with(erasure.dataset.name):
                _do(Work(erasure, wait))
        except (ErasureWaits, ImportFailed, CannotFreeze, OSError) as error:
            Erasure.objects.filter(pk=erasure_id).update(trouble=str(error), heartbeat_at=timezone.now())
            raise ErasureWaits(str(error)) from error
        return True


@contextmanager
def _alone(erasure_id: int) -> Iterator[bool]:
    # Held by the connection: a killed worker leaves none behind.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_CLASS, erasure_id])
        [is_mine] = cursor.fetchone()
    try:
        yield is_mine
    finally:
        if is_mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_CLASS, erasure_id])


def _do(work: Work) -> None:
    _stop_runs(work)
    with while_no_snapshot_is_made():
        _remove_rows(work)
        _remove_crops(work)
        _alter_snapshots(work)
        work.enter("leftovers")
        leftovers.remove(work.erasure, work.keys)
    _finish(work)


def _stop_runs(work: Work) -> None:
    """Cancel what trains on such a snapshot: it would bring the person into one more model version."""
    work.enter("runs")
    unfinished = Run.objects.unfinished().filter(snapshot__in=_snapshots(work))
    gives_up = time.monotonic() + PATIENCE_SECONDS
    while run := unfinished.order_by("pk").first():
        if run.state in (RunState.QUEUED, RunState.RUNNING):
            with transaction.atomic():
                cancel_run(run.pk, timezone.now())
                work.advance(0, runs=1)
        elif time.monotonic() > gives_up:
            raise ErasureWaits(f"Run {run.pk} trains on the person’s faces and is being stopped.")
        else:
            work.wait(0.5)


def _snapshots(work: Work) -> list[Snapshot]:
    return holding(Snapshot.objects.filter(dataset=work.erasure.dataset).order_by("pk"), work.keys)


def _remove_rows(work: Work) -> None:
    for _ in range(ATTEMPTS):
        try:
            _void(work)
            work.enter("faces")
            _remove_faces(work)
        except (ProtectedError, IntegrityError):
            continue  # A campaign was drawn with one of the faces meanwhile, or gold shown: that goes, too.
        return
    raise ErasureWaits("Groups with the person’s faces are being drawn again and again.")


def _void(work: Work) -> None:
    steps = [(void_group, pk) for pk in groups_with(work.ids).values_list("pk", flat=True)]
    steps += [(void_gold, pk) for pk in gold_with(work.ids).values_list("pk", flat=True)]
    work.enter("groups", len(steps))
    for done, (void, pk) in enumerate(steps, 1):
        with transaction.atomic():
            voided = Voided()
            void(pk, voided)
            work.advance(done, **asdict(voided))


@transaction.atomic
def _remove_faces(work: Work) -> None:
    forget_faces(work.ids)
    embeddings = Embedding.objects.filter(face__in=work.ids).delete()[0]
    triplets = triplets_with(work.ids).delete()[0]
    # Django's admin notes the keys of faces that were changed there.
    face_type = ContentType.objects.get_for_model(Face)
    LogEntry.objects.filter(content_type=face_type, object_id__in=map(str, work.ids)).delete()
    faces = Face.objects.filter(pk__in=work.ids)
    removed = faces.count()
    faces.delete()
    work.advance(1, faces=removed, triplets=triplets, embeddings=embeddings)


def _remove_crops(work: Work) -> None:
    crops = list(work.erasure.faces.order_by("pk").values_list("crop", flat=True))
    work.enter("crops", len(crops))
    for start in range(0, len(crops), CROPS_AT_ONCE):
        batch = crops[start : start + CROPS_AT_ONCE]
        # A crop is named after its face's key: one that was imported anew since is another's business.
        in_use = set(Face.objects.filter(crop__in=batch).values_list("crop", flat=True))
        there = [crop for crop in batch if crop not in in_use and default_storage.exists(crop)]
        for crop in there:
            default_storage.delete(crop)
        work.advance(start + len(batch), crops=len(there))


def _alter_snapshots(work: Work) -> None:
    remove_unknown_folders(work.keys)
    sweep()
    snapshots = _snapshots(work)
    work.enter("snapshots", len(snapshots))
    for done, snapshot in enumerate(snapshots, 1):
        alter_snapshot(snapshot.pk, work.keys, timezone.now(), _noted(work, done))
    remove_old_folders()


def _noted(work: Work, done: int) -> Callable[[int], None]:
    """Called in the transaction by which an altered snapshot takes the old one's place."""

    def note(snapshot_id: int) -> None:
        learnt = ModelVersion.objects.trained_on(Snapshot(pk=snapshot_id))
        # A version that learnt from several of the person's snapshots is one version.
        marked = learnt.filter(erased_at__gte=work.erasure.asked_at)
        manipulators = Manipulator.objects.trained_on(Snapshot(pk=snapshot_id))
        unmarked = manipulators.exclude(erased_at__gte=work.erasure.asked_at)
        counts = {"manipulators": unmarked.count()} if unmarked else {}
        work.advance(done, snapshots=1, model_versions=learnt.count() - marked.count(), **counts)

    return note


@transaction.atomic
def _finish(work: Work) -> None:
    """Forget whose faces they were."""
    work.erasure.faces.all().delete()
    now = timezone.now()
    Erasure.objects.filter(pk=work.erasure.pk).update(
        state=ErasureState.DONE,
        ended_at=now,
        heartbeat_at=now,
        identity="",
        trouble="",
        stage="",
        done=0,
        total=0,
    )


def overdue_erasures(at: datetime) -> list[int]:
    """Those to be put on the queue again."""
    overdue = list(Erasure.objects.overdue(at).values_list("pk", flat=True))
    Erasure.objects.filter(pk__in=overdue).update(heartbeat_at=at)
    return overdue
