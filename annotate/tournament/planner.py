"""What a campaign with given settings will ask and give: expected answers, hours and triplets, and groups
rehearsed with simulated annotators."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from annotate.tournament import bracket
from annotate.tournament.closure import Match, close
from annotate.tournament.evidence import judgements
from annotate.tournament.extra import choose
from annotate.tournament.noise import estimate_noise
from annotate.tournament.ranking import Judgement, Noise, Posterior, posteriors
from annotate.tournament.simulator import Manner, Table

# Perception as good as makes 81 % of answers right, with 5 % of them careless.
AS_EXPECTED = Manner(noise=0.5, carelessness=0.05)
# So many brackets tell how many relations ties leave, within about 1 %.
PLAYED = 400


@dataclass(frozen=True)
class Plan:
    """Of a whole campaign, as expected: how often somebody is asked, for how long, and what every bracket's
    closure gives (the paper's triplets, those of several brackets counted each time)."""

    comparisons: int
    answers: float
    hours: float
    direct: float
    inferred: float
    negative: float

    @property
    def triplets(self) -> float:
        return self.direct + self.inferred + self.negative


def plan(
    groups: int,
    k: int,
    repetitions: int,
    seconds: float,
    *,
    manner: Manner = AS_EXPECTED,
    max_uncertain: int = 3,
    extra: int = 0,
) -> Plan:
    """What to expect where everybody answers in this manner and takes `seconds` for an answer on average.

    A comparison is asked until somebody names one of the two or `max_uncertain` were uncertain, which makes
    it a tie: (1 - u^m) / (1 - u) answers. A bracket without ties has (k / 2) log2 k relations. With ties the
    relations that are left are counted in played brackets: a tie lets weaker candidates go on, and so which
    chains break depends on who wins. Each relation is a triplet against the loser and one against the
    loser's negative. Extra comparisons are not in the closure. Raises ValueError for settings that cannot be.
    """
    if min(groups, repetitions, seconds, extra) < 0 or max_uncertain < 1:
        raise ValueError("A campaign's numbers cannot be negative, and somebody must be asked")
    brackets = groups * repetitions
    comparisons = brackets * (k - 1) + groups * extra
    answers = comparisons * sum(manner.uncertain**asked for asked in range(max_uncertain))
    direct = brackets * (k - 1) * (1 - manner.uncertain**max_uncertain)
    inferred = brackets * _inferred(k, manner, max_uncertain)
    return Plan(comparisons, answers, answers * seconds / 3600, direct, inferred, direct + inferred)


def _inferred(k: int, manner: Manner, max_uncertain: int) -> float:
    """How many relations of a bracket rest on more than one match, on the mean."""
    if manner.uncertain == 0:
        return k // 2 * bracket.rounds(k) - (k - 1)
    played = rehearse(
        PLAYED, k, 1, [manner] * max_uncertain, random.Random("plan"), max_uncertain=max_uncertain
    )
    relations = [relation for group in played for relation in close(group.brackets[0])]
    return sum(len(relation.chain) > 1 for relation in relations) / PLAYED


@dataclass(frozen=True)
class Rehearsed:
    """Of one simulated group: its distances, its brackets and extra answers (each a bracket of one match),
    and the answers that they took."""

    distances: Sequence[float]
    brackets: list[list[Match]]

    @property
    def answers(self) -> int:
        return sum(len(match.deciders | match.uncertain) for matches in self.brackets for match in matches)

    @property
    def judgements(self) -> list[Judgement]:
        return [judgement for matches in self.brackets for judgement in judgements(matches, {})]


def rehearse(
    groups: int,
    k: int,
    repetitions: int,
    manners: Sequence[Manner],
    rng: random.Random,
    *,
    extra: int = 0,
    max_uncertain: int = 3,
) -> list[Rehearsed]:
    """Groups of candidates at normally distributed distances (standard deviation 1), played through their
    brackets and then asked `extra` comparisons each, one after the other, where they tell most."""
    tables = [Table([rng.gauss(0, 1) for _ in range(k)], manners, rng, max_uncertain) for _ in range(groups)]
    rehearsed = [Rehearsed(table.distances, table.play(repetitions)) for table in tables]
    noise = Noise()
    for asked in range(extra):
        answers = [group.judgements for group in rehearsed]
        if asked % 10 == 0:
            noise = estimate_noise(answers, k)
        for table, group, belief in zip(tables, rehearsed, posteriors(answers, k, noise), strict=True):
            _ask_one(table, group, belief, noise)
    return rehearsed


def _ask_one(table: Table, group: Rehearsed, belief: Posterior, noise: Noise) -> None:
    """Ask the comparison that tells most, if any is left that somebody has not answered."""
    k = len(table.distances)
    spent = [(a, b) for b in range(k) for a in range(b) if not table.can_be_asked(a, b)]
    for low, high in choose(belief, float(noise.attention_at(1.0)), excluded=spent):
        verdict = table.ask(low, high)
        is_tie = verdict.winner is None
        winner = low if verdict.winner is None else verdict.winner
        match = Match(0, 1, winner, low + high - winner, verdict.deciders, verdict.uncertain, is_tie)
        group.brackets.append([match])
