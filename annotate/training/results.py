"""Enters what a run produced: its model version and every face's embedding, in one transaction."""

from __future__ import annotations

import csv
import math
import tempfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from annotate.training.models import EMBEDDING_SIZE, ModelVersion
from annotate.training.runs import Claim, end_succeeded

Embedded = Iterable[tuple[str, Sequence[float]]]
SPOOL_BYTES = 8 << 20


class ClaimLost(Exception):
    """The run is not this worker's any more, or is being cancelled: nothing was entered."""


@transaction.atomic
def enter_model_version(
    claim: Claim, *, folder: str, evaluation: dict[str, Any], embedded: Embedded, at: datetime
) -> ModelVersion:
    """End the run as succeeded and enter its checkpoint (`folder` in the runs folder) and embeddings.

    `embedded` are face keys with their vectors; keys of faces that are gone by now are left out. Called
    again for an entered run it changes nothing and returns its version. Raises ClaimLost, and ValueError
    on a vector of the wrong length or with a number that is not finite.
    """
    entered = ModelVersion.objects.filter(run=claim.run_id).first()
    if entered is not None:
        return entered
    if not end_succeeded(claim, at):
        raise ClaimLost
    version = ModelVersion.objects.create(run_id=claim.run_id, folder=folder, evaluation=evaluation)
    store_embeddings(version, embedded)
    return version


@transaction.atomic
def store_embeddings(version: ModelVersion, embedded: Embedded) -> int:
    """COPY the embeddings in; returns how many are new. What is there already stays."""
    with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES, mode="w+", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for key, vector in embedded:
            if len(vector) != EMBEDDING_SIZE:
                raise ValueError(
                    f"An embedding has {EMBEDDING_SIZE} numbers, that of {key} has {len(vector)}"
                )
            if not all(map(math.isfinite, vector)):
                raise ValueError(f"The embedding of {key} is not finite: the training has diverged")
            writer.writerow([key, "[" + ",".join(f"{number:.9g}" for number in vector) + "]"])
        file.seek(0)
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMPORARY TABLE embedded (key varchar(400) PRIMARY KEY, vector vector) ON COMMIT DROP"
            )
            cursor.copy_expert("COPY embedded FROM STDIN WITH (FORMAT csv)", file)
            cursor.execute(
                "INSERT INTO training_embedding (model_version_id, face_id, vector) "
                "SELECT %s, f.id, e.vector FROM embedded e JOIN faces_face f USING (key) "
                "ON CONFLICT (model_version_id, face_id) DO NOTHING",
                [version.pk],
            )
            stored = cursor.rowcount
            cursor.execute("DROP TABLE embedded")
    return stored
