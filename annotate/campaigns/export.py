"""Writes triplets and answers as CSV by PostgreSQL's COPY: one pass, bounded memory, stable order.

The columns are those of docs/snapshot.md. Weights are worked out first and handed to the query as JSON:
there are few annotators and many triplets.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from django.db import connection, transaction

from annotate.campaigns import export_sql
from annotate.campaigns.confidence import rank
from annotate.campaigns.confident import HEADER, write_confident
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
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def copy_triplets(
    out: BinaryIO,
    *,
    dataset: Dataset,
    campaign: Campaign | None,
    sources: Sequence[str] = SOURCES,
    numbered: bool = False,
    with_confidence: bool = False,
) -> int:
    """Write triplets.csv to `out` and return its rows; `numbered` puts the column `triplet` first,
    `with_confidence` puts last what all answers together say of the triplet's pair.

    Raises ValueError on an unknown source.
    """
    unknown = set(sources) - set(SOURCES)
    if unknown:
        raise ValueError(f"Unknown source {sorted(unknown)[0]}; the sources are {', '.join(SOURCES)}")
    columns = (
        *(("triplet",) if numbered else ()),
        *export_sql.COLUMNS,
        *(("confidence",) if with_confidence else ()),
    )
    out.write((",".join(columns) + "\n").encode())
    written = 0
    with consistent_read():
        if "imported" in sources:
            written += _copy(out, export_sql.imported(numbered, with_confidence), _of_dataset(dataset))
        if campaign is not None and {"direct", "inferred"} & set(sources):
            parameters = _of_campaign(campaign) | {"sources": list(sources), "before": written}
            if with_confidence:
                _fill_confidences(campaign)
            written += _copy(out, export_sql.derived(numbered, with_confidence), parameters)
    return written


def copy_confident_triplets(out: BinaryIO, *, campaign: Campaign, min_confidence: float) -> int:
    """Write the triplets known with at least `min_confidence` across repetitions; returns their number.

    Raises ValueError for a confidence that is not above one half, or above 1.
    """
    if not 0.5 < min_confidence <= 1:
        raise ValueError(f"A confidence to ask for lies above 0.5 and is at most 1, not {min_confidence}")
    out.write(HEADER.encode())
    with consistent_read():
        return write_confident(out, campaign, weights(annotator_tallies(campaign)), min_confidence)


def _fill_confidences(campaign: Campaign) -> None:
    """Lay the confidence of each pair of slots out for the query, a batch at a time."""
    with connection.cursor() as cursor:
        cursor.execute(export_sql.CONFIDENCES)
        for ranked in rank(campaign, weights(annotator_tallies(campaign))):
            sure = ranked.posterior.confidence
            lines = (
                f"{ranked.group}\t{winner}\t{loser}\t{sure[winner, loser]:.4f}\n"
                for winner in range(campaign.k)
                for loser in range(campaign.k)
                if winner != loser
            )
            cursor.copy_expert("COPY confidence FROM STDIN", io.StringIO("".join(lines)))
        cursor.execute("ANALYZE confidence")


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
