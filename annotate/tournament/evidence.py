"""What a group's brackets and extra answers together say of each pair, and where they contradict."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from annotate.tournament.closure import Match, close
from annotate.tournament.ranking import Judgement


@dataclass
class Evidence:
    """Of one pair (low, high) of slots: the summed weights of the relations that put `low` nearer the anchor,
    and of those that put `high` nearer."""

    low: float = 0.0
    high: float = 0.0

    @property
    def net(self) -> float:
        """Positive where `low` is nearer."""
        return self.low - self.high

    @property
    def is_contradictory(self) -> bool:
        return self.low > 0 and self.high > 0


Pairs = dict[tuple[int, int], Evidence]


def weigh(brackets: Iterable[Sequence[Match]], weights: Mapping[int, float]) -> Pairs:
    """The evidence on each pair of one group. An extra answer is a bracket of one match.

    A relation weighs as much as the least of those who decided along its chain, as its triplets do; an
    annotator whom `weights` does not know weighs 1.
    """
    pairs: Pairs = {}
    for matches in brackets:
        for relation in close(matches):
            weight = min((weights.get(annotator, 1.0) for annotator in relation.deciders), default=1.0)
            pair = min(relation.winner, relation.loser), max(relation.winner, relation.loser)
            evidence = pairs.setdefault(pair, Evidence())
            if relation.winner == pair[0]:
                evidence.low += weight
            else:
                evidence.high += weight
    return pairs


def judgements(matches: Iterable[Match], weights: Mapping[int, float]) -> list[Judgement]:
    """The answers behind the matches: one for each decider. Ties say nothing."""
    return [
        Judgement(match.winner, match.loser, weights.get(annotator, 1.0))
        for match in matches
        if not match.is_tie
        for annotator in sorted(match.deciders)
    ]


def contradictions(pairs: Pairs) -> list[tuple[int, int]]:
    """The pairs that some relation orders one way and some other the other way."""
    return sorted(pair for pair, evidence in pairs.items() if evidence.is_contradictory)


def cycles(pairs: Pairs) -> list[tuple[int, ...]]:
    """Slots each nearer the anchor than the next, and the last than the first, by the net evidence.

    For each pair that lies on a cycle a shortest one through it; none twice, each from its lowest slot on,
    short ones first. Empty where the net evidence can be laid in one order.
    """
    below: dict[int, set[int]] = {}
    for (low, high), evidence in pairs.items():
        if evidence.net:
            winner, loser = (low, high) if evidence.net > 0 else (high, low)
            below.setdefault(winner, set()).add(loser)
    found: set[tuple[int, ...]] = set()
    for winner in sorted(below):
        for loser in sorted(below[winner]):
            path = _shortest_path(below, loser, winner)
            if path:
                first = path.index(min(path))
                found.add(path[first:] + path[:first])
    return sorted(found, key=lambda cycle: (len(cycle), cycle))


def _shortest_path(below: Mapping[int, set[int]], start: int, end: int) -> tuple[int, ...]:
    """From start to end, both included; empty where there is none."""
    paths: dict[int, tuple[int, ...]] = {start: (start,)}
    waiting = deque([start])
    while waiting:
        slot = waiting.popleft()
        if slot == end:
            return paths[slot]
        for lower in sorted(below.get(slot, ())):
            if lower not in paths:
                paths[lower] = (*paths[slot], lower)
                waiting.append(lower)
    return ()
