"""Tables of pictures sent to be looked at, not to be kept: each is its sender's alone, for a day."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.db import models
from pgvector.django import VectorField

from annotate.accounts.models import User
from annotate.training.models import EMBEDDING_SIZE, ModelVersion
from annotate.training.models.jobs import Job, JobQuerySet

KEPT_FOR = timedelta(hours=24)


class QueryPictureQuerySet(JobQuerySet):
    def of(self, user: User, at: datetime) -> Self:
        """What this user sent and what has not expired: all that anybody may see of it."""
        return self.filter(created_by=user, expires_at__gt=at)

    def expired(self, at: datetime) -> Self:
        return self.filter(expires_at__lte=at)


class QueryPicture(Job):
    """A picture that was sent, and the work of finding its faces. The file itself goes once it is read."""

    token = models.UUIDField(default=uuid.uuid4, unique=True, help_text="Names it in addresses")
    is_prealigned = models.BooleanField(default=False, help_text="The picture is an aligned crop already")
    expires_at = models.DateTimeField(db_index=True)

    objects = QueryPictureQuerySet.as_manager()

    def __str__(self) -> str:
        return f"query picture {self.pk}"

    @property
    def state(self) -> str:
        """In one word: waiting, working, failed or done."""
        if self.ended_at is not None:
            return "failed" if self.error else "done"
        return "working" if self.worker else "waiting"


class QueryFace(models.Model):
    """A face found in it: the aligned crop in storage (queries.py reads it), and nothing else."""

    picture = models.ForeignKey(QueryPicture, on_delete=models.CASCADE, related_name="faces")
    place = models.PositiveSmallIntegerField(help_text="From left to right, the first is 0")
    crop = models.CharField(max_length=300, unique=True, help_text="The aligned crop's name in storage")
    phash = models.BigIntegerField(help_text="As of faces (annotate/faces/measures.py)")

    class Meta:
        ordering: ClassVar = ["place"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["picture", "place"], name="query_face_place_once"),
        ]

    def __str__(self) -> str:
        return f"face {self.place} of {self.picture}"


class QueryEmbedding(Job):
    """A query face's 16-d E_exp by a version, and the work of making it; `vector` is null until then."""

    face = models.ForeignKey(QueryFace, on_delete=models.CASCADE, related_name="embeddings")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    vector = VectorField(dimensions=EMBEDDING_SIZE, null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["face", "model_version"], name="query_embedding_once"),
        ]

    def __str__(self) -> str:
        return f"{self.face} by {self.model_version}"
