"""Which model version is the active one, and how that changes. The one writer of promotions."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from annotate.accounts.models import User
from annotate.training.models import ModelVersion, Promotion

# Any number of our own: promotions follow one another.
LOCK_CLASS = 0x5E3E


ROLLED_BACK = "rolled back from "


class CannotPromote(Exception):
    """The active version stays; the message says why."""


def active_version() -> ModelVersion | None:
    """The version that the newest promotion names; None before the first."""
    newest = Promotion.objects.select_related("model_version__run__snapshot").order_by("pk").last()
    return newest.model_version if newest else None


@transaction.atomic
def promote(version: ModelVersion, by: User | None, reason: str, at: datetime) -> Promotion:
    """Make a version the active one. Raises CannotPromote where it is that already."""
    promotions_wait()
    if active_version() == version:
        raise CannotPromote(f"{version} is the active one already".capitalize())
    return Promotion.objects.create(model_version=version, by=by, reason=reason, at=at)


def version_before() -> ModelVersion | None:
    """The version that was active before the active one was promoted: what rolling back leads to."""
    history = list(Promotion.objects.select_related("model_version__run__snapshot").order_by("pk"))
    if not history:
        return None
    active = history[-1].model_version
    # Rolling back twice goes two versions back, not to and fro.
    promoted = max(
        place
        for place, promotion in enumerate(history)
        if promotion.model_version == active and not promotion.reason.startswith(ROLLED_BACK)
    )
    return history[promoted - 1].model_version if promoted else None


@transaction.atomic
def roll_back(by: User, at: datetime, reason: str = "") -> Promotion:
    """Make the version active again that was it before the active one. Raises CannotPromote without one."""
    promotions_wait()
    before = version_before()
    if before is None:
        raise CannotPromote("There is no version before it to go back to")
    said = f"{ROLLED_BACK}{active_version()}" + (f": {reason}" if reason else "")
    return Promotion.objects.create(model_version=before, by=by, reason=said, at=at)


def promotions_wait() -> None:
    """Until this transaction ends nobody else promotes: what is active stays so."""
    # A transaction's own lock: two promotions at once would each take the other's version for inactive.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [LOCK_CLASS])
