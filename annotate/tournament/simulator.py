"""Simulated annotators, and groups played through brackets by them: what settings would give.

A group is known here by its candidates' distances to the anchor; slot i's is distances[i].
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from annotate.tournament import bracket
from annotate.tournament.closure import Match

Side = Literal["left", "right"]


@dataclass(frozen=True)
class Manner:
    """How an annotator answers.

    `noise` is the logistic scale of her perception, in units of distance (0: she sees exactly); `bias` the
    log-odds that she adds to the left; `carelessness` the chance that she does not look and `flip` the
    chance that she names the other than she meant; `uncertain` the chance that she names neither.
    """

    noise: float = 0.0
    bias: float = 0.0
    carelessness: float = 0.0
    flip: float = 0.0
    uncertain: float = 0.0

    def answer(self, left: float, right: float, rng: random.Random) -> Side | None:
        """Which of two distances she calls the smaller; None where she is uncertain."""
        if rng.random() < self.uncertain:
            return None
        names_left = rng.random() < self.chance_of_left(left, right)
        return "left" if names_left else "right"

    def chance_of_left(self, left: float, right: float) -> float:
        """The probability that she names the left one, given that she names one."""
        if self.noise > 0:
            looking = _sigmoid((right - left) / self.noise + self.bias)
        elif left != right:
            looking = float(left < right)
        else:
            looking = _sigmoid(self.bias)
        meant = self.carelessness * _sigmoid(self.bias) + (1 - self.carelessness) * looking
        return meant + self.flip * (1 - 2 * meant)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


@dataclass(frozen=True)
class Verdict:
    """How a comparison ended. Nobody decided where it is a tie."""

    winner: int | None
    deciders: frozenset[int] = frozenset()
    uncertain: frozenset[int] = frozenset()


def play_bracket(seed: int, k: int, ask: Callable[[int, int], Verdict]) -> list[Match]:
    """A bracket from its first match to its champion; `ask` is called with each pair (low, high)."""
    matches: list[Match] = []
    pairs = bracket.first_round(seed, k)
    for number in range(1, bracket.rounds(k) + 1):
        winners = []
        for position, (low, high) in enumerate(pairs):
            verdict = ask(low, high)
            is_tie = verdict.winner is None
            winner = bracket.coin(seed, number, position, low, high) if is_tie else verdict.winner
            assert winner is not None
            matches.append(
                Match(
                    len(matches) + 1, number, winner, low + high - winner,
                    verdict.deciders, verdict.uncertain, is_tie,
                )
            )  # fmt: skip
            winners.append(winner)
        pairs = [
            bracket.next_match(position, winners[position], winners[position + 1])[1]
            for position in range(0, len(winners) - 1, 2)
        ]
    return matches


@dataclass
class Table:
    """One group and the annotators around it, who are known by their index; nobody is asked a pair twice."""

    distances: Sequence[float]
    manners: Sequence[Manner]
    rng: random.Random
    max_uncertain: int = 3
    answered: set[tuple[int, int, int]] = field(default_factory=set)

    def ask(self, low: int, high: int, first: Iterable[int] = ()) -> Verdict:
        """Ask one after the other, those in `first` before the rest, until somebody names one of the two; a
        tie where `max_uncertain`, or all who can still be asked, name neither."""
        uncertain: set[int] = set()
        for annotator in self._turns(low, high, first):
            self.answered.add((annotator, low, high))
            winner = self._answer(annotator, low, high)
            if winner is not None:
                return Verdict(winner, frozenset({annotator}), frozenset(uncertain))
            uncertain.add(annotator)
            if len(uncertain) == self.max_uncertain:
                break
        return Verdict(None, frozenset(), frozenset(uncertain))

    def play(self, repetitions: int) -> list[list[Match]]:
        """That many brackets, seeded afresh; annotator i plays repetition i modulo `repetitions`, and in
        others only where nobody of theirs is left."""
        return [
            play_bracket(
                self.rng.getrandbits(48),
                len(self.distances),
                partial(self.ask, first=range(number, len(self.manners), repetitions)),
            )
            for number in range(repetitions)
        ]

    def can_be_asked(self, low: int, high: int) -> bool:
        """Whether anybody is left who has not answered the pair."""
        return any((annotator, low, high) not in self.answered for annotator in range(len(self.manners)))

    def _turns(self, low: int, high: int, first: Iterable[int]) -> list[int]:
        ahead = set(first)
        left = [a for a in range(len(self.manners)) if (a, low, high) not in self.answered]
        self.rng.shuffle(left)
        return sorted(left, key=lambda annotator: annotator not in ahead)

    def _answer(self, annotator: int, low: int, high: int) -> int | None:
        left, right = (low, high) if self.rng.random() < 0.5 else (high, low)
        side = self.manners[annotator].answer(self.distances[left], self.distances[right], self.rng)
        return None if side is None else {"left": left, "right": right}[side]
