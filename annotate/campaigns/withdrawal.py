"""An annotator's consent, and what follows from it in her campaigns: without it she is asked nothing."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from annotate.accounts.consent import record_consent, record_withdrawal
from annotate.accounts.models import User
from annotate.campaigns.models import Campaign, Participation, Vote
from annotate.campaigns.retraction import Discarded, lock_groups_of, pause, retract_and_replay


@transaction.atomic
def accept(user: User, text_id: int, *, language: str, at: datetime) -> int:
    """Keep her consent, and let her go on wherever she had stopped by withdrawing it; returns in how many
    campaigns. What somebody else paused stays paused. Raises ConsentChanged."""
    record_consent(user, text_id, language, at)
    hers = Participation.objects.filter(annotator=user, paused_by=user)
    return hers.update(paused_at=None, paused_by=None)


@transaction.atomic
def withdraw(user: User, *, discard: bool, at: datetime) -> Discarded:
    """Take back her consent: she is asked nothing more in any campaign, and what she was looking at is free
    for others. With `discard` her answers count no more, as when an admin discards them.

    A pause that she made herself is what tells a withdrawal from an admin's pause.
    """
    votes = Vote.objects.live().filter(annotator=user) if discard else Vote.objects.none()
    lock_groups_of(votes)
    record_withdrawal(user, at)
    going_on = Campaign.objects.filter(participations__annotator=user, participations__paused_at__isnull=True)
    for campaign in going_on.order_by("pk"):
        pause(campaign, user, admin=user, at=at)
    return retract_and_replay(votes, by=user, at=at)
