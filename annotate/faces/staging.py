"""Temporary tables in which an import is put together, so that it is checked by the set and kept out of
Python's memory. What is here belongs to both importers; nothing here touches the lasting tables.

import_face    a face that may go in. `face_id` is set where it is there already, `reason` where it is refused
import_label   a row of labels.csv
import_crop    the stored crop of a face that is not there yet, or the reason why there is none
import_reject  what the rejects file will say
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import connection

from annotate.faces.problems import DatasetBusy, ImportFailed

BATCH = 10_000
LOCK_CLASS = 0x5E3B  # any number of our own: the advisory locks of imports
_CREATE = """
    CREATE TEMPORARY TABLE import_face (
        id integer PRIMARY KEY, key text NOT NULL, image text NOT NULL, url text NOT NULL DEFAULT '',
        box float8[], split text NOT NULL, face_id bigint, reason text
    );
    CREATE TEMPORARY TABLE import_label (
        row integer NOT NULL, image text, identity text, expression text, split text, known float8[],
        reason text
    );
    CREATE TEMPORARY TABLE import_crop (
        id integer PRIMARY KEY, crop text, sha256 text, reason text, phash bigint, dhash bigint,
        sharpness float8, brightness float8, contrast float8, detection float8, source_side float8
    );
    CREATE TEMPORARY TABLE import_reject (file text NOT NULL, row integer, reason text NOT NULL);
"""
_DROP = "DROP TABLE IF EXISTS import_face, import_label, import_crop, import_reject"


@contextmanager
def staging(dataset: str) -> Iterator[None]:
    """The empty tables, for the one import into this data set at a time.

    Raises DatasetBusy while another one runs.
    """
    with alone_with(dataset):
        run(_DROP)
        run(_CREATE)
        yield
        run(_DROP)


@contextmanager
def alone_with(dataset: str) -> Iterator[None]:
    """In which nobody else imports into this data set or erases from it. Raises DatasetBusy if one does."""
    # Two at once would overwrite and remove each other's crops, which are named after the faces.
    # The lock lasts as long as the connection: a killed import leaves none behind.
    if not scalar("SELECT pg_try_advisory_lock(%s, hashtext(%s))", LOCK_CLASS, dataset):
        raise DatasetBusy(
            f"Another import into data set {dataset}, or an erasure from it, is running. "
            "Wait until it has ended."
        )
    try:
        yield
    finally:
        scalar("SELECT pg_advisory_unlock(%s, hashtext(%s))", LOCK_CLASS, dataset)


def run(sql: str, *parameters: object) -> int:
    """Execute a statement; returns the number of rows that it touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return cursor.rowcount


def scalar(sql: str, *parameters: object) -> Any:
    """The first column of the first row."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return cursor.fetchone()[0]


def pages(sql: str, *parameters: object) -> Iterator[tuple]:
    """The rows of a query that takes `id > %s` last, orders by id and has its own LIMIT; id comes first.

    Page by page, as a cursor of the server's would need a transaction around all that is done between.
    """
    last = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(sql, (*parameters, last))
            rows = cursor.fetchall()
        if not rows:
            return
        yield from rows
        last = rows[-1][0]


def copy_in(into: str, rows: Iterable[Sequence[object]]) -> None:
    """COPY rows into `table (columns)`, in batches; None is NULL, and so is an empty string.

    Lists must come as array_text().
    """
    rows = iter(rows)
    while True:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(islice(rows, BATCH))
        if not text.tell():
            return
        text.seek(0)
        with connection.cursor() as cursor:
            cursor.copy_expert(f"COPY {into} FROM STDIN WITH (FORMAT csv)", text, 1 << 16)


def array_text(values: Iterable[object]) -> str:
    """PostgreSQL's notation of an array."""
    texts = list(map(str, values))
    if "".join(texts).isalnum() and "" not in texts and "null" not in map(str.lower, texts):
        return "{" + ",".join(texts) + "}"
    if any('"' in text or "\\" in text for text in texts):
        texts = [text.replace("\\", "\\\\").replace('"', '\\"') for text in texts]
    return '{"' + '","'.join(texts) + '"}'


def reject(rows: Iterable[tuple[str, int | None, str]]) -> None:
    """Note refused rows: file, row number (None where there is none), reason."""
    copy_in("import_reject (file, row, reason)", rows)


def write_rejects(path: Path) -> int:
    """Write the rejects file, ordered by file and row; returns how many there are.

    Raises ImportFailed where it can not be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out, connection.cursor() as cursor:
            cursor.copy_expert(
                "COPY (SELECT file, row, reason FROM import_reject ORDER BY file, row, reason) "
                "TO STDOUT WITH (FORMAT csv, HEADER)",
                out,
            )
            return cursor.rowcount
    except OSError as error:
        raise ImportFailed(f"{path} can not be written: {error.strerror}. Nothing was imported.") from error
