"""A study's figures and lists as its pages show them. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from annotate.insight.models import Contender, Participant, Result, Study, StudyQuery, StudyVote
from annotate.insight.study_chart import StudyChart, study_chart
from annotate.insight.study_figures import Figures
from annotate.insight.study_statistics import PairOutcome


@dataclass(frozen=True)
class PairRow:
    """Two contenders against each other, and whether a query counts for more than chance."""

    one: Contender
    other: Contender
    outcome: PairOutcome

    @property
    def percent(self) -> float:
        return 100 * (self.outcome.share.value or 0)

    @property
    def by_query(self) -> list[float]:
        return [100 * bound for bound in self.outcome.interval or ()]

    @property
    def by_vote(self) -> list[float]:
        return [100 * bound for bound in self.outcome.share.interval or ()]

    @property
    def in_words(self) -> str:
        """Which is preferred, as far as whole queries tell."""
        p, share = self.outcome.test.p, self.outcome.share.value
        if p is None or share is None:
            return "no decided votes yet"
        if p >= 0.05:
            return "no difference beyond chance"
        better = self.one if self.outcome.test.one > self.outcome.test.other else self.other
        return f"{better.letter} is preferred"


def study_rows() -> QuerySet[Study]:
    """All studies, the newest first, with `query_count`, `version_count`, `people` and `votes`."""

    def count(rows: QuerySet, of: str) -> Coalesce:
        grouped = rows.filter(**{of: OuterRef("pk")}).order_by().values(of)
        return Coalesce(Subquery(grouped.annotate(n=Count("pk")).values("n")), 0)

    return (
        Study.objects.select_related("dataset")
        .annotate(
            query_count=count(StudyQuery.objects.all(), "study"),
            version_count=count(Contender.objects.all(), "study"),
            people=count(Participant.objects.exclude(began_at=None), "study"),
            votes=count(StudyVote.objects.counted(), "showing__participant__study"),
        )
        .order_by("-pk")
    )


def chart_of(figures: Figures) -> StudyChart | None:
    """Figure 8 of the paper: None without any vote."""
    names = [contender.letter for contender in figures.contenders]
    rows = [(row.number, row.votes, row.uncertain) for row in figures.queries]
    return study_chart(names, rows, (figures.votes, figures.uncertain))


def pair_rows(figures: Figures) -> list[PairRow]:
    contenders = {contender.pk: contender for contender in figures.contenders}
    return [PairRow(contenders[pair.one], contenders[pair.other], pair) for pair in figures.pairs]


def lists_of(query: StudyQuery) -> list[tuple[Contender, list[int | None]]]:
    """For each contender, by letter, the faces that it found; None where one was erased since."""
    found: dict[int, list[int | None]] = {}
    results = Result.objects.filter(query=query).order_by("rank")
    for contender, face in results.values_list("contender", "face"):
        found.setdefault(contender, []).append(face)
    contenders = query.study.contenders.select_related("model_version").order_by("place")
    return [(contender, found.get(contender.pk, [])) for contender in contenders]
