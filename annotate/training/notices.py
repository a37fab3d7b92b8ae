"""That a run has ended, for whoever launched it. The one writer of `seen_at`, but for a run that goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from annotate.accounts.models import User
from annotate.training import reports
from annotate.training.judgements import outcome_of
from annotate.training.models import ENDED, Run, RunState

# A month later it is no news any more.
NEWS_FOR = timedelta(days=30)
LONGEST_REASON = 120


@dataclass(frozen=True)
class Standing:
    """Of one person's runs: those that have ended unseen, and those that may still end."""

    unseen: list[int]
    unfinished: list[int]


def standing_of(user: User, at: datetime) -> Standing:
    """One query, over her own runs."""
    hers = Run.objects.filter(created_by=user, seen_at=None, created_at__gt=at - NEWS_FOR)
    states = list(hers.order_by("pk").values_list("pk", "state"))
    return Standing(
        [pk for pk, state in states if state in ENDED], [pk for pk, state in states if state not in ENDED]
    )


def tell(user: User, run_ids: Iterable[int]) -> list[tuple[Run, str]]:
    """Of these runs, those that she launched and has not seen the end of, with how they ended."""
    ended = Run.objects.unseen_by(user).filter(pk__in=run_ids).select_related("model_version", "manipulator")
    return [(run, how_it_ended(run)) for run in ended.defer("events").order_by("pk")]


def how_it_ended(run: Run) -> str:
    """In a few words."""
    if run.state == RunState.SUCCEEDED:
        figure = outcome_of(run)
        return f"has succeeded: {figure}" if figure != reports.UNKNOWN else "has succeeded"
    if run.state == RunState.FAILED:
        [reason, *_] = run.error.strip().splitlines() or [""]
        return f"has failed: {reason[:LONGEST_REASON]}"
    return "was cancelled"


@transaction.atomic
def see(user: User, at: datetime, run_ids: Iterable[int] | None = None) -> None:
    """She has seen how these of her runs ended; without `run_ids` all of them."""
    ended = Run.objects.unseen_by(user)
    (ended if run_ids is None else ended.filter(pk__in=run_ids)).update(seen_at=at)
