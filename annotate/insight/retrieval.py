"""Whose expression is nearest to that of a face: by a version's embeddings, or, to compare with, by the plain
pictures. Reads only.

With few filters the nearest come from an index (embedding_index.py), where the version has one; with filters
that leave few faces, or without index, all that is left is measured, which is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, models, transaction
from django.db.models import F, Func, Q, QuerySet, Value
from pgvector.django import L2Distance

from annotate.faces.models import Face
from annotate.insight.embedding_index import INDEX_IS_THERE, name_of
from annotate.insight.models import QueryFace
from annotate.training.models import Embedding, ModelVersion

MOST = 100
# So few are measured one by one in a tenth of a second at most; of more, the index has to pass over few.
FEW = 50_000
# How many candidates the index keeps in view for each answer: with 6 it errs in one of a thousand.
CANDIDATES = 6
LEAST_CANDIDATES = 60
MOST_LOOKED_AT = 20_000
UNLABELLED = "="
"""What stands for 'no label' where a filter asks for one, as on the wall."""


@dataclass(frozen=True)
class Wanted:
    """Which faces may be answers; what is empty leaves open what it is."""

    other_identities: bool = False
    dataset: str = ""
    expression: str = ""
    split: str = ""
    status: str = ""

    @property
    def is_narrow(self) -> bool:
        """Whether it may leave few faces: other people's are most of them."""
        return bool(self.dataset or self.split or self.status)


@dataclass(frozen=True)
class Query:
    """What is looked for. `face`: whose own row is no answer, and whose person may be left out."""

    face: Face | None = None
    phash: int | None = None
    vector: Sequence[float] | None = None


@dataclass(frozen=True)
class Neighbour:
    face: Face
    distance: float


@dataclass(frozen=True)
class Found:
    """The nearest first. `is_exact`: all that was wanted was measured; else an index chose."""

    neighbours: list[Neighbour]
    is_exact: bool


def query_of(face: Face, version: ModelVersion | None) -> Query:
    """A face of a data set as a query; its vector is None where the version has not embedded it."""
    of_version = Embedding.objects.filter(model_version=version, face=face) if version else None
    vector = of_version.values_list("vector", flat=True).first() if of_version is not None else None
    return Query(face, face.phash, vector)


def query_of_picture(face: QueryFace, version: ModelVersion | None) -> Query:
    """A face of a picture that was sent, likewise."""
    made = face.embeddings.filter(model_version=version).first() if version else None
    return Query(None, face.phash, made.vector if made else None)


def some_faces(version: ModelVersion | None, count: int = 12) -> QuerySet[Face]:
    """Some that the version has embedded, to begin with: others each time or, of very many, the first."""
    faces = Face.objects.filter(embeddings__model_version=version) if version else Face.objects.all()
    return faces.order_by("?")[:count] if faces.count() <= FEW else faces.order_by("pk")[:count]


def nearest(version: ModelVersion, query: Query, wanted: Wanted, count: int) -> Found:
    """The faces whose embeddings by the version are nearest, by Euclidean distance; the query's vector is
    there. At most MOST."""
    count = min(count, MOST)
    # Whoever wears another expression lies elsewhere: the index would look there last, and give up before.
    if not wanted.expression and not (wanted.is_narrow and leaves_few(wanted, query)):
        rows = _answers(version, query, wanted).order_by("distance")[:count]
        with transaction.atomic():
            by_index = _let_the_index_go_on(version, max(LEAST_CANDIDATES, CANDIDATES * count))
            found = _as_neighbours(rows) if by_index else []
        if len(found) == count:
            return Found(found, False)
        # There is none, or it looked at as many as it may; the rest lie farther than that.
    return Found(measured(version, query, wanted, count), True)


def measured(version: ModelVersion, query: Query, wanted: Wanted, count: int) -> list[Neighbour]:
    """The same by measuring every face that may be an answer."""
    # The sum orders alike, but is no order that an index could give.
    return _as_neighbours(_answers(version, query, wanted).order_by(F("distance") + 0.0, "face")[:count])


def nearest_pictures(query: Query, wanted: Wanted, count: int) -> Found:
    """The faces whose pictures are most alike, nothing learnt: of the 64 bits of their perceptual hashes, the
    fewest differ. What a version is worth shows beside it."""
    faces = Face.objects.filter(matching(wanted, query), phash__isnull=False)
    bits = Func(
        F("phash"), Value(query.phash), template="bit_count((%(expressions)s)::bit(64))", arg_joiner=" # "
    )
    bits.output_field = models.IntegerField()
    chosen = faces.annotate(distance=bits).order_by("distance", "pk").select_related("dataset")
    return Found([Neighbour(face, face.distance) for face in chosen[: min(count, MOST)]], True)


def matching(wanted: Wanted, query: Query, of: str = "") -> Q:
    """The faces that may be answers. `of` is the way to them from the rows that are filtered."""
    found = Q()
    if wanted.dataset:
        found &= Q(**{f"{of}dataset__name": wanted.dataset})
    for name in ("expression", "split", "status"):
        if value := getattr(wanted, name):
            found &= Q(**{f"{of}{name}": "" if value == UNLABELLED else value})
    if query.face is not None:
        found &= ~Q(**{f"{of}pk": query.face.pk})
        if wanted.other_identities and query.face.identity:
            found &= ~Q(**{f"{of}dataset": query.face.dataset_id, f"{of}identity": query.face.identity})
    return found


def leaves_few(wanted: Wanted, query: Query) -> bool:
    """Whether so few faces may be answers that each is measured."""
    return not Face.objects.filter(matching(wanted, query)).order_by()[FEW : FEW + 1].exists()


def _answers(version: ModelVersion, query: Query, wanted: Wanted) -> QuerySet[Embedding]:
    rows = Embedding.objects.filter(matching(wanted, query, "face__"), model_version=version)
    shown = ("key", "image", "expression", "identity", "split", "status", "dataset__name")
    return (
        rows.annotate(distance=L2Distance("vector", query.vector))
        .select_related("face__dataset")
        .only(*(f"face__{name}" for name in shown))
    )


def _as_neighbours(rows: QuerySet[Embedding]) -> list[Neighbour]:
    return sorted((Neighbour(row.face, row.distance) for row in rows), key=lambda one: one.distance)


def _let_the_index_go_on(version: ModelVersion, candidates: int) -> bool:
    """For the rest of the transaction: until as many as are wanted passed the filters, the nearest first.
    False where the version has no index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('hnsw.iterative_scan', 'strict_order', true), "
            "set_config('hnsw.ef_search', %s, true), set_config('hnsw.max_scan_tuples', %s, true), "
            f"({INDEX_IS_THERE})",
            [str(candidates), str(MOST_LOOKED_AT), name_of(version)],
        )
        return bool(cursor.fetchone()[-1])
