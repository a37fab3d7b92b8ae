"""What manipulators made: asked for, stored, removed. The one writer of these tables and their pictures.

The pictures are made faces; that of a grid or an interpolation shows real ones beside them. So all of it goes
with any of its faces.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q

from annotate.accounts.models import User
from annotate.faces.models import Face
from annotate.insight.models import GridFace, Interpolation, ManipulationGrid, QueryFace
from annotate.insight.models.manipulation import FOLDER, Making
from annotate.training.models import Manipulator

MOST_SOURCES, MOST_TARGETS = 8, 10
STEPS = 9
# What has no row is of a process that died; a slow one has long ended by then.
LEFT_BEHIND = timedelta(hours=1)


class ManipulationRefused(Exception):
    """Nothing was written; the message says why."""


class MakingGone(Exception):
    """It was removed meanwhile, as by an erasure."""


@transaction.atomic
def ask_for_grid(
    manipulator: Manipulator, by: User, at: datetime, *, sources: Sequence[int] = (),
    targets: Sequence[int] = (), seed: int = 0,
) -> ManipulationGrid:  # fmt: skip
    """A grid of these faces, or of faces of held-out people that its worker draws; the caller enqueues it.

    Raises ManipulationRefused.
    """
    if bool(sources) != bool(targets):
        missing = "target" if sources else "source"
        raise ManipulationRefused(f"Choose a {missing}, too: a grid needs at least one of each.")
    if len(sources) > MOST_SOURCES or len(targets) > MOST_TARGETS:
        raise ManipulationRefused(f"Choose at most {MOST_SOURCES} sources and {MOST_TARGETS} targets.")
    grid = ManipulationGrid.objects.create(manipulator=manipulator, created_by=by, enqueued_at=at, seed=seed)
    if sources:
        enter_faces(grid, sources, targets)
    return grid


@transaction.atomic
def enter_faces(grid: ManipulationGrid, sources: Sequence[int], targets: Sequence[int]) -> None:
    """Say which faces a grid is of. Raises ManipulationRefused where one of them is gone."""
    wanted = {*sources, *targets}
    # Locked until this is committed: an erasure finds the grid, or this finds the face gone.
    there = set(
        Face.objects.select_for_update(no_key=True).filter(pk__in=wanted).values_list("pk", flat=True)
    )
    if there != wanted:
        raise ManipulationRefused("A face that was chosen has been erased. Choose another.")
    GridFace.objects.bulk_create(
        GridFace(grid=grid, face_id=face, is_target=is_target, place=place)
        for is_target, faces in ((False, sources), (True, targets))
        for place, face in enumerate(faces)
    )


@transaction.atomic
def ask_for_interpolation(
    manipulator: Manipulator, source: Face | QueryFace, target: Face, by: User, at: datetime
) -> tuple[Interpolation, bool]:
    """The source on its way to the target's expression, and whether the caller is to enqueue it: what was
    made once, or is being made, is not made again."""
    of = {"source": source} if isinstance(source, Face) else {"query": source}
    asked = {"manipulator": manipulator, "target": target, "steps": STEPS, **of}
    there = Interpolation.objects.filter(error="", **asked).order_by("-pk").first()
    if there is not None:
        return there, False
    return Interpolation.objects.create(created_by=by, enqueued_at=at, **asked), True


def store(making: Making, *, sheet: bytes, picture: bytes, side: int) -> None:
    """Keep what was made. Raises MakingGone where nobody wants it any more; nothing is kept then."""
    for name, content in ((making.sheet, sheet), (making.picture, picture)):
        # Of a worker that was taken for lost.
        default_storage.delete(name)
        default_storage.save(name, ContentFile(content))
    if not type(making).objects.filter(pk=making.pk).update(side=side):
        _delete_files([making])
        raise MakingGone


def read(name: str) -> bytes:
    """A stored picture. Raises FileNotFoundError."""
    with default_storage.open(name) as file:
        return file.read()


@transaction.atomic
def remove(makings: Iterable[Making]) -> None:
    """Remove these and their pictures."""
    makings = list(makings)
    _delete_files(makings)
    for making in makings:
        making.delete()


def _delete_files(makings: Iterable[Making]) -> None:
    for making in makings:
        for name in (making.sheet, making.picture):
            default_storage.delete(name)


def forget_made_of(face_ids: Sequence[int]) -> None:
    """Remove what was made of these faces, as source or target: an erasure calls it before they go."""
    remove(ManipulationGrid.objects.filter(faces__face__in=face_ids).distinct())
    remove(Interpolation.objects.filter(Q(source__in=face_ids) | Q(target__in=face_ids)))


def forget_made_of_queries(faces: Iterable[QueryFace]) -> None:
    """Remove what was made of the faces of a sent picture, before they go."""
    remove(Interpolation.objects.filter(query__in=list(faces)))


def sweep_manipulations(at: datetime) -> int:
    """Remove interpolations that have expired, and pictures that no row names; how many of the former."""
    expired = list(Interpolation.objects.expired(at))
    remove(expired)
    try:
        _, names = default_storage.listdir(FOLDER)
    except FileNotFoundError:
        return len(expired)
    known = {
        name
        for table in (ManipulationGrid, Interpolation)
        for pair in table.objects.values_list("sheet", "picture")
        for name in pair
    }
    for name in (f"{FOLDER}/{name}" for name in names):
        if name not in known and at - default_storage.get_modified_time(name) > LEFT_BEHIND:
            default_storage.delete(name)
    return len(expired)
