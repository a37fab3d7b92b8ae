"""How fast a campaign moves: answers by day, who is here, and when it will be done at its present pace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Min
from django.db.models.functions import TruncDate
from django.utils import timezone

from annotate.campaigns.models import Campaign, Comparison, Participation

# The pace is that of the last day, or of the last week where nothing was decided in a day. What began later
# has a shorter past; less than an hour of it says too little to go by.
WINDOWS = (timedelta(days=1), timedelta(days=7))
SHORTEST = timedelta(hours=1)
# Beyond so long a date would only look precise.
FARTHEST = timedelta(days=365)
HERE = timedelta(minutes=10)
DAYS = 30


@dataclass(frozen=True)
class Pace:
    """`decided` comparisons in the last `window`; `ends_at` is when the rest is done if it goes on so, or
    None where that is more than a year away."""

    decided: int
    window: timedelta
    left: int
    ends_at: datetime | None

    @property
    def hours(self) -> float:
        return self.window / timedelta(hours=1)


def pace(campaign: Campaign, left: int, at: datetime) -> Pace | None:
    """The pace of a campaign with so many comparisons left; None where nothing moved in a week."""
    decided = Comparison.objects.filter(
        campaign=campaign, winner__isnull=False, bracket__isnull=False, is_withdrawn=False
    )
    for window in WINDOWS:
        found = decided.filter(decided_at__gt=at - window).aggregate(n=Count("pk"), first=Min("decided_at"))
        if found["n"]:
            # What began within the window has been going on since then only.
            began = decided.filter(decided_at__lte=at - window).exists()
            past = window if began else max(SHORTEST, at - found["first"])
            to_go = past * (left / found["n"])
            return Pace(found["n"], past, left, at + to_go if to_go < FARTHEST else None)
    return None


def answers_by_day(campaign: Campaign, at: datetime) -> list[tuple[date, int]]:
    """The answers that stand of each of the last DAYS days, from the first with any on."""
    first = timezone.localdate(at) - timedelta(days=DAYS - 1)
    since = timezone.make_aware(datetime.combine(first, datetime.min.time()))
    counts = dict(
        campaign.votes.live()
        .filter(created_at__gte=since)
        .order_by()
        .values_list(TruncDate("created_at"))
        .annotate(Count("pk"))
    )
    days = [first + timedelta(days=day) for day in range(DAYS)]
    begun = [day for day in days if any(counts.get(earlier) for earlier in days if earlier <= day)]
    return [(day, counts.get(day, 0)) for day in begun]


def here_now(campaigns: Iterable[Campaign], at: datetime) -> dict[int, list[str]]:
    """Who was asked something within the last minutes, by campaign; most recent first."""
    found: dict[int, list[str]] = {}
    present = Participation.objects.filter(
        campaign__in=list(campaigns), seen_at__gt=at - HERE, paused_at__isnull=True
    )
    for campaign, name in present.order_by("-seen_at").values_list("campaign", "annotator__username"):
        found.setdefault(campaign, []).append(name)
    return found
