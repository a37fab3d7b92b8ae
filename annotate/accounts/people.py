"""What an admin does about people: roles, and who may come in. Nobody is ever deleted: votes name them."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F, Q

from annotate.accounts.models import ApiToken, Invitation, Role, User


class PeopleRefused(Exception):
    """Nothing was changed; the message says why."""


class OwnAccount(PeopleRefused):
    def __str__(self) -> str:
        return "This is your own account: another admin has to do that, so that no slip locks you out."


class LastAdmin(PeopleRefused):
    def __str__(self) -> str:
        return "This is the last active admin, and nobody else could let people in. Make another admin first."


@transaction.atomic
def change_role(user_id: int, role: Role, *, by: User, at: datetime) -> User:
    """Give somebody another role, at once and also where she is logged in.

    Her open invitations to roles that she may not invite to any more are revoked.
    Raises OwnAccount, LastAdmin, User.DoesNotExist.
    """
    user = _locked(user_id, by=by, stays_admin=role == Role.ADMIN)
    user.role = role
    user.save(update_fields=["role"])
    _revoke_invitations_beyond(user, at)
    return user


@transaction.atomic
def deactivate(user_id: int, *, by: User, at: datetime) -> User:
    """Shut somebody out: sessions end, tokens go, open invitations are revoked. Her answers stay.

    Raises OwnAccount, LastAdmin, User.DoesNotExist.
    """
    user = _locked(user_id, by=by, stays_admin=False)
    user.is_active = False
    user.sessions_ended = F("sessions_ended") + 1
    user.save(update_fields=["is_active", "sessions_ended"])
    ApiToken.objects.filter(user=user).delete()
    _revoke_invitations_beyond(user, at)
    return user


def reactivate(user_id: int) -> None:
    """Let somebody in again, with the password that she had; sessions and tokens do not come back."""
    User.objects.filter(pk=user_id).update(is_active=True)


def _locked(user_id: int, *, by: User, stays_admin: bool) -> User:
    """The row of somebody whose role or activity changes, locked with those of all active admins: of two
    admins who shut each other out at once, the second finds herself alone."""
    if user_id == by.pk:
        raise OwnAccount
    concerned = User.objects.filter(Q(pk=user_id) | Q(pk__in=User.objects.active_admins()))
    people = list(concerned.select_for_update(no_key=True).order_by("pk"))
    user = next((person for person in people if person.pk == user_id), None)
    if user is None:
        raise User.DoesNotExist
    if user.is_admin and not stays_admin and not any(p.is_admin for p in people if p.pk != user_id):
        raise LastAdmin
    return user


def _revoke_invitations_beyond(user: User, at: datetime) -> None:
    theirs = Invitation.objects.open(at).filter(created_by=user)
    theirs.exclude(role__in=may_invite(user)).update(revoked_at=at)


def may_invite(user: User) -> list[Role]:
    """The roles that she can invite somebody to."""
    if user.is_admin:
        return list(Role)
    return [Role.ANNOTATOR] if user.is_curator else []
