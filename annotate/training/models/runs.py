"""The table of runs: one row a training job, claimed by one worker at a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotate.accounts.models import User
from annotate.training.models.snapshots import ENQUEUE_AGAIN_AFTER, Freeze, Snapshot


class RunKind(models.TextChoices):
    """What a run trains: an embedding, which gives a model version, or a manipulator."""

    EMBEDDING = "embedding", "embedding"
    MANIPULATION = "manipulation", "face manipulation"


class RunState(models.TextChoices):
    QUEUED = "queued", "queued"
    RUNNING = "running", "running"
    CANCELLING = "cancelling", "cancelling"
    CANCELLED = "cancelled", "cancelled"
    FAILED = "failed", "failed"
    SUCCEEDED = "succeeded", "succeeded"


ENDED = [RunState.CANCELLED, RunState.FAILED, RunState.SUCCEEDED]
# A worker says every few seconds that it lives; after this long without a word it is lost.
LOST_AFTER = timedelta(seconds=60)


class RunQuerySet(models.QuerySet["Run"]):
    def unfinished(self) -> RunQuerySet:
        return self.exclude(state__in=ENDED)

    def held(self) -> RunQuerySet:
        """Those that a worker has."""
        return self.filter(state__in=[RunState.RUNNING, RunState.CANCELLING])

    def lost(self, at: datetime) -> RunQuerySet:
        """Those whose worker is silent for too long."""
        return self.held().filter(heartbeat_at__lt=at - LOST_AFTER)

    def overdue(self, at: datetime) -> RunQuerySet:
        """Queued ones that were handed back, or whose message may be lost."""
        waits = Q(heartbeat_at__isnull=True) | Q(heartbeat_at__lt=at - ENQUEUE_AGAIN_AFTER)
        return self.filter(waits, state=RunState.QUEUED, snapshot__isnull=False)

    def unseen_by(self, user: User) -> RunQuerySet:
        """Those that this user launched and has not seen the end of."""
        return self.filter(created_by=user, state__in=ENDED, seen_at=None)


class Run(models.Model):
    """One training job on one snapshot. `config` is what its command of the network is given.

    A queued one may wait for its snapshot to be frozen; what it begins with is its `parent`, if it has one.
    """

    kind = models.CharField(max_length=12, choices=RunKind.choices, default=RunKind.EMBEDDING)
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, null=True, related_name="runs")
    freeze = models.ForeignKey(
        Freeze,
        on_delete=models.SET_NULL,
        null=True,
        related_name="runs",
        help_text="What its snapshot will come of",
    )
    parent = models.ForeignKey(
        "ModelVersion",
        on_delete=models.PROTECT,
        null=True,
        related_name="children",
        help_text="The version that it fine-tunes, or whose embedding guides a manipulator",
    )
    fine_tuning = models.ForeignKey(
        "FineTuning",
        on_delete=models.SET_NULL,
        null=True,
        related_name="runs",
        help_text="What launched it by itself",
    )
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.QUEUED)
    config = models.JSONField(default=dict)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(
        null=True,
        help_text="When its worker last said that it lives; of a queued run, when it was put on the queue",
    )
    worker = models.CharField(max_length=200, blank=True, help_text="host:process of who trains it")
    losses = models.PositiveSmallIntegerField(default=0, help_text="How many workers were lost with it")
    stage = models.CharField(max_length=40, blank=True)
    progress = models.FloatField(default=0.0, help_text="0 .. 1 of the present stage")
    events = models.JSONField(default=list, help_text="The points of its curves, thinned")
    environment = models.JSONField(
        default=dict, help_text="What it was trained with: code, Python, libraries, device"
    )
    error = models.TextField(blank=True, help_text="Why it failed, for the admin to read")
    seen_at = models.DateTimeField(null=True, help_text="When whoever launched it saw how it ended")

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=RunState.values), name="run_state_known"),
            models.CheckConstraint(condition=Q(kind__in=RunKind.values), name="run_kind_known"),
            models.CheckConstraint(
                condition=Q(kind=RunKind.EMBEDDING) | Q(parent__isnull=False),
                name="run_manipulation_has_an_embedding",
            ),
            models.CheckConstraint(
                condition=Q(snapshot__isnull=False)
                | Q(state__in=[RunState.QUEUED, RunState.CANCELLED, RunState.FAILED]),
                name="run_trains_on_a_snapshot",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["state", "heartbeat_at"])]

    def __str__(self) -> str:
        return f"run {self.pk}"

    @property
    def is_unfinished(self) -> bool:
        return self.state not in ENDED
