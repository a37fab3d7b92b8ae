"""Faces to choose among, a page at a time, by data set, person, expression or name. Reads only.

As on the wall, every statement is answered from an index, however many faces there are.
"""

from __future__ import annotations

from dataclasses import dataclass

from annotate.faces.models import Dataset, Face

PAGE = 24


@dataclass(frozen=True)
class Wanted:
    """Which faces; what is empty leaves open what it is. They begin behind the face `after`."""

    dataset: Dataset
    split: str = ""
    identity: str = ""
    expression: str = ""
    name: str = ""
    after: int | None = None


@dataclass(frozen=True)
class Page:
    """`after` is where the next page begins; None where there is none."""

    faces: list[Face]
    after: int | None


def page(wanted: Wanted) -> Page:
    """A page of them, as they were imported; those found by their name in its order, one page at most."""
    faces = Face.objects.filter(dataset=wanted.dataset)
    for column in ("split", "identity", "expression"):
        if value := getattr(wanted, column):
            faces = faces.filter(**{column: value})
    if wanted.name:
        prefix = f"{wanted.dataset.name}:"
        faces = faces.filter(key__startswith=prefix + wanted.name.removeprefix(prefix))
        return Page(list(faces.order_by("key")[:PAGE]), None)
    if wanted.after is not None:
        faces = faces.filter(pk__gt=wanted.after)
    found = list(faces.order_by("pk")[: PAGE + 1])
    return Page(found[:PAGE], found[PAGE - 1].pk if len(found) > PAGE else None)
