"""Enters what a run produced: its model version and every face's embedding, in one transaction."""

from __future__ import annotations

import csv
import math
import tempfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from annotate.training.errands import ask_to_measure
from annotate.training.models import EMBEDDING_SIZE, ModelVersion, Run
from annotate.training.runs import Claim, ClaimLost, end_succeeded
from annotate.training.validating import validation_snapshot

Embedded = Iterable[tuple[str, Sequence[float]]]
SPOOL_BYTES = 8 << 20


@transaction.atomic
def enter_model_version(
    claim: Claim, *, folder: str, evaluation: dict[str, Any], embedded: Embedded, at: datetime
) -> ModelVersion:
    """End the run as succeeded and enter its checkpoint (`folder` in the runs folder) and embeddings.

    `embedded` are face keys with their vectors; keys of faces that are gone by now are left out. Called
    again for an entered run it changes nothing and returns its version. Asks for the version to be measured
    on its data set's validation snapshot, which the caller enqueues. Raises ClaimLost, and ValueError on a
    vector of the wrong length or with a number that is not finite.
    """
    entered = ModelVersion.objects.filter(run=claim.run_id).first()
    if entered is not None:
        return entered
    if not end_succeeded(claim, at):
        raise ClaimLost
    run = Run.objects.select_related("snapshot__dataset", "parent").get(pk=claim.run_id)
    version = ModelVersion.objects.create(
        run=run,
        folder=folder,
        evaluation=evaluation,
        # What its parent learnt from somebody who has been erased since, it has learnt too.
        erased_at=run.parent.erased_at if run.parent else None,
    )
    store_embeddings(version, embedded)
    if validation := validation_snapshot(run.snapshot.dataset):
        ask_to_measure(version, validation, None, at)
    return version


@transaction.atomic
def store_embeddings(version: ModelVersion, embedded: Embedded) -> int:
    """COPY the embeddings of faces, by their keys, in; returns how many are new. What is there stays."""
    return _store(version, embedded, "key")


@transaction.atomic
def store_embeddings_of(version: ModelVersion, embedded: Iterable[tuple[int, Sequence[float]]]) -> int:
    """As `store_embeddings`, by the faces' ids: another face of an erased one's key is not taken for it."""
    return _store(version, embedded, "id")


def _store(version: ModelVersion, embedded: Iterable[tuple[Any, Sequence[float]]], column: str) -> int:
    with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES, mode="w+", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for face, vector in embedded:
            if len(vector) != EMBEDDING_SIZE:
                raise ValueError(
                    f"An embedding has {EMBEDDING_SIZE} numbers, that of {face} has {len(vector)}"
                )
            if not all(map(math.isfinite, vector)):
                raise ValueError(f"The embedding of {face} is not finite: the training has diverged")
            writer.writerow([face, "[" + ",".join(f"{number:.9g}" for number in vector) + "]"])
        file.seek(0)
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE TEMPORARY TABLE embedded ({column} {_COLUMNS[column]} PRIMARY KEY, vector vector) "
                "ON COMMIT DROP"
            )
            cursor.copy_expert("COPY embedded FROM STDIN WITH (FORMAT csv)", file)
            # A face that is being erased just now is passed over: waiting for it, and then finding it gone,
            # would undo all the others at the end of the transaction.
            cursor.execute(
                "INSERT INTO training_embedding (model_version_id, face_id, vector) "  # noqa: S608 (a column's name)
                f"SELECT %s, f.id, e.vector FROM embedded e JOIN faces_face f USING ({column}) "
                "FOR KEY SHARE OF f SKIP LOCKED "
                "ON CONFLICT (model_version_id, face_id) DO NOTHING",
                [version.pk],
            )
            stored = cursor.rowcount
            cursor.execute("DROP TABLE embedded")
    return stored


_COLUMNS = {"key": "varchar(400)", "id": "bigint"}
