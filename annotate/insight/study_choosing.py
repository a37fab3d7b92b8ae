"""What a study is made of: which faces are its queries, and what each version finds for them. Reads only."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import QuerySet

from annotate.faces.models import Dataset, Face
from annotate.training.models import Embedding, ModelVersion

MOST_QUERIES = 200


class CannotMakeStudy(ValueError):
    """Why there can be no such study, and what to do; for the admin to read."""


@dataclass(frozen=True)
class Found:
    """A query's face, and the faces that each version found for it, the nearest first."""

    query: Face
    lists: dict[int, list[int]]

    @property
    def are_all_alike(self) -> bool:
        """Whether every version found the same faces, in whatever order."""
        return len({frozenset(faces) for faces in self.lists.values()}) == 1


def check_embedded(dataset: Dataset, versions: Sequence[ModelVersion]) -> None:
    """Raises CannotMakeStudy unless each version has embedded every ready face of the data set."""
    if len(versions) < 2:
        raise CannotMakeStudy("A study compares two versions or more: choose another.")
    faces = dataset.faces.ready().count()
    for version in versions:
        embedded = _embeddings(dataset, version).count()
        if embedded < faces:
            raise CannotMakeStudy(
                f"Version {version.pk} has embedded {embedded:,} of the {faces:,} faces of {dataset}. Embed "
                "the rest on its page first: what a version has not embedded it could not find."
            )


def draw_queries(dataset: Dataset, *, split: str, count: int, seed: int) -> list[Face]:
    """So many faces of a split ("" is either), drawn by the seed: of different people as far as they reach.

    Raises CannotMakeStudy where there are fewer.
    """
    faces = dataset.faces.ready().order_by("pk")
    rows = list((faces.filter(split=split) if split else faces).values_list("pk", "identity"))
    if len(rows) < count:
        where = f"the {split} split of {dataset}" if split else str(dataset)
        raise CannotMakeStudy(f"There are {len(rows):,} faces in {where}, fewer than {count}: ask for fewer.")
    random.Random(seed).shuffle(rows)
    seen: set[str] = set()
    first, more = [], []
    for face, identity in rows:
        (more if identity and identity in seen else first).append(face)
        seen.add(identity)
    chosen = (first + more)[:count]
    by_id = dataset.faces.in_bulk(chosen)
    return [by_id[face] for face in chosen]


def named_queries(dataset: Dataset, names: Sequence[str]) -> list[Face]:
    """The faces of these names (with or without "dataset:" before them), in this order.

    Raises CannotMakeStudy where one is not there, is set aside, or stands in the list twice.
    """
    prefix = f"{dataset.name}:"
    keys = [name if name.startswith(prefix) else prefix + name for name in names]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice:
        raise CannotMakeStudy(f"{twice} stands in the list twice.")
    if len(keys) > MOST_QUERIES:
        raise CannotMakeStudy(f"{len(keys)} queries are too many; name {MOST_QUERIES} at most.")
    by_key = {face.key: face for face in dataset.faces.ready().filter(key__in=keys)}
    missing = [key for key in keys if key not in by_key]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise CannotMakeStudy(f"{dataset} has no face {missing[0]}{more}, or it is set aside.")
    return [by_key[key] for key in keys]


def find(
    queries: Sequence[Face], versions: Sequence[ModelVersion], *, top_n: int, others_only: bool
) -> Iterator[Found]:
    """For each query what each version finds in its data set, itself left out; exactly, without an index.

    With `others_only` no other face of the query's person is found, where it is known who that is.
    Raises CannotMakeStudy where there are fewer than `top_n` faces to be found.
    """
    for query in queries:
        with _exactly():
            lists = {version.pk: _nearest(query, version, top_n, others_only) for version in versions}
        fewest = min(len(faces) for faces in lists.values())
        if fewest < top_n:
            of_others = " of other people" if others_only else ""
            raise CannotMakeStudy(
                f"Only {fewest} faces{of_others} can be found for {query.key}: ask for lists of that length."
            )
        yield Found(query, lists)


def _nearest(query: Face, version: ModelVersion, top_n: int, others_only: bool) -> list[int]:
    own = Embedding.objects.filter(model_version=version, face=query).values_list("vector", flat=True).first()
    if own is None:
        raise CannotMakeStudy(f"Version {version.pk} has no embedding of {query.key}: embed it on its page.")
    others = _embeddings(query.dataset, version).exclude(face=query)
    if others_only and query.identity:
        others = others.exclude(face__identity=query.identity)
    return list(others.nearest(own).values_list("face", flat=True)[:top_n])


def _embeddings(dataset: Dataset, version: ModelVersion) -> QuerySet[Embedding]:
    faces = dataset.faces.ready()
    return Embedding.objects.filter(model_version=version, face__in=faces)


@contextmanager
def _exactly() -> Iterator[None]:
    """An index on vectors answers approximately, and less well where rows are filtered: none is used here."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_indexscan = off")
        yield
