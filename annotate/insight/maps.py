"""Expression maps: asked for, their points entered, removed. Their states as jobs are training's jobs.py."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, QuerySet

from annotate.accounts.models import User
from annotate.faces.models import Dataset
from annotate.insight.models import ExpressionMap, MapPoint
from annotate.training.models import ModelVersion

SPOOL_BYTES = 8 << 20


@transaction.atomic
def ask_for_map(
    version: ModelVersion,
    datasets: Collection[Dataset],
    by: User,
    at: datetime,
    **settings: float | int | str,
) -> ExpressionMap:
    """Have these faces laid out; the caller enqueues it. `settings`: method, perplexity, neighbours, seed.

    The same that is under way already is not begun twice.
    """
    wanted = {dataset.pk for dataset in datasets}
    for asked in ExpressionMap.objects.unfinished().filter(model_version=version, **settings):
        if set(asked.datasets.values_list("pk", flat=True)) == wanted:
            return asked
    asked = ExpressionMap.objects.create(model_version=version, created_by=by, enqueued_at=at, **settings)
    asked.datasets.set(wanted)
    return asked


@transaction.atomic
def enter_points(
    asked: ExpressionMap, places: Iterable[tuple[int, float, float]], figures: dict[str, Any], notes: str
) -> int:
    """COPY the places of faces, by their ids, in, with what was said of the map; returns how many there are.

    What an earlier try entered makes way. Faces that are gone, or are being erased just now, have none.
    """
    MapPoint.objects.filter(map=asked).delete()
    with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES, mode="w+", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(places)
        file.seek(0)
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMPORARY TABLE placed (face bigint PRIMARY KEY, x double precision, "
                "y double precision) ON COMMIT DROP"
            )
            cursor.copy_expert("COPY placed FROM STDIN WITH (FORMAT csv)", file)
            cursor.execute(
                "INSERT INTO insight_mappoint (map_id, face_id, x, y) "
                "SELECT %s, f.id, p.x, p.y FROM placed p JOIN faces_face f ON f.id = p.face ORDER BY f.id "
                "FOR KEY SHARE OF f SKIP LOCKED",
                [asked.pk],
            )
            entered = cursor.rowcount
            cursor.execute("DROP TABLE placed")
    ExpressionMap.objects.filter(pk=asked.pk).update(figures=figures, notes=notes)
    return entered


def remove_map(map_id: int) -> None:
    """Remove it, whatever its state: a worker that is at it notices. Selections made on it stay."""
    ExpressionMap.objects.filter(pk=map_id).delete()


def class_counts(asked: ExpressionMap) -> QuerySet:
    """Rows of `expression` and `count` of the map's faces, the largest class first."""
    points = MapPoint.objects.filter(map=asked).order_by()
    return (
        points.values("face__expression").annotate(count=Count("pk")).order_by("-count", "face__expression")
    )


def newest_maps() -> QuerySet[ExpressionMap]:
    """All of them with what a list says of them, the newest first."""
    return (
        ExpressionMap.objects.select_related("model_version", "created_by")
        .prefetch_related("datasets")
        .order_by("-pk")
    )
