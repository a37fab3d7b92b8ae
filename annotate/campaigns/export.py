"""Writes triplets and answers as CSV by PostgreSQL's COPY: one pass, bounded memory, stable order.

The columns are those of docs/snapshot.md. Weights are worked out first and handed to the query as JSON:
there are few annotators and many triplets.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO

from django.db import connection, transaction

from annotate.campaigns import export_sql
from annotate.campaigns.confidence import rank
from annotate.campaigns.confident import Sure, sure_triplets
from annotate.campaigns.export_choice import Choice
from annotate.campaigns.models import Campaign
from annotate.campaigns.weights import annotator_tallies, rater_tallies
from annotate.faces.models import Dataset
from annotate.tournament.agreement import weights

ALL = Choice()


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
    choice: Choice = ALL,
    numbered: bool = False,
    with_confidence: bool = False,
) -> int:
    """Write triplets.csv to `out` and return its rows; `numbered` puts the column `triplet` first,
    `with_confidence` puts last what all answers together say of the triplet's pair.

    A choice that names a confidence is never numbered and always carries it.
    """
    with_confidence |= choice.min_confidence is not None
    columns = (
        *(("triplet",) if numbered else ()),
        *export_sql.COLUMNS,
        *(("confidence",) if with_confidence else ()),
    )
    out.write((",".join(columns) + "\n").encode())
    written = 0
    with consistent_read():
        if "imported" in choice.sources:
            query = export_sql.imported(numbered, with_confidence)
            written += copy(out, query, _of_dataset(dataset, choice))
        if campaign is None or not choice.has_derived:
            return written
        weight = weights(annotator_tallies(campaign))
        if choice.min_confidence is not None:
            return written + _write_sure(out, campaign, weight, choice)
        if with_confidence:
            _fill_confidences(campaign, weight)
        parameters = _of_campaign(campaign, weight, choice) | {"before": written}
        return written + copy(out, export_sql.derived(numbered, with_confidence), parameters)


def _write_sure(out: BinaryIO, campaign: Campaign, weight: Mapping[int, float], choice: Choice) -> int:
    written = 0
    for of_group in sure_triplets(campaign, weight, choice):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(map(_sure_row, of_group))
        out.write(text.getvalue().encode())
        written += len(of_group)
    return written


def _sure_row(sure: Sure) -> list[object]:
    return [
        *(face.key for face in sure.faces), *(face.image for face in sure.faces), sure.kind, sure.source,
        sure.group, "", "", "", ";".join(f"user:{annotator}" for annotator in sure.annotators), sure.weight,
        "", *sure.votes, f"{sure.confidence:.4f}",
    ]  # fmt: skip


def _fill_confidences(campaign: Campaign, weight: Mapping[int, float]) -> None:
    """Lay the confidence of each pair of slots out for the query, a batch at a time."""
    with connection.cursor() as cursor:
        cursor.execute(export_sql.CONFIDENCES)
        for ranked in rank(campaign, weight):
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
        written = copy(out, export_sql.imported_answers(), _of_dataset(dataset, ALL))
        if campaign is not None:
            before = dataset.imported_triplets.filter(odd__isnull=False).count()
            parameters = _of_campaign(campaign, weights(annotator_tallies(campaign)), ALL)
            written += copy(out, export_sql.derived_answers(), parameters | {"before": before})
    return written


def _of_dataset(dataset: Dataset, choice: Choice) -> dict[str, object]:
    weight = _as_json(weights(rater_tallies(dataset)))
    return {"dataset": dataset.pk, "prefix": f"{dataset.name}:", "weights": weight} | choice.parameters()


def _of_campaign(campaign: Campaign, weight: Mapping[int, float], choice: Choice) -> dict[str, object]:
    return {"campaign": campaign.pk, "prefix": "user:", "weights": _as_json(weight)} | choice.parameters()


def _as_json(weight: Mapping[str, float] | Mapping[int, float]) -> str:
    return json.dumps({str(annotator): round(one, 6) for annotator, one in weight.items()})


def copy(out: BinaryIO, query: str, parameters: Mapping[str, object], options: str = "FORMAT csv") -> int:
    """Write the query's rows to `out` as PostgreSQL's COPY does; returns how many."""
    with connection.cursor() as cursor:
        sql = cursor.mogrify(f"COPY ({query}) TO STDOUT WITH ({options})", parameters).decode()
        cursor.copy_expert(sql, out)
        return cursor.rowcount
