"""Counts a study's answers and works out its figures. Reads only; pages and downloads show them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from annotate.campaigns.models import Answer
from annotate.insight.models import Contender, Study, StudyComparison, StudyVote
from annotate.insight.study_statistics import PairOutcome, Strength, pair_outcome, strengths
from annotate.tournament.quality import Share, krippendorff_alpha

FIELDS = (
    "pk", "answer", "response_ms", "created_at", "showing__one_is_left", "showing__comparison",
    "showing__comparison__one", "showing__comparison__other", "showing__comparison__query__number",
    "showing__comparison__query__face__key", "showing__participant__user",
    "showing__participant__user__username",
)  # fmt: skip


@dataclass(frozen=True)
class Cast:
    """A counted answer. `one` and `other` are contenders, `preferred` one of them, or None: uncertain."""

    pk: object
    answer: str
    response_ms: int | None
    created_at: object
    one_is_left: bool
    comparison: int
    one: int
    other: int
    number: int
    key: str
    user: int
    username: str

    @property
    def preferred(self) -> int | None:
        if self.answer == Answer.UNCERTAIN:
            return None
        return self.one if (self.answer == Answer.LEFT) == self.one_is_left else self.other


@dataclass(frozen=True)
class QueryRow:
    """A query's votes: for each contender in their order, and uncertain. `face` is None where it is void."""

    number: int
    face: int | None
    votes: list[int]
    uncertain: int
    is_tie: bool
    is_void: bool

    @property
    def total(self) -> int:
        return sum(self.votes) + self.uncertain


@dataclass(frozen=True)
class ParticipantRow:
    """How somebody answered: her `left` share is of her decided answers."""

    user: int
    username: str
    answered: int
    uncertain: Share
    left: Share
    median_ms: float | None

    @property
    def median_seconds(self) -> float | None:
        return _seconds(self.median_ms)


@dataclass(frozen=True)
class Figures:
    """`contenders` are in the order of their letters; so are the votes of every row."""

    contenders: list[Contender]
    queries: list[QueryRow]
    pairs: list[PairOutcome]
    votes: list[int]
    uncertain: int
    left: Share
    alpha: float | None
    alpha_units: int
    participants: list[ParticipantRow]
    median_ms: float | None
    asked: int
    ties: int
    void: int

    @property
    def total(self) -> int:
        return sum(self.votes) + self.uncertain

    @property
    def median_seconds(self) -> float | None:
        return _seconds(self.median_ms)

    @property
    def left_percents(self) -> tuple[float, float, float] | None:
        """The share of left and its interval."""
        if self.left.value is None or self.left.interval is None:
            return None
        low, high = self.left.interval
        return 100 * self.left.value, 100 * low, 100 * high

    @property
    def is_one_sided(self) -> bool:
        """Whether one side is named more often than chance would: sides are drawn, and balanced."""
        return self.left.excludes(0.5)


def casts_of(study: Study) -> list[Cast]:
    """The answers that count, the oldest first."""
    votes = StudyVote.objects.counted().filter(showing__participant__study=study)
    return [Cast(*row) for row in votes.order_by("created_at", "pk").values_list(*FIELDS)]


def figures_of(study: Study, casts: Sequence[Cast]) -> Figures:
    """All that a study's page and downloads say; the same answers give the same intervals."""
    rng = np.random.default_rng(study.pk)
    contenders = list(
        study.contenders.select_related("model_version__run__snapshot__dataset").order_by("place")
    )
    comparisons = list(
        StudyComparison.objects.with_void()
        .filter(query__study=study)
        .values_list("query__number", "one", "other", "is_tie", "is_void")
    )
    numbers = list(study.queries.order_by("number").values_list("number", flat=True))
    counts = _counts(casts, numbers)
    preferred = Counter(cast.preferred for cast in casts)
    decided = [cast for cast in casts if cast.preferred is not None]
    units = _units(casts)
    return Figures(
        contenders=contenders,
        queries=_query_rows(study, casts, contenders, comparisons),
        pairs=[pair_outcome(pair, table, rng) for pair, table in sorted(counts.items())],
        votes=[preferred[contender.pk] for contender in contenders],
        uncertain=preferred[None],
        left=Share(sum(cast.answer == Answer.LEFT for cast in decided), len(decided)),
        alpha=krippendorff_alpha(units),
        alpha_units=units.total(),
        participants=_participant_rows(casts),
        median_ms=_median_ms(casts),
        asked=sum(not is_tie and not is_void for *_, is_tie, is_void in comparisons),
        ties=sum(is_tie and not is_void for *_, is_tie, is_void in comparisons),
        void=sum(is_void for *_, is_void in comparisons),
    )


def strengths_of(study: Study, casts: Sequence[Cast]) -> list[Strength]:
    """Each contender's Bradley-Terry strength, the strongest first; of two the pair says all there is."""
    if study.contenders.count() < 3:
        return []
    numbers = list(study.queries.order_by("number").values_list("number", flat=True))
    return strengths(_counts(casts, numbers), np.random.default_rng(study.pk))


def _counts(casts: Sequence[Cast], numbers: Sequence[int]) -> dict[tuple[int, int], np.ndarray]:
    """Of each pair that has votes: int [queries, 3], for the one, for the other, and uncertain."""
    row_of = {number: row for row, number in enumerate(numbers)}
    counts: dict[tuple[int, int], np.ndarray] = {}
    for cast in casts:
        table = counts.setdefault((cast.one, cast.other), np.zeros((len(numbers), 3), dtype=int))
        column = 2 if cast.preferred is None else int(cast.preferred == cast.other)
        table[row_of[cast.number], column] += 1
    return counts


def _units(casts: Sequence[Cast]) -> Counter[tuple[int, int]]:
    """Comparisons by how often the one and the other was named, where two participants or more decided."""
    named: dict[int, list[int]] = {}
    for cast in casts:
        if cast.preferred is not None:
            named.setdefault(cast.comparison, [0, 0])[cast.preferred == cast.other] += 1
    return Counter((one, other) for one, other in named.values() if one + other > 1)


def _query_rows(
    study: Study, casts: Sequence[Cast], contenders: Sequence[Contender], comparisons: Sequence[tuple]
) -> list[QueryRow]:
    votes = Counter((cast.number, cast.preferred) for cast in casts)
    ties: dict[int, list[bool]] = {}
    voids: dict[int, list[bool]] = {}
    for number, _, _, is_tie, is_void in comparisons:
        ties.setdefault(number, []).append(is_tie)
        voids.setdefault(number, []).append(is_void)
    return [
        QueryRow(
            number,
            face,
            [votes[number, contender.pk] for contender in contenders],
            votes[number, None],
            all(ties.get(number, [])) and number in ties,
            face is None or any(voids.get(number, [])),
        )
        for number, face in study.queries.order_by("number").values_list("number", "face")
    ]


def _participant_rows(casts: Sequence[Cast]) -> list[ParticipantRow]:
    by_user: dict[int, list[Cast]] = {}
    for cast in casts:
        by_user.setdefault(cast.user, []).append(cast)
    return [_participant_row(hers) for hers in sorted(by_user.values(), key=lambda one: one[0].username)]


def _participant_row(hers: Sequence[Cast]) -> ParticipantRow:
    decided = [cast for cast in hers if cast.preferred is not None]
    return ParticipantRow(
        hers[0].user,
        hers[0].username,
        len(hers),
        Share(len(hers) - len(decided), len(hers)),
        Share(sum(cast.answer == Answer.LEFT for cast in decided), len(decided)),
        _median_ms(hers),
    )


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1000


def _median_ms(casts: Sequence[Cast]) -> float | None:
    times = [cast.response_ms for cast in casts if cast.response_ms is not None]
    return median(times) if times else None
