"""What a worker does with a grid or an interpolation: takes the faces' crops, has the generator make faces of
them in memory, stores what came of it. Nothing of it lies on the disk meanwhile."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial

from annotate.faces.models import Face, Split
from annotate.insight.manipulations import (
    MakingGone,
    ManipulationRefused,
    enter_faces,
    read,
    store,
)
from annotate.insight.models import Interpolation, ManipulationGrid
from annotate.insight.models.manipulation import Making
from annotate.insight.network import NETWORKS, Made
from annotate.insight.queries import crop_of
from annotate.training.job_worker import Failed, Stopped, Watch, work_on
from annotate.training.models import Manipulator
from annotate.training.snapshot_alteration import while_nobody_is_erased

SOURCES, TARGETS = 6, 8


def make_grid(job_id: int) -> None:
    """Bring a grid to its end."""
    work_on(ManipulationGrid, job_id, partial(_make, make=_grid))


def make_interpolation(job_id: int) -> None:
    """Bring an interpolation to its end."""
    work_on(Interpolation, job_id, partial(_make, make=_interpolation))


def _make(making: Making, watch: Watch, *, make: Callable[[Making, Watch], Made]) -> None:
    watch.enter_stage("Making faces")
    # Whatever of a face is in memory is stored, or let go, before the face can be erased.
    with while_nobody_is_erased():
        made = make(making, watch)
        watch.beat()
        try:
            store(making, sheet=made.sheet, picture=made.picture, side=made.side)
        except MakingGone:
            raise Stopped from None


def _grid(grid: ManipulationGrid, watch: Watch) -> Made:
    if not grid.faces.exists():
        _draw_faces(grid)
    crops: dict[bool, list[bytes]] = {False: [], True: []}
    for one in grid.faces.select_related("face"):
        crops[one.is_target].append(_crop(one.face))
    return NETWORKS.grid(grid.manipulator, crops[False], crops[True])


def _interpolation(asked: Interpolation, watch: Watch) -> Made:
    source = _crop(asked.source) if asked.source else crop_of(asked.query)
    return NETWORKS.interpolation(asked.manipulator, source, _crop(asked.target), asked.steps)


def _crop(face: Face) -> bytes:
    try:
        return read(face.crop)
    except FileNotFoundError:
        raise Failed(f"The picture of face {face.key} is missing from storage.") from None


def _draw_faces(grid: ManipulationGrid) -> None:
    faces = _held_out(grid.manipulator)
    if not faces:
        raise Failed(
            "Nobody was held out of the manipulator’s training, so there are no faces to draw. Choose some."
        )
    sources, targets = drawn(faces, grid.seed)
    try:
        enter_faces(grid, sources, targets)
    except ManipulationRefused as error:
        raise Failed(str(error)) from error


def _held_out(manipulator: Manipulator) -> list[Face]:
    """Faces of people from whom it did not learn, those that are still there."""
    faces = Face.objects.ready().filter(dataset=manipulator.run.snapshot.dataset_id)
    # Where its snapshot held nobody out, its training did.
    names = NETWORKS.held_out(manipulator)
    chosen = faces.filter(identity__in=names) if names else faces.filter(split=Split.VAL).exclude(identity="")
    return list(chosen.only("pk", "identity", "expression").order_by("pk"))


def drawn(faces: Sequence[Face], seed: int) -> tuple[list[int], list[int]]:
    """Some sources, each of another person, and some targets: other faces, first one of each labelled
    expression."""
    rng = random.Random(seed)
    mixed = sorted(faces, key=lambda face: face.pk)
    rng.shuffle(mixed)
    sources = list({face.identity: face.pk for face in reversed(mixed)}.values())[::-1][:SOURCES]
    others = [face for face in mixed if face.pk not in sources] or mixed
    first = {face.expression: face.pk for face in reversed(others)}
    by_expression = list(first.values())[::-1] if len(first) > 1 else []
    rest = [face.pk for face in others if face.pk not in by_expression]
    return sources, [*by_expression, *rest][:TARGETS]
