"""How far each annotator agrees with the others: W_k = N_agree / N (eq. 3).

"Others" are, for an imported triplet, the majority of its other raters; for a tournament vote, what the
group's other brackets say of the same pair by chains that hold no vote of hers. Uncertain never counts,
and neither does an answer that meets no majority.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from annotate.tournament.closure import Match, close

# Below so many counted answers W_k says little; the mean of the others stands in.
ENOUGH = 20

Annotator = TypeVar("Annotator", bound=Hashable)


@dataclass
class Tally:
    """Of one annotator: her answers (uncertain ones too), those that count, and those that agree."""

    votes: int = 0
    n: int = 0
    n_agree: int = 0

    def count(self, agrees: bool | None, times: int = 1) -> None:
        """Add `times` answers; None are those that meet no majority."""
        self.votes += times
        if agrees is not None:
            self.n += times
            self.n_agree += agrees * times


def majority(named: Mapping[int, int]) -> int | None:
    """The one most-named image, or None where none was named or two were as often."""
    ranked = Counter(named).most_common(2)
    if not ranked or ranked[0][1] == 0 or (len(ranked) > 1 and ranked[0][1] == ranked[1][1]):
        return None
    return ranked[0][0]


@dataclass(frozen=True)
class AlikeAnswers:
    """`times` answers of one rater that are alike: what she said (1, 2 or 3; 0 is uncertain) of imported
    triplets whose raters, she among them, named the three images `named` times."""

    rater: str
    answer: int
    named: tuple[int, int, int]
    times: int = 1


def tally_raters(answers: Iterable[AlikeAnswers]) -> dict[str, Tally]:
    """The tally of each rater of imported triplets."""
    tallies: dict[str, Tally] = {}
    for alike in answers:
        agrees = _agrees_with_the_rest(alike.named, alike.answer)
        tallies.setdefault(alike.rater, Tally()).count(agrees, alike.times)
    return tallies


def _agrees_with_the_rest(named: tuple[int, int, int], answer: int) -> bool | None:
    if answer == 0:
        return None
    leader = majority({image: named[image - 1] - (image == answer) for image in (1, 2, 3)})
    return None if leader is None else leader == answer


def tally_group(brackets: Sequence[Sequence[Match]], tallies: dict[int, Tally]) -> None:
    """Add the votes of one group's brackets to `tallies`."""
    evidence: dict[tuple[int, int], list[tuple[int, int, frozenset[int]]]] = {}
    for number, matches in enumerate(brackets):
        for relation in close(matches):
            pair = (min(relation.winner, relation.loser), max(relation.winner, relation.loser))
            voters = relation.deciders | relation.uncertain
            evidence.setdefault(pair, []).append((number, relation.winner, voters))
    for number, matches in enumerate(brackets):
        for match in matches:
            pair = (min(match.winner, match.loser), max(match.winner, match.loser))
            for annotator in match.uncertain:
                tallies.setdefault(annotator, Tally()).count(None)
            for annotator in match.deciders:
                others = Counter(
                    winner
                    for bracket, winner, voters in evidence.get(pair, [])
                    if bracket != number and annotator not in voters
                )
                leader = majority(others)
                agrees = None if leader is None else leader == match.winner
                tallies.setdefault(annotator, Tally()).count(agrees)


def weights(tallies: Mapping[Annotator, Tally]) -> dict[Annotator, float]:
    """W_k of each annotator; with fewer than ENOUGH counted answers, the mean over all (1 if none count)."""
    total = sum(tally.n for tally in tallies.values())
    mean = sum(tally.n_agree for tally in tallies.values()) / total if total else 1.0
    return {
        annotator: tally.n_agree / tally.n if tally.n >= ENOUGH else mean
        for annotator, tally in tallies.items()
    }
