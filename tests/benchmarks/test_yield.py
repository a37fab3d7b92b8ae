"""What 45 answers a group give, by the paper's protocol and by confidence; and how true confidence is.

Only triplets between two candidates are counted here. Every answer weighs the same unless said otherwise.
"""

import random
from itertools import pairwise

import numpy as np
import pytest

from annotate.tournament.agreement import tally_group, weights
from annotate.tournament.closure import close
from annotate.tournament.evidence import judgements
from annotate.tournament.noise import estimate_noise
from annotate.tournament.planner import rehearse
from annotate.tournament.ranking import posteriors
from annotate.tournament.simulator import Manner, Table, Verdict, play_bracket

pytestmark = pytest.mark.benchmark
K = 16
# By how many answers about two random candidates are right. Closeness has a standard deviation of 1 here: in
# units of the noise that is 4.2, 2 and 1.05.
LOGISTIC = {
    "logistic, 89 %": Manner(noise=1 / 4.2, carelessness=0.05),
    "logistic, 81 %": Manner(noise=1 / 2, carelessness=0.05),
    "logistic, 72 %": Manner(noise=1 / 1.05, carelessness=0.05),
}
FLIPS = {"19 % flipped": Manner(flip=0.19)}


class Share:
    """How many of a group's triplets are right: their mean, and its standard error clustered by group."""

    def __init__(self, right, of):
        right, of = np.array(right, float), np.array(of, float)
        self.number = of.sum()
        self.mean = right.sum() / of.sum()
        self.error = np.sqrt(((right - self.mean * of) ** 2).sum()) / of.sum()
        self.each = of.mean()

    def __str__(self):
        return f"{self.each:.0f} at {self.mean:.3f} ± {self.error:.3f}"


def share(groups, pairs_of):
    """Of the (winner, loser) that `pairs_of` names for each group."""
    named = [(group, list(pairs_of(group))) for group in groups]
    return Share(
        [sum(group.distances[w] < group.distances[x] for w, x in pairs) for group, pairs in named],
        [len(pairs) for _, pairs in named],
    )


def believe(groups, weighted=None):
    answers = [
        [judgement for matches in group.brackets for judgement in judgements(matches, weighted or {})]
        for group in groups
    ]
    return posteriors(answers, K, estimate_noise(answers, K))


def most_confident(groups, number):
    beliefs = {id(group): belief for group, belief in zip(groups, believe(groups), strict=True)}
    return share(groups, lambda group: [p[:2] for p in beliefs[id(group)].resolve(0.500001)[:number]])


def surer_than(groups, threshold):
    beliefs = {id(group): belief for group, belief in zip(groups, believe(groups), strict=True)}
    return share(groups, lambda group: [p[:2] for p in beliefs[id(group)].resolve(threshold)])


def majority_of_three(manner, groups, rng):
    """One bracket a group in which three answer each comparison."""

    def play(distances):
        table = Table(distances, [manner] * 3, rng)

        def ask(low, high):
            named = [table.ask(low, high).winner for _ in range(3)]
            return Verdict(max(low, high, key=named.count))

        return close(play_bracket(rng.getrandbits(48), K, ask))

    return share(groups, lambda group: ((r.winner, r.loser) for r in play(group.distances)))


def relations(group):
    return ((r.winner, r.loser) for matches in group.brackets for r in close(matches))


def clicks(group):
    return ((match.winner, match.loser) for matches in group.brackets for match in matches)


@pytest.mark.timeout(900)
def test_yield(report):
    """300 groups, 45 answers each, in one run."""
    report(
        "| annotators | answers right | paper-exact | majority of three | 40 surest | confidence from 0.9 "
        "| one bracket and 30 extra: 50 surest | there, confidence from 0.9 |\n" + "|---" * 8 + "|"
    )
    for name, manner in (LOGISTIC | FLIPS).items():
        rng = random.Random(f"yield:{name}")
        groups = rehearse(300, K, 3, [manner] * 9, rng)
        extra = rehearse(300, K, 1, [manner] * 9, rng, extra=30)
        assert {group.answers for group in [*groups, *extra]} == {45}
        forty, fifty = most_confident(groups, 40), most_confident(extra, 50)
        cells = [
            f"{share(groups, clicks).mean:.3f}", share(groups, relations),
            majority_of_three(manner, groups, rng), forty, surer_than(groups, 0.9), fifty,
            surer_than(extra, 0.9),
        ]  # fmt: skip
        report(f"| {name} | {' | '.join(str(cell) for cell in cells)} |")
        if name == "logistic, 81 %":
            assert min(forty.mean, fifty.mean) >= 0.96


BINS = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 1.0]


def calibration(groups, beliefs):
    """(stated, Share of those right) of each bin of confidence."""
    right = np.array([np.less.outer(group.distances, group.distances) for group in groups])
    stated = np.array([belief.confidence for belief in beliefs])
    for low, high in pairwise(BINS):
        inside = (stated > low) & (stated <= high)
        yield stated[inside].mean(), Share((right & inside).sum((1, 2)), inside.sum((1, 2)))


def by_agreement(groups):
    tallies = {}
    for group in groups:
        tally_group(group.brackets, tallies)
    return weights(tallies)


@pytest.mark.timeout(900)
def test_calibration(report):
    """1,000 groups of three brackets at each noise level; and 300 of one bracket and 30 extra answers; and
    1,000 in which three of nine annotators are careless half of the time, weighted by their agreement."""
    report("| annotators | " + " | ".join(f"to {high}" for high in BINS[1:]) + " |\n|" + "---|" * len(BINS))
    careful, careless = LOGISTIC["logistic, 81 %"], Manner(noise=0.5, carelessness=0.5)
    cases = [(name, [manner] * 9, 1000, 3, 0) for name, manner in LOGISTIC.items()]
    cases += [(f"{name}, one bracket and 30 extra", [m] * 9, 300, 1, 30) for name, m in LOGISTIC.items()]
    cases += [("three of nine careless, weighted", [careful] * 6 + [careless] * 3, 1000, 3, 0)]
    cases += [("19 % flipped", [FLIPS["19 % flipped"]] * 9, 1000, 3, 0)]
    misses = []
    for name, manners, number, repetitions, extra in cases:
        groups = rehearse(number, K, repetitions, manners, random.Random(f"calibration:{name}"), extra=extra)
        weighted = by_agreement(groups) if "weighted" in name else None
        cells = []
        for stated, found in calibration(groups, believe(groups, weighted)):
            off = stated - found.mean
            cells.append(f"{100 * stated:.1f} / {100 * found.mean:.1f} ± {100 * found.error:.1f}")
            if found.number >= 5000 and abs(off) > 0.03 + 2 * found.error:
                misses.append((name, cells[-1]))
        report(f"| {name} | {' | '.join(cells)} |")
    assert misses == []
