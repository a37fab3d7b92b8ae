"""Selections of faces: made, removed; how many of which data set they hold."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Count, QuerySet

from annotate.accounts.models import User
from annotate.faces.models import Dataset, Face
from annotate.insight.models import ExpressionMap, FaceSelection, SelectedFace

# A wall of more is nobody's to look through.
MOST_SELECTED = 50_000
ROWS_AT_ONCE = 5_000


class CannotSelect(Exception):
    """Nothing was made; the message says why, and what to do."""


@transaction.atomic
def make_selection(
    face_ids: Collection[int], *, name: str, on: ExpressionMap | None, by: User, at: datetime
) -> FaceSelection:
    """Keep these faces; those that are gone are left out. Raises CannotSelect for none, or too many."""
    if len(face_ids) > MOST_SELECTED:
        raise CannotSelect(f"{len(face_ids):,} faces are too many: select at most {MOST_SELECTED:,}.")
    there = list(
        Face.objects.filter(pk__in=set(face_ids)).select_for_update(no_key=True, skip_locked=True)
        .order_by("pk").values_list("pk", flat=True)
    )  # fmt: skip
    if not there:
        raise CannotSelect("No face is selected, or all of them are gone. Draw around some on the map.")
    title = name or f"{len(there):,} face{'s' if len(there) > 1 else ''}" + (f" of map {on.pk}" if on else "")
    selection = FaceSelection.objects.create(name=title, map=on, created_by=by, created_at=at)
    SelectedFace.objects.bulk_create(
        (SelectedFace(selection=selection, face_id=face) for face in there), batch_size=ROWS_AT_ONCE
    )
    return selection


def remove_selection(selection_id: int) -> None:
    """Forget which faces they were; the faces stay, and so does what was begun with them."""
    FaceSelection.objects.filter(pk=selection_id).delete()


def datasets_of(selection: FaceSelection) -> QuerySet[Dataset]:
    """The data sets that its faces are of, each with its `selected_count`, by name."""
    of_it = Dataset.objects.filter(faces__selections=selection)
    return of_it.annotate(selected_count=Count("faces")).order_by("name")
