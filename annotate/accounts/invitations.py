"""Invitations: links that let strangers make an account. Registration is closed otherwise."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F

from annotate.accounts.models import Invitation, Role, User
from annotate.accounts.people import may_invite

TOKEN_BYTES = 32


class InvitationClosed(Exception):
    """It lets nobody in any more: used up, expired, revoked, or there is none with this token."""


def invite(
    by: User, *, role: Role, note: str, uses: int, lasts: timedelta, at: datetime
) -> tuple[Invitation, str]:
    """A new invitation and its token: that is told here once, and only its hash is kept."""
    if role not in may_invite(by):
        raise PermissionDenied
    token = secrets.token_urlsafe(TOKEN_BYTES)
    invitation = Invitation.objects.create(
        token_hash=hash_of(token), role=role, note=note, uses=uses, created_by=by, expires_at=at + lasts
    )
    return invitation, token


def hash_of(token: str) -> str:
    """Plain SHA-256 is enough for 256 random bits: there is nothing to guess."""
    return hashlib.sha256(token.encode()).hexdigest()


def find(token: str) -> Invitation | None:
    """The invitation with this token, open or not."""
    return Invitation.objects.filter(token_hash=hash_of(token)).first()


@transaction.atomic
def register(token: str, *, username: str, password: str, email: str, at: datetime) -> User:
    """Make the account that an invitation allows, and count its use.

    Of several who take the last use at once, one gets it. Raises InvitationClosed, and IntegrityError where
    somebody took the name meanwhile; then nothing is used up.
    """
    found = Invitation.objects.filter(token_hash=hash_of(token))
    # The row's lock is held from here on: whoever comes second finds the count that the first one left.
    if not found.open(at).update(used=F("used") + 1):
        raise InvitationClosed
    invitation = found.get()
    user = User(
        username=User.normalize_username(username), email=email, role=invitation.role, invitation=invitation
    )
    user.set_password(password)
    user.save()
    return user


def revoke(invitation_id: int, *, by: User, at: datetime) -> None:
    """Let nobody in by it from now on. Raises Invitation.DoesNotExist where it is not hers to manage."""
    invitation = Invitation.objects.manageable_by(by).get(pk=invitation_id)
    Invitation.objects.filter(pk=invitation.pk, revoked_at__isnull=True).update(revoked_at=at)
