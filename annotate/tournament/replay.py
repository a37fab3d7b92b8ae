"""A bracket as a pure function of its seed, its counted votes and the ties that an admin called.

In whatever order the votes came: retracted ones are left out, and what they led to falls away by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from annotate.tournament import bracket
from annotate.tournament.closure import Match


@dataclass(frozen=True)
class Place:
    """The question of one match: where it stands in the tree, and the slots of its two candidates."""

    round: int
    position: int
    low: int
    high: int


@dataclass(frozen=True)
class Ballot:
    """One counted vote: the slot that it names, or None where its annotator was uncertain."""

    place: Place
    annotator: int
    winner: int | None


@dataclass
class Played:
    """A match that the bracket asks. `winner` is None while it is open."""

    place: Place
    winner: int | None = None
    is_tie: bool = False
    deciders: set[int] = field(default_factory=set)
    uncertain: set[int] = field(default_factory=set)

    def match(self, number: int) -> Match:
        """It as the closure sees it. Raises ValueError while it is open."""
        if self.winner is None:
            raise ValueError(f"{self.place} is open")
        loser = self.place.low + self.place.high - self.winner
        return Match(
            number, self.place.round, self.winner, loser, frozenset(self.deciders),
            frozenset(self.uncertain), self.is_tie,
        )  # fmt: skip


def replay(
    seed: int, k: int, max_uncertain: int, ballots: Iterable[Ballot], settled: Collection[Place] = ()
) -> list[Played]:
    """The matches that a bracket asks, round by round; ballots on other places have no effect.

    A match is decided by the one ballot that names a winner; it is a tie, which the coin lets go on, once
    `max_uncertain` were uncertain or an admin has settled it. Raises ValueError where two ballots decide
    the same match.
    """
    cast: dict[Place, list[Ballot]] = {}
    for ballot in ballots:
        cast.setdefault(ballot.place, []).append(ballot)
    asked: list[Played] = []
    pairs: dict[int, tuple[int, int]] = dict(enumerate(bracket.first_round(seed, k)))
    for number in range(1, bracket.rounds(k) + 1):
        winners: dict[int, int] = {}
        for position, (low, high) in sorted(pairs.items()):
            played = _play(seed, Place(number, position, low, high), cast, max_uncertain, settled)
            asked.append(played)
            if played.winner is not None:
                winners[position] = played.winner
        pairs = dict(
            bracket.next_match(position, winner, winners[position + 1])
            for position, winner in winners.items()
            if position % 2 == 0 and position + 1 in winners
        )
    return asked


def _play(
    seed: int, place: Place, cast: dict[Place, list[Ballot]], max_uncertain: int, settled: Collection[Place]
) -> Played:
    played = Played(place)
    for ballot in cast.get(place, []):
        if ballot.winner is None:
            played.uncertain.add(ballot.annotator)
        elif played.winner is not None:
            raise ValueError(f"Two votes decide {place}")
        else:
            played.winner = ballot.winner
            played.deciders.add(ballot.annotator)
    if played.winner is None and (place in settled or len(played.uncertain) >= max_uncertain):
        played.is_tie = True
        played.winner = bracket.coin(seed, place.round, place.position, place.low, place.high)
    return played
