"""The API's tokens: a script sends one with each request, and acts in the name and role of its owner."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from knox.auth import TokenAuthentication

from annotate.accounts.models import ApiToken, User
from annotate.accounts.signing_in import note_seen

USED_EVERY = timedelta(hours=1)


class ApiTokenAuthentication(TokenAuthentication):
    """`Authorization: Bearer smb_...`, for as long as the token lasts and its owner is active."""

    def validate_user(self, auth_token: ApiToken) -> tuple[User, ApiToken]:
        user, token = super().validate_user(auth_token)
        now = timezone.now()
        if token.used_at is None or now - token.used_at > USED_EVERY:
            ApiToken.objects.filter(pk=token.pk).update(used_at=now)
        note_seen(user)
        return user, token


class ApiTokenScheme(KnoxTokenScheme):
    """How the schema tells of it."""

    target_class = "annotate.accounts.authentication.ApiTokenAuthentication"
    name = "apiToken"


def create_token(user: User, name: str, lasts: timedelta) -> tuple[ApiToken, str]:
    """A new token, and what to send: that is told here once and kept nowhere."""
    return ApiToken.objects.create(user, expiry=lasts, name=name)


def unexpired_tokens(user: User, at: datetime) -> list[ApiToken]:
    return list(ApiToken.objects.filter(user=user, expiry__gt=at).order_by("-created"))
