"""What the decided comparisons of one bracket say, directly and by transitivity (section 3.4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Match:
    """A decided comparison. `deciders` named the winner, `uncertain` were asked and named neither."""

    id: int
    round: int
    winner: int
    loser: int
    deciders: frozenset[int] = frozenset()
    uncertain: frozenset[int] = frozenset()
    is_tie: bool = False


@dataclass(frozen=True)
class Relation:
    """`winner` is nearer the anchor than `loser`, by a chain of matches.

    The chain runs from the winner's own match, which is the last in time, down to the loser's.
    """

    winner: int
    loser: int
    chain: tuple[Match, ...]

    @property
    def last(self) -> Match:
        """The comparison that completed the chain."""
        return self.chain[0]

    @property
    def deciders(self) -> frozenset[int]:
        """All whose votes the relation rests on."""
        return frozenset().union(*(match.deciders for match in self.chain))

    @property
    def uncertain(self) -> frozenset[int]:
        """All who answered along the chain and never named a winner in it."""
        return frozenset().union(*(match.uncertain for match in self.chain)) - self.deciders


def close(matches: Iterable[Match]) -> list[Relation]:
    """Every relation that one bracket's matches give: 32 for a finished bracket of 16 without ties.

    A tie's coin lets somebody go on but says nothing: no relation passes through it. In a tree each
    candidate loses at most once, so the chain between two candidates is unique.
    """
    relations: list[Relation] = []
    below: dict[int, list[Relation]] = {}
    for match in sorted(matches, key=lambda match: (match.round, match.id)):
        if match.is_tie:
            continue
        new = [Relation(match.winner, match.loser, (match,))]
        new += [Relation(match.winner, r.loser, (match, *r.chain)) for r in below.get(match.loser, [])]
        below.setdefault(match.winner, []).extend(new)
        relations += new
    return relations
