"""What one annotator has done, day by day: how many answers, and the time that they took, for her pay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from operator import itemgetter

from django.db.models import Count, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce, Least, TruncDate

from annotate.accounts.models import User
from annotate.campaigns.models import Participation, VoidedAnswers, Vote

# Whoever looks longer at one comparison has most likely left the screen.
LONGEST_COUNTED_MS = 60_000
COUNTS = ("answers", "taken_back", "milliseconds")


@dataclass(frozen=True)
class DayOfWork:
    """Her answers of one day in one campaign. What was taken back took its time as well."""

    day: date
    campaign: str
    answers: int
    taken_back: int
    milliseconds: int

    @property
    def seconds(self) -> int:
        return round(self.milliseconds / 1000)


def work_of(annotator: User) -> list[DayOfWork]:
    """All of her work, the newest day first; days are the installation's time zone's.

    One row a day and campaign, counted by the database along the index vote_of_annotator.
    """
    hers = Vote.objects.filter(
        campaign__in=list(
            Participation.objects.filter(annotator=annotator).values_list("campaign", flat=True)
        ),
        annotator=annotator,
    )
    work = {(row["day"], row.pop("campaign__name")): row for row in by_day(hers, "campaign__name")}
    # What was voided with an erased person's faces was work all the same.
    voided = VoidedAnswers.objects.filter(annotator=annotator).values("day", "campaign__name", *COUNTS)
    for row in voided:
        counted = work.setdefault((row["day"], row["campaign__name"]), dict.fromkeys(COUNTS, 0))
        for name in COUNTS:
            counted[name] += row[name]
    newest_first = sorted(sorted(work, key=itemgetter(1)), key=itemgetter(0), reverse=True)
    return [DayOfWork(day, name, *(work[day, name][count] for count in COUNTS)) for day, name in newest_first]


def by_day(votes: QuerySet[Vote], *of: str) -> QuerySet:
    """Rows of day, `of` and COUNTS."""
    return (
        votes.annotate(day=TruncDate("created_at"))
        .order_by()
        .values("day", *of)
        .annotate(
            answers=Count("pk"),
            taken_back=Count("pk", filter=Q(retracted_at__isnull=False)),
            # Of nothing and a number, PostgreSQL takes the number for the least.
            milliseconds=Coalesce(
                Sum(Least("response_ms", Value(LONGEST_COUNTED_MS)), filter=Q(response_ms__isnull=False)), 0
            ),
        )
    )
