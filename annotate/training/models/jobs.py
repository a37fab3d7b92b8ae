"""What tables of work for the cpu queue have in common: asked for, claimed by one worker, ended."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotate.training.models.runs import LOST_AFTER
from annotate.training.models.snapshots import ENQUEUE_AGAIN_AFTER


class JobQuerySet(models.QuerySet):
    def unfinished(self) -> Self:
        return self.filter(ended_at=None)

    def done(self) -> Self:
        """Those that came to a good end."""
        return self.filter(ended_at__isnull=False, error="")

    def overdue(self, at: datetime) -> Self:
        """Whose worker is lost, or whose message may be."""
        lost = Q(heartbeat_at__lt=at - LOST_AFTER)
        waits = Q(heartbeat_at=None, enqueued_at__lt=at - ENQUEUE_AGAIN_AFTER)
        return self.unfinished().filter(lost | waits)


class Job(models.Model):
    """One piece of work that takes a while. Its states are written by jobs.py alone."""

    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    enqueued_at = models.DateTimeField(help_text="When it was last put on the queue")
    heartbeat_at = models.DateTimeField(null=True, help_text="When its worker last said that it lives")
    worker = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often a worker began it")
    stage = models.CharField(max_length=40, blank=True, help_text="What is being done, in words")
    progress = models.FloatField(default=0.0, help_text="0 .. 1")
    ended_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, help_text="Why it failed, for the admin to read")

    objects = JobQuerySet.as_manager()

    class Meta:
        abstract = True

    @property
    def is_done(self) -> bool:
        return self.ended_at is not None and not self.error
