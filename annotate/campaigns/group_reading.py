"""Reads one group: its brackets with who answered what, what follows from them, where they contradict
each other, and how near the anchor each candidate probably is. A fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count, product
from string import ascii_uppercase

from annotate.campaigns.brackets import as_match
from annotate.campaigns.extras import last_known
from annotate.campaigns.models import Bracket, Campaign, Candidate, Comparison, Group, Vote
from annotate.tournament.closure import Match, Relation, close
from annotate.tournament.evidence import contradictions, cycles, weigh
from annotate.tournament.ranking import Judgement, posterior

# Of a normal distribution, 95 % lie within so many standard deviations.
WITHIN = 1.96

Pair = tuple[int, int]


@dataclass
class Asked:
    """A comparison and the answers to it that stand, the first first. `marks` name the contradictory pairs
    of which it says something."""

    comparison: Comparison
    answers: list[Vote] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)

    @property
    def loser(self) -> int | None:
        winner = self.comparison.winner
        return None if winner is None else self.comparison.low + self.comparison.high - winner

    @property
    def state(self) -> str:
        comparison = self.comparison
        if comparison.is_withdrawn:
            return "withdrawn"
        if comparison.winner is None:
            return "open"
        return "tie" if comparison.is_tie else "decided"

    @cached_property
    def match(self) -> Match:
        return as_match(self.comparison, self.answers)


@dataclass
class Repetition:
    """One bracket: its matches in the tree's order, those that are not asked any more, and what follows."""

    bracket: Bracket
    matches: list[Asked] = field(default_factory=list)
    withdrawn: list[Asked] = field(default_factory=list)

    @property
    def number(self) -> int:
        return self.bracket.repetition

    @property
    def decided(self) -> int:
        return sum(asked.comparison.winner is not None for asked in self.matches)

    @cached_property
    def relations(self) -> list[Relation]:
        """The same that are stored, with their chains."""
        return close(asked.match for asked in self.matches if asked.comparison.winner is not None)

    @property
    def annotators(self) -> list[str]:
        """Who has a part in it, by name."""
        return sorted({vote.annotator.username for asked in self.matches for vote in asked.answers})

    @property
    def inferred(self) -> int:
        return sum(len(relation.chain) > 1 for relation in self.relations)


@dataclass(frozen=True)
class Statement:
    """That `winner` is nearer: by a bracket's chain of answers, or by answers beyond the brackets."""

    winner: int
    loser: int
    repetition: int | None
    chain: int
    matches: tuple[int, ...]


@dataclass(frozen=True)
class Contradiction:
    """A pair that is said both ways; `mark` is its letter in the trees."""

    mark: str
    low: int
    high: int
    low_face: int
    high_face: int
    statements: list[Statement]

    @property
    def for_low(self) -> int:
        return sum(statement.winner == self.low for statement in self.statements)

    @property
    def for_high(self) -> int:
        return len(self.statements) - self.for_low


@dataclass(frozen=True)
class Standing:
    """Where a candidate probably stands: its closeness to the anchor, larger is nearer, with the 95 %
    interval."""

    slot: int
    mean: float
    low: float
    high: float


@dataclass
class GroupReading:
    """All of it. `candidates` by slot; `extras` are comparisons in no bracket, `beyond` their answers and
    those of closed or withdrawn matches, each as a bracket of one match."""

    group: Group
    candidates: dict[int, Candidate]
    repetitions: list[Repetition]
    extras: list[Asked]
    beyond: list[Match]
    standings: list[Standing]
    contradictions: list[Contradiction] = field(default_factory=list)
    cycles: list[tuple[int, ...]] = field(default_factory=list)


def read_group(campaign: Campaign, index: int) -> GroupReading:
    """The group of this number. Raises Group.DoesNotExist."""
    group = campaign.groups.select_related("anchor").get(index=index)
    candidates = {
        candidate.slot: candidate
        for candidate in group.candidates.select_related("positive", "negative").order_by("slot")
    }
    asked = _asked(group)
    repetitions = {bracket.pk: Repetition(bracket) for bracket in group.brackets.order_by("repetition")}
    extras = []
    for one in asked:
        if one.comparison.bracket_id is None:
            extras.append(one)
        else:
            repetition = repetitions[one.comparison.bracket_id]
            (repetition.withdrawn if one.comparison.is_withdrawn else repetition.matches).append(one)
    votes = [vote for one in asked for vote in one.answers]
    reading = GroupReading(
        group,
        candidates,
        list(repetitions.values()),
        extras,
        _beyond(votes, asked),
        _standings(campaign, votes),
    )
    _contradict(reading)
    return reading


def _asked(group: Group) -> list[Asked]:
    rows = group.comparisons.order_by("round", "position", "id")
    asked = {comparison.pk: Asked(comparison) for comparison in rows}
    for vote in group.votes.live().select_related("annotator").order_by("created_at", "pk"):
        asked[vote.comparison_id].answers.append(vote)
    return list(asked.values())


def _beyond(votes: Iterable[Vote], asked: Iterable[Asked]) -> list[Match]:
    """Extra, late and left-over answers that name somebody."""
    decides = {
        one.comparison.pk: one.comparison.bracket_id is not None and not one.comparison.is_withdrawn
        for one in asked
    }
    return [
        Match(0, 1, vote.winner, vote.low + vote.high - vote.winner, frozenset({vote.annotator_id}))
        for vote in votes
        if vote.winner is not None and not (vote.counts and decides[vote.comparison_id])
    ]


def _standings(campaign: Campaign, votes: Iterable[Vote]) -> list[Standing]:
    """The candidates, the nearest first; empty where nobody has named one."""
    noise, weight = last_known(campaign)
    judgements = [
        Judgement(vote.winner, vote.low + vote.high - vote.winner, weight.get(vote.annotator_id, 1.0))
        for vote in votes
        if vote.winner is not None
    ]
    if not judgements:
        return []
    found = posterior(judgements, campaign.k, noise)
    standings = [
        Standing(slot, mean, mean - WITHIN * deviation, mean + WITHIN * deviation)
        for slot, (mean, deviation) in enumerate(
            zip(found.mean.tolist(), (found.covariance.diagonal() ** 0.5).tolist(), strict=True)
        )
    ]
    return sorted(standings, key=lambda standing: -standing.mean)


def _contradict(reading: GroupReading) -> None:
    """Find the pairs that are said both ways, and mark the matches that say something of them."""
    brackets = [[one.match for one in rep.matches if one.comparison.winner is not None]
                for rep in reading.repetitions]  # fmt: skip
    evidence = weigh([*brackets, *([match] for match in reading.beyond)], {})
    reading.cycles = cycles(evidence)
    statements = _statements(reading)
    by_comparison = {
        one.comparison.pk: one for repetition in reading.repetitions for one in repetition.matches
    }
    for mark, pair in zip(_letters(), contradictions(evidence), strict=False):
        faces = (reading.candidates[slot].positive_id for slot in pair)
        reading.contradictions.append(Contradiction(mark, *pair, *faces, statements[pair]))
        for statement in statements[pair]:
            if statement.matches:
                by_comparison[statement.matches[0]].marks.append(mark)


def _statements(reading: GroupReading) -> dict[Pair, list[Statement]]:
    found: dict[Pair, list[Statement]] = defaultdict(list)
    for repetition in reading.repetitions:
        for r in repetition.relations:
            matches = tuple(match.id for match in r.chain)
            found[_pair(r.winner, r.loser)].append(
                Statement(r.winner, r.loser, repetition.number, len(r.chain), matches)
            )
    for match in reading.beyond:
        found[_pair(match.winner, match.loser)].append(Statement(match.winner, match.loser, None, 1, ()))
    return found


def _pair(a: int, b: int) -> Pair:
    return (a, b) if a < b else (b, a)


def _letters() -> Iterable[str]:
    """A, B, ... Z, AA, AB, ..."""
    for length in count(1):
        for letters in product(ascii_uppercase, repeat=length):
            yield "".join(letters)
