"""A person's consent taken back, in campaigns and in studies: both rooms keep answers of hers."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from annotate.accounts.models import User
from annotate.campaigns.models import Vote
from annotate.campaigns.withdrawal import withdraw
from annotate.insight.models import StudyVote
from annotate.insight.study_voting import discard_study_votes


def answers_of(user: User) -> int:
    """How many of her answers stand."""
    in_studies = StudyVote.objects.live().filter(showing__participant__user=user)
    return Vote.objects.live().filter(annotator=user).count() + in_studies.count()


@transaction.atomic
def withdraw_everywhere(user: User, *, discard: bool, at: datetime) -> int:
    """Take back her consent: she is asked nothing more. With `discard` her answers go, too; how many."""
    discarded = withdraw(user, discard=discard, at=at).votes
    return discarded + discard_study_votes(user, at) if discard else discarded
