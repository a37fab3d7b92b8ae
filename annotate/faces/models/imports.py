"""The table of imports that were asked for in the browser."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotate.faces.models.faces import Split

# A worker says every few seconds that it lives; after this long without a word it is lost.
LOST_AFTER = timedelta(seconds=60)
# A message that was not answered for so long may have died with the broker; a second one does no harm.
ENQUEUE_AGAIN_AFTER = timedelta(minutes=10)


class ImportKind(models.TextChoices):
    FACES = "faces", "photographs"
    TRIPLETS = "triplets", "triplets in the layout of FEC"


class ImportState(models.TextChoices):
    QUEUED = "queued", "queued"
    RUNNING = "running", "running"
    CANCELLING = "cancelling", "cancelling"
    CANCELLED = "cancelled", "cancelled"
    FAILED = "failed", "failed"
    SUCCEEDED = "succeeded", "succeeded"


ENDED = [ImportState.CANCELLED, ImportState.FAILED, ImportState.SUCCEEDED]


class ImportQuerySet(models.QuerySet["Import"]):
    def unfinished(self) -> ImportQuerySet:
        return self.exclude(state__in=ENDED)

    def ended_since(self, at: datetime) -> ImportQuerySet:
        return self.filter(state__in=ENDED, ended_at__gte=at)

    def held(self) -> ImportQuerySet:
        """Those that a worker has."""
        return self.filter(state__in=[ImportState.RUNNING, ImportState.CANCELLING])

    def lost(self, at: datetime) -> ImportQuerySet:
        """Those whose worker is silent for too long."""
        return self.held().filter(heartbeat_at__lt=at - LOST_AFTER)

    def overdue(self, at: datetime) -> ImportQuerySet:
        """Queued ones that were handed back, or whose message may be lost."""
        waits = Q(heartbeat_at__isnull=True) | Q(heartbeat_at__lt=at - ENQUEUE_AGAIN_AFTER)
        return self.filter(waits, state=ImportState.QUEUED)


class Import(models.Model):
    """Pictures that were sent, or lie in a folder of the server, on their way into a data set.

    What was sent lies in a folder of its own (imports.py) until the import has ended, however it does.
    """

    dataset = models.CharField(max_length=100, help_text="Its name: it may not be there yet")
    kind = models.CharField(max_length=8, choices=ImportKind.choices)
    split = models.CharField(max_length=5, choices=Split.choices)
    is_prealigned = models.BooleanField(default=False, help_text="The pictures are aligned crops already")
    source = models.CharField(max_length=500, help_text="The archive's name, or the server's folder")
    is_upload = models.BooleanField()
    labels = models.CharField(max_length=500, blank=True, help_text="The name of labels.csv, where given")
    triplets = models.CharField(max_length=500, blank=True, help_text="The name of the FEC file")

    state = models.CharField(max_length=10, choices=ImportState.choices, default=ImportState.QUEUED)
    stage = models.CharField(max_length=20, blank=True)
    stage_at = models.DateTimeField(null=True, help_text="When this stage began")
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    outcome = models.JSONField(default=dict, help_text="What came of it, in numbers")
    rejected = models.PositiveIntegerField(default=0, help_text="Lines of its rejects file")
    error = models.TextField(blank=True, help_text="Why it failed, for the curator to read")

    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(
        null=True,
        help_text="When its worker last said that it lives; of a queued one, when it was put on the queue",
    )
    worker = models.CharField(max_length=200, blank=True, help_text="host:process of who imports it")
    losses = models.PositiveSmallIntegerField(default=0, help_text="How many workers were lost with it")

    objects = ImportQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=ImportState.values), name="import_state_known"),
            models.CheckConstraint(condition=Q(kind__in=ImportKind.values), name="import_kind_known"),
        ]
        indexes: ClassVar = [models.Index(fields=["state", "heartbeat_at"], name="import_by_state")]

    def __str__(self) -> str:
        return f"import {self.pk}"

    @property
    def is_unfinished(self) -> bool:
        return self.state not in ENDED
