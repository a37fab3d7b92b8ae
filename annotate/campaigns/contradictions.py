"""Where what is known of a group contradicts itself: pairs said both ways, and cycles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q

from annotate.campaigns.models import Answer, Campaign, Group, Vote
from annotate.campaigns.weights import annotator_tallies, played_groups
from annotate.tournament.agreement import weights
from annotate.tournament.closure import Match
from annotate.tournament.evidence import Evidence, contradictions, cycles, weigh

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


@dataclass(frozen=True)
class Contradictory:
    """Of one group: the pairs (low, high) of slots that are said both ways, with the evidence, and the
    cycles of slots each nearer the anchor than the next."""

    group: int
    pairs: list[tuple[tuple[int, int], Evidence]]
    cycles: list[tuple[int, ...]]


def contradictory_groups(campaign: Campaign) -> Iterator[Contradictory]:
    """The groups that contradict themselves, in the campaign's order."""
    weight = weights(annotator_tallies(campaign))
    beyond = _beyond_brackets(campaign)
    for group, brackets in played_groups(campaign):
        pairs = weigh([*brackets, *beyond.get(group, [])], weight)
        both_ways, around = contradictions(pairs), cycles(pairs)
        if both_ways or around:
            yield Contradictory(group, [(pair, pairs[pair]) for pair in both_ways], around)


def _beyond_brackets(campaign: Campaign) -> dict[int, list[list[Match]]]:
    """Extra, late and left-over answers of each group, each as a bracket of one match."""
    votes = Vote.objects.live().filter(
        Q(comparison__bracket__isnull=True) | Q(counts=False) | Q(comparison__is_withdrawn=True),
        campaign=campaign, group__isnull=False,
    )  # fmt: skip
    found: dict[int, list[list[Match]]] = defaultdict(list)
    for vote in votes.exclude(answer=Answer.UNCERTAIN).order_by("pk").iterator():
        loser = vote.low + vote.high - vote.winner
        found[vote.group_id].append([Match(0, 1, vote.winner, loser, frozenset({vote.annotator_id}))])
    return found
