"""The index by which the nearest of many embeddings are found: made, and dropped, at run time.

Versions share a table, and their embeddings say nothing of each other: so an index is of one version. Only
the active one has it, and only where reading all of its embeddings takes longer than one notices. Any other
version is searched exactly; its embeddings are written without an index that would slow this down.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from annotate.training.models import Embedding, ModelVersion
from annotate.training.versions import active_version

# Fewer are read through in a few milliseconds.
WORTH_IT = 20_000
PREFIX = "embedding_of_version_"
LOCK_CLASS = 0x5E3F  # any number of our own

INDEX_IS_THERE = (
    "SELECT EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
    "WHERE i.indrelid = 'training_embedding'::regclass AND c.relname = %s AND i.indisvalid)"
)
"""A query of one parameter, the index's name."""

logger = logging.getLogger(__name__)


def tend_index() -> None:
    """Have there be the indexes that should be, and no others. Must not be called in a transaction: indexes
    are made and dropped beside those who read and write."""
    with _alone() as is_mine:
        if not is_mine:
            return
        active = active_version()
        wanted = {name_of(active)} if active is not None and _is_worth_it(active) else set()
        known = dict(_known())
        with connection.cursor() as cursor:
            for name in known:
                # One that is not valid is of a process that was stopped while it made it.
                if name not in wanted or not known[name]:
                    cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            if active is not None and wanted - {name for name, is_valid in known.items() if is_valid}:
                _make(active)


def has_index(version: ModelVersion) -> bool:
    """Whether the version's nearest embeddings come from an index."""
    with connection.cursor() as cursor:
        cursor.execute(INDEX_IS_THERE, [name_of(version)])
        return bool(cursor.fetchone()[0])


def name_of(version: ModelVersion) -> str:
    return f"{PREFIX}{version.pk}"


def _make(version: ModelVersion) -> None:
    with connection.cursor() as cursor:
        # Workers of their own would share memory that a container may not have.
        cursor.execute("SET max_parallel_maintenance_workers = 0; SET maintenance_work_mem = '256MB'")
        try:
            cursor.execute(
                f"CREATE INDEX CONCURRENTLY {name_of(version)} ON training_embedding "
                f"USING hnsw (vector vector_l2_ops) WHERE model_version_id = {version.pk:d}"
            )
            # Else, until the database does so by itself, it may not know that the index is worth its while.
            cursor.execute("ANALYZE training_embedding")
        finally:
            cursor.execute("RESET max_parallel_maintenance_workers; RESET maintenance_work_mem")
    logger.info("The embeddings of %s have an index now", version)


def _is_worth_it(version: ModelVersion) -> bool:
    return Embedding.objects.filter(model_version=version)[WORTH_IT - 1 : WORTH_IT].exists()


def _known() -> list[tuple[str, bool]]:
    """The indexes of versions that there are, and whether each is whole."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            "WHERE i.indrelid = 'training_embedding'::regclass AND starts_with(c.relname, %s)",
            [PREFIX],
        )
        return cursor.fetchall()


@contextmanager
def _alone() -> Iterator[bool]:
    # Held by the connection: a killed worker leaves none behind.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, 0)", [LOCK_CLASS])
        [is_mine] = cursor.fetchone()
    try:
        yield is_mine
    finally:
        if is_mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, 0)", [LOCK_CLASS])
