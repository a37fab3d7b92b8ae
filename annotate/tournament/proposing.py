"""Which groups a network proposes: where it is least sure of its order, or contradicts the annotators.

Faces are rows of its embeddings here. Numpy and the standard library; randomness is passed in.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from annotate.tournament.grouping import Pair, best_candidates

# A candidate is weighed against so many others of its anchor, evenly spread over their distances.
OPPONENTS = 16
# Pairs whose vectors are in hand at a time: 32 MB of 16 dimensions as float64.
_AT_ONCE = 250_000
# Of the inverse temperature's prior, a half-normal on margins of standard deviation 1: hardly anything.
_PRIOR = 1e-3
_NO_TRIPLET = -1


@dataclass(frozen=True)
class Choices:
    """What groups could be made of: anchor a's pairs are rows start[a] to start[a + 1].

    `anchors` (A,), `positive`, `negative` (N,): faces. `triplet` (N,): the imported triplet that says so, or
    -1. `agreement` (N,): how far its annotators agree on it, 0 (nobody was asked) to 1.
    """

    anchors: np.ndarray
    start: np.ndarray
    positive: np.ndarray
    negative: np.ndarray
    triplet: np.ndarray
    agreement: np.ndarray

    @classmethod
    def of_rows(
        cls,
        anchor: np.ndarray,
        positive: np.ndarray,
        negative: np.ndarray,
        triplet: np.ndarray,
        agreement: np.ndarray,
        *,
        k: int,
    ) -> Choices:
        """Of pairs (N,) in any order; anchors with fewer than k of them are left out."""
        _, place, counts = np.unique(anchor, return_inverse=True, return_counts=True)
        enough = np.flatnonzero(counts[place] >= k)
        order = enough[np.lexsort((triplet[enough], anchor[enough]))]
        anchors, start = np.unique(anchor[order], return_index=True)
        start = np.append(start, len(order))
        return cls(anchors, start, positive[order], negative[order], triplet[order], agreement[order])

    @property
    def place(self) -> np.ndarray:
        """(N,) the place in `anchors` of each pair's anchor."""
        return np.repeat(np.arange(len(self.anchors)), np.diff(self.start))

    def pairs(self, rows: np.ndarray) -> list[Pair]:
        """These rows as the drawing of groups knows them."""
        columns = (column[rows].tolist() for column in (self.positive, self.negative, self.triplet))
        return [Pair(p, n, None if t == _NO_TRIPLET else t) for p, n, t in zip(*columns, strict=True)]


@dataclass(frozen=True)
class Proposed:
    """A clean group, and how much its candidates would teach on average."""

    anchor: int
    candidates: list[Pair]
    score: float


def margins(embeddings: np.ndarray, choices: Choices) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances (N,) from its anchor to each pair's positive, and to its negative."""
    anchor = choices.anchors[choices.place]
    return (
        squared_distances(embeddings, anchor, choices.positive),
        squared_distances(embeddings, anchor, choices.negative),
    )


def squared_distances(embeddings: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(N,) between faces `one` and `other` (N,)."""
    found = np.empty(len(one))
    for begin in range(0, len(one), _AT_ONCE):
        piece = slice(begin, begin + _AT_ONCE)
        between = embeddings[one[piece]].astype(np.float64) - embeddings[other[piece]]
        found[piece] = np.einsum("nd,nd->n", between, between)
    return found


def fitted_temperature(margin: np.ndarray, weight: np.ndarray | None = None) -> float:
    """The T with which a logistic of margin / T foretells the answers best: maximum likelihood, by Newton.

    `margin` (N,): by how much the network puts the face farther that the annotators put farther, negative
    where it contradicts them. A network that knows nothing gets a large T: it is unsure of everything.
    """
    weight = np.ones(len(margin)) if weight is None else weight
    total = weight.sum()
    spread = float(np.sqrt((weight * margin**2).sum() / total)) if total else 0.0
    if not spread:
        return 1.0
    scaled = margin / spread
    inverse = 0.0
    for _ in range(100):
        wrong = _sigmoid(-inverse * scaled)
        slope = (weight * wrong * scaled).sum() / total - _PRIOR * inverse
        bend = (weight * wrong * (1 - wrong) * scaled**2).sum() / total + _PRIOR
        step = float(np.clip(slope / bend, -2.0, 2.0))
        inverse = max(0.0, inverse + step)
        if abs(step) < 1e-9:
            break
    return spread / max(inverse, 1e-3)


def worth(choices: Choices, near: np.ndarray, far: np.ndarray, temperature: float) -> np.ndarray:
    """(N,) how much each pair would teach as a candidate: its doubt, and what contradicts the annotators.

    Doubt (0 to 1) is the mean entropy in bits of its comparisons with other candidates of the anchor;
    contradiction the probability that the network gives to the negative being nearer, times the agreement.
    `near`, `far` (N,) are squared distances, as `margins` gives them.
    """
    against = choices.agreement * _sigmoid((near - far) / temperature)
    return _doubt(choices, near, temperature) + against


def _doubt(choices: Choices, near: np.ndarray, temperature: float) -> np.ndarray:
    place, counts = choices.place, np.diff(choices.start)
    in_order = near[np.lexsort((near, place))]
    few = counts <= OPPONENTS
    total = np.zeros(len(near))
    for number in range(OPPONENTS):
        spread_out = ((number + 0.5) / OPPONENTS * counts).astype(np.int64)
        which = choices.start[:-1] + np.where(few, np.minimum(number, counts - 1), spread_out)
        bits = entropy((near - in_order[which][place]) / temperature)
        total += np.where((few & (number >= counts))[place], 0.0, bits)
    # Where all are opponents each meets itself, which is one bit of nothing.
    met = np.where(few, np.maximum(counts - 1, 1), OPPONENTS)
    return (total - few[place]) / met[place]


def entropy(x: np.ndarray) -> np.ndarray:
    """In bits, of a choice with probability 1 / (1 + exp(-x))."""
    size = np.abs(x)
    small = np.exp(-size)
    return (np.log1p(small) + size * small / (1 + small)) / np.log(2)


def propose(
    choices: Choices,
    value: np.ndarray,
    k: int,
    groups: int,
    rng: random.Random,
    *,
    person: Sequence[object] | None = None,
) -> list[Proposed]:
    """Up to `groups` clean groups of k, the most instructive anchors first.

    `value` (N,) is each pair's worth. `person` names who each of the anchors shows: nobody gives more than
    twice their even part of the groups. Faces that are often in the groups already come last.
    """
    order, best = _best_first(choices, value, k)
    ranking = rng.sample(range(len(best)), len(best))
    ranking.sort(key=lambda place: -best[place])
    # What a face is in at most before others come first: twice the even part.
    often = max(1, -(-2 * groups * 2 * k // max(1, _faces(choices))))
    per_person = max(1, -(-2 * groups // len(set(person)))) if person else groups
    used: Counter[int] = Counter()
    worn: set[int] = set()
    shown: Counter[object] = Counter()
    found: list[Proposed] = []
    for place in ranking:
        if len(found) == groups:
            break
        if person is not None and shown[person[place]] >= per_person:
            continue
        rows = order[choices.start[place] : choices.start[place + 1]]
        one = _group(choices, place, rows, value, k, rng, worn)
        if one is not None:
            found.append(one)
            faces = [face for pair in one.candidates for face in (pair.positive, pair.negative)]
            used.update(faces)
            worn.update(face for face in faces if used[face] >= often)
            if person is not None:
                shown[person[place]] += 1
    return found


def _best_first(choices: Choices, value: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows (N,) by anchor, each anchor's worthiest first; (A,) the mean worth of its k worthiest."""
    order = np.lexsort((-value, choices.place))
    sums = np.concatenate([[0.0], np.cumsum(value[order])])
    return order, (sums[choices.start[:-1] + k] - sums[choices.start[:-1]]) / k


def _faces(choices: Choices) -> int:
    return len(np.union1d(choices.positive, choices.negative))


def _group(
    choices: Choices,
    place: int,
    rows: np.ndarray,
    value: np.ndarray,
    k: int,
    rng: random.Random,
    worn: Collection[int],
) -> Proposed | None:
    """A group of the anchor in that place, `rows` being its pairs, the worthiest first."""
    pairs = choices.pairs(rows)
    worth_of = dict(zip(pairs, value[rows].tolist(), strict=True))
    pairs.sort(key=lambda pair: pair.positive in worn or pair.negative in worn)
    anchor = int(choices.anchors[place])
    drawn = best_candidates(anchor, pairs, k, rng)
    if drawn is None:
        return None
    return Proposed(anchor, drawn, sum(worth_of[pair] for pair in drawn) / k)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))
