"""Which model version is the active one, and how that changes. The one writer of promotions."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from annotate.accounts.models import User
from annotate.training.models import ModelVersion, Promotion

# Any number of our own: promotions follow one another.
LOCK_CLASS = 0x5E3D


class CannotPromote(Exception):
    """The active version stays; the message says why."""


def active_version() -> ModelVersion | None:
    """The version that the newest promotion names; None before the first."""
    newest = Promotion.objects.select_related("model_version__run__snapshot").order_by("pk").last()
    return newest.model_version if newest else None


@transaction.atomic
def promote(version: ModelVersion, by: User | None, reason: str, at: datetime) -> Promotion:
    """Make a version the active one. Raises CannotPromote where it is that already."""
    _one_at_a_time()
    if active_version() == version:
        raise CannotPromote(f"{version} is the active one already".capitalize())
    return Promotion.objects.create(model_version=version, by=by, reason=reason, at=at)


@transaction.atomic
def roll_back(by: User, at: datetime) -> Promotion:
    """Make the version active again that was it before the active one. Raises CannotPromote without one."""
    _one_at_a_time()
    active = active_version()
    before = Promotion.objects.exclude(model_version=active).order_by("pk").last()
    if active is None or before is None:
        raise CannotPromote("There is no version before it to go back to")
    reason = f"rolled back from {active}"
    return Promotion.objects.create(model_version=before.model_version, by=by, reason=reason, at=at)


def _one_at_a_time() -> None:
    # A transaction's own lock: two promotions at once would each take the other's version for inactive.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [LOCK_CLASS])
