"""Pictures that were sent to be looked at: received, read by a worker, removed. Their tables' one writer.

What was sent lies in the folder of uploads until a worker has read it, and is never shown. Its faces' crops
are kept in storage for a day.
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from annotate.accounts.models import User
from annotate.faces.crops import FoundFace, check_picture
from annotate.faces.import_files import keep_file
from annotate.faces.measures import measure
from annotate.faces.problems import BadRow
from annotate.insight.manipulations import forget_made_of_queries
from annotate.insight.models.queries import KEPT_FOR, QueryEmbedding, QueryFace, QueryPicture
from annotate.training.models import ModelVersion

MOST_BYTES = 32 << 20
# What a form has beside the file.
FORM_BYTES = 64 << 10
# Of one person: under way at once, and within a day.
MOST_UNDER_WAY, MOST_KEPT = 5, 100
# No data set can have this name.
FOLDER = "_queries"
# What has no row is of a process that died; a slow one has long ended by then.
LEFT_BEHIND = timedelta(hours=1)


class QueryRefused(Exception):
    """Nothing was kept; the message says why, to whoever sent it."""


class TooManyQueries(QueryRefused):
    """She has as many as one may have."""


class QueryGone(Exception):
    """It was removed meanwhile."""


@transaction.atomic
def receive(file: File, by: User, at: datetime, *, is_prealigned: bool = False) -> QueryPicture:
    """Take a picture that was sent; the caller enqueues it. Its format and size are looked at undecoded.

    Raises QueryRefused.
    """
    _check_count(by, at)
    if (file.size or 0) > MOST_BYTES:
        raise QueryRefused(too_large())
    picture = QueryPicture(
        created_by=by, enqueued_at=at, expires_at=at + KEPT_FOR, is_prealigned=is_prealigned
    )
    path = sent_file(picture)
    try:
        keep_file(file, path)
        check_picture(path)
        picture.save()
    except BadRow as error:
        path.unlink(missing_ok=True)
        raise QueryRefused(in_words(error)) from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return picture


def too_long(length: int) -> str:
    """Why a request of so many bytes is not even read; empty where it may be."""
    if length > MOST_BYTES + FORM_BYTES:
        return too_large()
    if length > shutil.disk_usage(settings.UPLOADS_DIR).free:
        return "The server has no room for it. Ask whoever runs it to make some."
    return ""


def too_large() -> str:
    return f"The file is larger than {MOST_BYTES >> 20} MB. Send a smaller picture, or a part of it."


def in_words(error: BadRow) -> str:
    """What is wrong with a picture, as a sentence."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _check_count(by: User, at: datetime) -> None:
    # Her row is the lock: two at once would each count the other out.
    User.objects.select_for_update().get(pk=by.pk)
    hers = QueryPicture.objects.of(by, at)
    if hers.unfinished().count() >= MOST_UNDER_WAY:
        raise TooManyQueries(
            f"{MOST_UNDER_WAY} pictures of yours wait to be looked at. Send more when these are done."
        )
    if hers.count() >= MOST_KEPT:
        raise TooManyQueries(
            f"You have sent {MOST_KEPT} pictures within a day. Delete some, or wait until they expire."
        )


def sent_file(picture: QueryPicture) -> Path:
    """Where the file lies until a worker has read it; its name is of those that `sweep_uploads` knows."""
    return Path(settings.UPLOADS_DIR) / f"query-{picture.token}.upload"


def store_faces(picture: QueryPicture, found: Sequence[FoundFace]) -> list[QueryFace]:
    """Keep the crops of its faces. Raises QueryGone where it was removed meanwhile; nothing is kept then."""
    faces = [
        QueryFace(
            picture=picture,
            place=place,
            crop=f"{FOLDER}/{uuid.uuid4().hex}.jpg",
            phash=measure(one.jpeg).phash,
        )
        for place, one in enumerate(found)
    ]
    with transaction.atomic():
        # Rows first: whatever ends this process, each file has a row by which it is removed.
        if not QueryPicture.objects.select_for_update().filter(pk=picture.pk).exists():
            raise QueryGone
        _remove_crops(QueryFace.objects.filter(picture=picture))
        picture.faces.all().delete()
        QueryFace.objects.bulk_create(faces)
    for face, one in zip(faces, found, strict=True):
        default_storage.save(face.crop, ContentFile(one.jpeg))
    if not QueryPicture.objects.filter(pk=picture.pk).exists():
        _remove_crops(faces)
        raise QueryGone
    return faces


def crop_of(face: QueryFace) -> bytes:
    """The JPEG of its aligned crop. Raises FileNotFoundError where it is gone."""
    with default_storage.open(face.crop) as file:
        return file.read()


@transaction.atomic
def ask_to_embed(face: QueryFace, version: ModelVersion, at: datetime) -> tuple[QueryEmbedding, bool]:
    """The embedding of a query face by a version, and whether it was not asked for yet: the caller enqueues
    it then. One that failed is asked for anew."""
    QueryEmbedding.objects.filter(face=face, model_version=version).exclude(error="").delete()
    return QueryEmbedding.objects.get_or_create(
        face=face, model_version=version, defaults={"enqueued_at": at, "created_by": face.picture.created_by}
    )


@transaction.atomic
def store_vectors(
    faces: Sequence[QueryFace], version: ModelVersion, vectors: Iterable[Sequence[float]], at: datetime
) -> None:
    """Enter what a version made of these faces at once, without its being asked for, in their order."""
    for face, vector in zip(faces, vectors, strict=True):
        made = {"vector": vector, "progress": 1.0, "ended_at": at, "error": ""}
        QueryEmbedding.objects.update_or_create(
            face=face, model_version=version, defaults=made, create_defaults={**made, "enqueued_at": at}
        )


def store_vector(asked: QueryEmbedding, vector: Sequence[float]) -> None:
    """Enter what was asked for; its worker ends it."""
    QueryEmbedding.objects.filter(pk=asked.pk).update(vector=vector)


@transaction.atomic
def remove(picture: QueryPicture) -> None:
    """Remove a picture and all that was made of it."""
    QueryPicture.objects.select_for_update().filter(pk=picture.pk).first()
    forget_made_of_queries(picture.faces.all())
    _remove_crops(picture.faces.all())
    sent_file(picture).unlink(missing_ok=True)
    QueryPicture.objects.filter(pk=picture.pk).delete()


def _remove_crops(faces: Iterable[QueryFace]) -> None:
    for face in faces:
        default_storage.delete(face.crop)


def sweep_queries(at: datetime) -> int:
    """Remove what has expired, and files that no row names; returns how many pictures went."""
    expired = list(QueryPicture.objects.expired(at))
    for picture in expired:
        remove(picture)
    unread = {sent_file(picture).name for picture in QueryPicture.objects.unfinished()}
    for path in Path(settings.UPLOADS_DIR).glob("query-*.upload"):
        # One that is just being received has no row yet.
        if path.name not in unread and time.time() - path.stat().st_mtime > LEFT_BEHIND.total_seconds():
            path.unlink(missing_ok=True)
    _sweep_storage(at)
    return len(expired)


def _sweep_storage(at: datetime) -> None:
    try:
        _, names = default_storage.listdir(FOLDER)
    except FileNotFoundError:
        return
    known = set(QueryFace.objects.values_list("crop", flat=True))
    for name in (f"{FOLDER}/{name}" for name in names):
        if name not in known and at - default_storage.get_modified_time(name) > LEFT_BEHIND:
            default_storage.delete(name)
