"""What a worker does with a query picture: finds its faces and embeds them by the active version; or has one
of them embedded by another version. Detector and networks stay in memory."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from annotate.faces.crops import find_faces
from annotate.faces.problems import BadRow
from annotate.insight.models.queries import QueryEmbedding, QueryFace, QueryPicture
from annotate.insight.network import NETWORKS
from annotate.insight.queries import (
    QueryGone,
    crop_of,
    in_words,
    sent_file,
    store_faces,
    store_vector,
    store_vectors,
)
from annotate.training.job_worker import Failed, Stopped, Watch, work_on
from annotate.training.models import ModelVersion
from annotate.training.shared_folders import BadCheckpoint
from annotate.training.versions import active_version


def find(picture_id: int) -> None:
    """Bring a query picture to its end: its faces' crops are there, or why there are none."""
    work_on(QueryPicture, picture_id, _find)


def embed(embedding_id: int) -> None:
    """Bring a query embedding to its end."""
    work_on(QueryEmbedding, embedding_id, _embed)


def _find(picture: QueryPicture, watch: Watch) -> None:
    watch.enter_stage("Looking for faces")
    path = sent_file(picture)
    if not path.exists():
        raise Failed("Its worker was stopped before it had read the picture. Send it again.")
    try:
        found = find_faces(path, is_prealigned=picture.is_prealigned)
    except BadRow as error:
        path.unlink(missing_ok=True)
        raise Failed(in_words(error)) from error
    # Only now: a worker that is stopped before leaves it for the next one.
    path.unlink(missing_ok=True)
    try:
        faces = store_faces(picture, found)
    except QueryGone:
        raise Stopped from None
    watch.enter_stage("Embedding", 0.7)
    version = active_version()
    if version is not None:
        _embed_all(faces, version, [one.jpeg for one in found])


def _embed_all(faces: Sequence[QueryFace], version: ModelVersion, crops: Sequence[bytes]) -> None:
    try:
        vectors = NETWORKS.embed(version, crops)
    except (BadCheckpoint, OSError):
        # The faces are found all the same; asked for by itself, the embedding says why it fails.
        return
    store_vectors(faces, version, vectors.tolist(), timezone.now())


def _embed(asked: QueryEmbedding, watch: Watch) -> None:
    watch.enter_stage("Embedding")
    crop = crop_of(asked.face)
    store_vector(asked, NETWORKS.embed(asked.model_version, [crop])[0].tolist())
