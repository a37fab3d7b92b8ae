"""The wall of a data set's faces: which of them, in which order, a page at a time. Reads only.

Every statement here is answered from an index, however many faces there are (tests/benchmarks/test_wall.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, models
from django.db.models import F, Func, QuerySet, Value
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual

from annotate.faces.models import Dataset, Face

PAGE = 60
MOST_COUNTED = 10_000
MOST_LABELS = 300
MOST_SUGGESTED = 100
UNLABELLED = "="
"""What stands for 'no label' where a filter asks for one."""


class Order(models.TextChoices):
    IMPORT = "import", "as imported"
    NEWEST = "newest", "newest first"
    MOST = "most", "in most triplets first"
    FEWEST = "fewest", "in fewest triplets first"
    NAME = "name", "by name"


# Each ends in what no two faces share.
_KEYS = {
    Order.IMPORT: ("id",),
    Order.NEWEST: ("id",),
    Order.MOST: ("imported_triplets", "id"),
    Order.FEWEST: ("imported_triplets", "id"),
    Order.NAME: ("key",),
}
_DESCENDING = {Order.NEWEST, Order.MOST}


@dataclass(frozen=True)
class Wanted:
    """Which faces the wall shows; what is empty leaves open what it is."""

    split: str = ""
    status: str = ""
    expression: str = ""
    identity: str = ""
    least: int | None = None
    most: int | None = None
    name: str = ""
    selection: int | None = None
    order: str = Order.IMPORT


@dataclass(frozen=True)
class Place:
    """Where a page begins: after a face, before it, or with it."""

    face: int
    side: str = "after"


@dataclass(frozen=True)
class Page:
    faces: list[Face]
    goes_on: bool
    """Whether more faces follow: behind the page, or before one that was asked for as earlier."""


def found(dataset: Dataset, wanted: Wanted) -> QuerySet:
    """The faces that are wanted, in no order."""
    faces = dataset.faces.all()
    for name in ("split", "status", "expression", "identity"):
        if value := getattr(wanted, name):
            faces = faces.filter(**{name: "" if value == UNLABELLED else value})
    if wanted.least is not None:
        faces = faces.filter(imported_triplets__gte=wanted.least)
    if wanted.most is not None:
        faces = faces.filter(imported_triplets__lte=wanted.most)
    if wanted.selection is not None:
        faces = faces.filter(selections=wanted.selection)
    if wanted.name:
        prefix = f"{dataset.name}:"
        faces = faces.filter(key__startswith=prefix + wanted.name.removeprefix(prefix))
    return faces


def page(faces: QuerySet, order: str, place: Place | None = None) -> Page:
    """A page of them. Raises Face.DoesNotExist where the face that it begins at is gone."""
    order = Order(order)
    backwards = place is not None and place.side == "before"
    descending = (order in _DESCENDING) != backwards
    if place is not None:
        faces = faces.filter(_beyond(_KEYS[order], place, descending))
    ordered = faces.order_by(*(f"-{key}" if descending else key for key in _KEYS[order]))
    # The ids alone first: these come from an index that holds all that is filtered by.
    ids = list(ordered.values_list("pk", flat=True)[: PAGE + 1])
    shown = ids[:PAGE][::-1] if backwards else ids[:PAGE]
    rows = Face.objects.only(
        "id", "key", "image", "expression", "identity", "status", "imported_triplets"
    ).in_bulk(shown)
    return Page([rows[face] for face in shown if face in rows], len(ids) > PAGE)


def _beyond(keys: Sequence[str], place: Place, descending: bool) -> models.lookups.Lookup:
    """Rows behind the place in this order. Compared as one row, so that an index range answers it."""
    values = (place.face,) if keys == ("id",) else Face.objects.values_list(*keys).get(pk=place.face)
    lookups = (LessThanOrEqual, GreaterThanOrEqual) if place.side == "from" else (LessThan, GreaterThan)
    lookup = lookups[0] if descending else lookups[1]
    return lookup(_row(*map(F, keys)), _row(*map(Value, values)))


def _row(*parts: models.Expression) -> Func:
    return Func(*parts, function="ROW", output_field=models.BooleanField())


def counted(faces: QuerySet) -> tuple[int, bool]:
    """How many there are, and whether there are more than that: nobody waits for a number beyond it."""
    count = faces.order_by().values("pk")[: MOST_COUNTED + 1].count()
    return min(count, MOST_COUNTED), count > MOST_COUNTED


def labels(dataset: Dataset, name: str, *, most: int = MOST_LABELS) -> list[str]:
    """The first of its expressions or identities. Jumps from one to the next instead of reading all faces."""
    if name not in ("expression", "identity"):
        raise ValueError(f"{name} is no label")
    with connection.cursor() as cursor:
        cursor.execute(_LABELS.replace("{label}", name), {"dataset": dataset.pk, "most": most})
        return [row[0] for row in cursor.fetchall()]


_LABELS = """
    WITH RECURSIVE known (label) AS (
        (SELECT min({label}) FROM faces_face WHERE dataset_id = %(dataset)s AND {label} <> '')
        UNION ALL
        SELECT (
            SELECT min({label}) FROM faces_face
            WHERE dataset_id = %(dataset)s AND {label} <> '' AND {label} > known.label
        ) FROM known WHERE label IS NOT NULL
    )
    SELECT label FROM known WHERE label IS NOT NULL LIMIT %(most)s
"""
