"""Writes triplets and answers as CSV by PostgreSQL's COPY: one pass, bounded memory, stable order.

The columns are those of docs/snapshot.md. Weights are worked out first and handed to the query as JSON:
there are few annotators and many triplets.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from django.db import connection, transaction

from annotate.campaigns import export_sql
from annotate.campaigns.models import Campaign
from annotate.campaigns.weights import annotator_tallies, rater_tallies
from annotate.faces.models import Dataset
from annotate.tournament.agreement import Tally, weights

SOURCES = ("imported", "direct", "inferred")


@contextmanager
def consistent_read() -> Iterator[None]:
    """One state of the database for several queries, while votes go on coming in."""
    if connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        # A campaign that was answered in the last minute has no statistics yet, and without them
        # PostgreSQL may join half a million rows by nested loops. This reads a sample: well under a second.
        cursor.execute(f"ANALYZE (SKIP_LOCKED) {export_sql.TABLES}")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def copy_triplets(
    out: BinaryIO,
    *,
    dataset: Dataset,
    campaign: Campaign | None,
    sources: Sequence[str] = SOURCES,
    numbered: bool = False,
) -> int:
    """Write triplets.csv to `out` and return its rows; `numbered` puts the column `triplet` first.

    Raises ValueError on an unknown source.
    """
    unknown = set(sources) - set(SOURCES)
    if unknown:
        raise ValueError(f"Unknown source {sorted(unknown)[0]}; the sources are {', '.join(SOURCES)}")
    columns = export_sql.COLUMNS if not numbered else ("triplet", *export_sql.COLUMNS)
    out.write((",".join(columns) + "\n").encode())
    written = 0
    with consistent_read():
        if "imported" in sources:
            written += _copy(out, export_sql.imported(numbered), _of_dataset(dataset))
        if campaign is not None and {"direct", "inferred"} & set(sources):
            parameters = _of_campaign(campaign) | {"sources": list(sources), "before": written}
            written += _copy(out, export_sql.derived(numbered), parameters)
    return written


def copy_answers(out: BinaryIO, *, dataset: Dataset, campaign: Campaign | None) -> int:
    """Write answers.csv to `out`, numbered as copy_triplets numbers all sources; returns its rows."""
    out.write(b"triplet,annotator,answer,weight\n")
    with consistent_read():
        written = _copy(out, export_sql.imported_answers(), _of_dataset(dataset))
        if campaign is not None:
            before = dataset.imported_triplets.filter(odd__isnull=False).count()
            parameters = _of_campaign(campaign) | {"sources": list(SOURCES), "before": before}
            written += _copy(out, export_sql.derived_answers(), parameters)
    return written


def _of_dataset(dataset: Dataset) -> dict[str, object]:
    return {
        "dataset": dataset.pk,
        "prefix": f"{dataset.name}:",
        "weights": _as_json(rater_tallies(dataset)),
    }


def _of_campaign(campaign: Campaign) -> dict[str, object]:
    return {"campaign": campaign.pk, "prefix": "user:", "weights": _as_json(annotator_tallies(campaign))}


def _as_json(tallies: Mapping[str, Tally] | Mapping[int, Tally]) -> str:
    return json.dumps({str(annotator): round(weight, 6) for annotator, weight in weights(tallies).items()})


def _copy(out: BinaryIO, query: str, parameters: Mapping[str, object]) -> int:
    with connection.cursor() as cursor:
        sql = cursor.mogrify(f"COPY ({query}) TO STDOUT WITH (FORMAT csv)", parameters).decode()
        cursor.copy_expert(sql, out)
        return cursor.rowcount
