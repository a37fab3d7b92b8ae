"""Pairs of a campaign on which not all is said and done: said both ways, tied, or waiting for somebody.

Read group by group in the campaign's order, so that a page costs the same however large the campaign is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from django.db import connection
from django.db.models import Max, TextChoices

from annotate.campaigns.models import Campaign, Comparison, ComparisonQuerySet, Group

# A page holds whole groups, until it has so many pairs. So many groups are searched at a time, and so often.
PAIRS_SHOWN = 24
GROUPS_AT_ONCE, TIMES = 100, 10


class Kind(TextChoices):
    REPETITIONS = "repetitions", "Repetitions contradict each other"
    ANNOTATORS = "annotators", "Annotators disagree"
    TIES = "ties", "Ties"
    WAITING = "waiting", "Waiting for somebody"


@dataclass(frozen=True)
class Disputed:
    """A pair (low, high) of slots. What names the lower and the higher one: numbers of repetitions, ids of
    annotators; of a tie or a waiting comparison nothing does."""

    group: int
    index: int
    low: int
    high: int
    for_low: list[int] = field(default_factory=list)
    for_high: list[int] = field(default_factory=list)
    comparison: Comparison | None = None


@dataclass(frozen=True)
class Found:
    """`after` is the group to go on behind, or None at the end; `searched` the last one looked at."""

    pairs: list[Disputed]
    after: int | None
    searched: int


BY_REPETITIONS = """
    SELECT g.id, g.index, least(w.slot, l.slot) AS low, greatest(w.slot, l.slot) AS high,
        array_agg(b.repetition ORDER BY b.repetition) FILTER (WHERE w.slot < l.slot),
        array_agg(b.repetition ORDER BY b.repetition) FILTER (WHERE w.slot > l.slot)
    FROM campaigns_group g
    JOIN campaigns_bracket b ON b.group_id = g.id
    JOIN campaigns_relation r ON r.bracket_id = b.id
    JOIN campaigns_candidate w ON w.id = r.winner_id
    JOIN campaigns_candidate l ON l.id = r.loser_id
    WHERE g.campaign_id = %s AND g.index > %s AND g.index <= %s
    GROUP BY g.id, low, high
    HAVING count(DISTINCT r.winner_id) > 1
    ORDER BY g.index, low, high
"""

BY_ANNOTATORS = """
    SELECT g.id, g.index, v.low, v.high,
        array_agg(v.annotator_id ORDER BY v.created_at) FILTER (WHERE (v.answer = 'left') = v.low_is_left),
        array_agg(v.annotator_id ORDER BY v.created_at) FILTER (WHERE (v.answer = 'left') <> v.low_is_left)
    FROM campaigns_group g
    JOIN campaigns_vote v ON v.group_id = g.id AND v.retracted_at IS NULL AND v.answer <> 'uncertain'
    WHERE g.campaign_id = %s AND g.index > %s AND g.index <= %s
    GROUP BY g.id, v.low, v.high
    HAVING count(DISTINCT (v.answer = 'left') = v.low_is_left) > 1
    ORDER BY g.index, v.low, v.high
"""


SAID_BOTH_WAYS = """
    SELECT group_id, count(*)
    FROM (
        SELECT b.group_id
        FROM campaigns_bracket b JOIN campaigns_relation r ON r.bracket_id = b.id
        WHERE b.group_id = ANY(%s)
        GROUP BY b.group_id, least(r.winner_id, r.loser_id), greatest(r.winner_id, r.loser_id)
        HAVING count(DISTINCT r.winner_id) > 1
    ) pairs
    GROUP BY group_id
"""


def count_said_both_ways(groups: Sequence[Group]) -> dict[int, int]:
    """How many pairs repetitions order both ways, by group; none where they do not contradict each other."""
    with connection.cursor() as cursor:
        cursor.execute(SAID_BOTH_WAYS, [[group.pk for group in groups]])
        return dict(cursor)


def find_disputed(campaign: Campaign, kind: Kind, *, after: int = 0) -> Found:
    """The next pairs of this kind, behind the group of that number."""
    last = campaign.groups.aggregate(last=Max("index"))["last"] or 0
    pairs: list[Disputed] = []
    for _ in range(TIMES):
        searched = min(after + GROUPS_AT_ONCE, last)
        for index, of_group in groupby(READERS[kind](campaign, after, searched), key=lambda one: one.index):
            pairs += of_group
            if len(pairs) >= PAIRS_SHOWN:
                return Found(pairs, index if index < last else None, index)
        if searched == last:
            return Found(pairs, None, last)
        after = searched
    return Found(pairs, after, after)


def _said_both_ways(query: str) -> Callable[[Campaign, int, int], Iterator[Disputed]]:
    def read(campaign: Campaign, after: int, until: int) -> Iterator[Disputed]:
        with connection.cursor() as cursor:
            cursor.execute(query, [campaign.pk, after, until])
            for row in cursor.fetchall():
                yield Disputed(*row)

    return read


def _ties(campaign: Campaign, after: int, until: int) -> Iterator[Disputed]:
    return _of_comparisons(Comparison.objects.filter(campaign=campaign).tied(), after, until)


def _waiting(campaign: Campaign, after: int, until: int) -> Iterator[Disputed]:
    asked = Comparison.objects.filter(campaign=campaign, bracket__isnull=False)
    return _of_comparisons(asked.waiting(), after, until)


def _of_comparisons(comparisons: ComparisonQuerySet, after: int, until: int) -> Iterator[Disputed]:
    found = comparisons.filter(group__index__gt=after, group__index__lte=until)
    for one in found.select_related("group", "bracket").order_by("group__index", "id"):
        yield Disputed(one.group_id, one.group.index, one.low, one.high, comparison=one)


READERS: dict[Kind, Callable[[Campaign, int, int], Iterator[Disputed]]] = {
    Kind.REPETITIONS: _said_both_ways(BY_REPETITIONS),
    Kind.ANNOTATORS: _said_both_ways(BY_ANNOTATORS),
    Kind.TIES: _ties,
    Kind.WAITING: _waiting,
}
