"""Signing in with a password: how often somebody may try, from which address, and when she was last seen."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from ipaddress import ip_address

from axes.backends import AxesStandaloneBackend
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.db.models import Max, Sum
from django.http import HttpRequest
from django.utils import timezone

from annotate.accounts.models import User

SEEN_EVERY = timedelta(minutes=10)


class Throttle(AxesStandaloneBackend):
    """Refuses whoever has failed too often. A program that asks without a request is no visitor."""

    def authenticate(self, request: HttpRequest | None, **credentials: object) -> None:
        if request is not None:
            super().authenticate(request, **credentials)


class PasswordSignIn(ModelBackend):
    """Name and password, against the table of people."""

    def get_user(self, user_id: int) -> User | None:
        """Whose session it is. Every request comes through here, so a write is for the few."""
        user = super().get_user(user_id)
        if user is not None:
            note_seen(user)
        return user


def note_seen(user: User) -> None:
    """Note that she is here, unless that was noted a moment ago."""
    now = timezone.now()
    if user.last_seen is None or now - user.last_seen > SEEN_EVERY:
        User.objects.filter(pk=user.pk).update(seen_at=now)


def address_of(request: HttpRequest) -> str | None:
    """Where a request comes from: behind PROXIES proxies, what the outermost of them was asked from.

    What stands further left in the header anybody can write there herself.
    """
    passed = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if settings.PROXIES and len(passed) >= settings.PROXIES:
        with suppress(ValueError):
            return str(ip_address(passed[-settings.PROXIES].strip()))
    return request.META.get("REMOTE_ADDR") or None


def locked_until(username: str, address: str | None) -> datetime | None:
    """Until when this name can not be tried from this address, or None where it can."""
    return _locked(AccessAttempt.objects.filter(username=username, ip_address=address)).get(username)


def locked_names(usernames: Iterable[str]) -> dict[str, datetime]:
    """Those of these names that are locked from some address, and until when."""
    return _locked(AccessAttempt.objects.filter(username__in=list(usernames)))


def _locked(attempts: object) -> dict[str, datetime]:
    since = timezone.now() - settings.AXES_COOLOFF_TIME
    failed = (
        attempts.filter(attempt_time__gt=since)
        .order_by()
        .values("username", "ip_address")
        .annotate(failures=Sum("failures_since_start"), last=Max("attempt_time"))
        .filter(failures__gte=settings.AXES_FAILURE_LIMIT)
    )
    locked: dict[str, datetime] = {}
    for row in failed:
        until = row["last"] + settings.AXES_COOLOFF_TIME
        locked[row["username"]] = max(until, locked.get(row["username"], until))
    return locked


def unlock(username: str) -> None:
    """Forget the failures of a name, from wherever they came."""
    AccessAttempt.objects.filter(username=username).delete()
