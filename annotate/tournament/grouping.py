"""Draws the candidates of groups: which faces are compared with one another.

Faces are integers here. Randomness comes from the caller's random.Random alone.
"""

from __future__ import annotations

import bisect
import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

# Searching finds nearly every group that exists; each try costs time linear in the anchor's pairs.
TRIES = 20


@dataclass(frozen=True, order=True)
class Pair:
    """A positive and a negative of one anchor, and the imported triplet (if any) that says so."""

    positive: int
    negative: int
    triplet: int | None = None


def draw_candidates(anchor: int, pairs: Sequence[Pair], k: int, rng: random.Random) -> list[Pair] | None:
    """k pairs in which every face occurs once and the anchor not at all, or None if none were found.

    Such a set is a matching of k edges in the graph whose edges are the pairs. A first greedy pass in
    random order keeps the draw even; where it falls short, faces with the fewest choices left go first.
    """
    usable = [pair for pair in pairs if anchor not in (pair.positive, pair.negative)]
    if len(usable) < k:
        return None
    for attempt in range(TRIES):
        shuffled = rng.sample(usable, len(usable))
        drawn = _in_order(shuffled, k) if attempt == 0 else _fewest_choices_first(shuffled, k)
        if len(drawn) == k:
            rng.shuffle(drawn)
            return drawn
    return None


def best_candidates(anchor: int, pairs: Sequence[Pair], k: int, rng: random.Random) -> list[Pair] | None:
    """k clean pairs as draw_candidates gives them, of pairs that are given best first.

    They are taken in that order where that fills the group; otherwise searched among as few of the best as
    do.
    """
    usable = [pair for pair in pairs if anchor not in (pair.positive, pair.negative)]
    drawn = _in_order(usable, k)
    if len(drawn) == k:
        rng.shuffle(drawn)
        return drawn
    looked_at = 2 * k
    while looked_at < len(usable):
        searched = draw_candidates(anchor, usable[:looked_at], k, rng)
        if searched is not None:
            return searched
        looked_at *= 2
    return draw_candidates(anchor, usable, k, rng)


def _in_order(pairs: Iterable[Pair], k: int) -> list[Pair]:
    used: set[int] = set()
    drawn: list[Pair] = []
    for pair in pairs:
        if len(drawn) == k:
            break
        if pair.positive not in used and pair.negative not in used and pair.positive != pair.negative:
            used |= {pair.positive, pair.negative}
            drawn.append(pair)
    return drawn


def _fewest_choices_first(pairs: Sequence[Pair], k: int) -> list[Pair]:
    """Greedy matching by smallest degree (Karp and Sipser): where a face has one pair left, take that."""
    edges: dict[int, set[int]] = {}
    for index, pair in enumerate(pairs):
        if pair.positive != pair.negative:
            edges.setdefault(pair.positive, set()).add(index)
            edges.setdefault(pair.negative, set()).add(index)
    drawn: list[Pair] = []
    while edges and len(drawn) < k:
        face = min(edges, key=lambda face: (len(edges[face]), min(edges[face])))
        index = min(edges[face], key=lambda index: (_choices(pairs[index], edges), index))
        drawn.append(pairs[index])
        for taken in (pairs[index].positive, pairs[index].negative):
            _remove(taken, pairs, edges)
    return drawn


def _choices(pair: Pair, edges: Mapping[int, set[int]]) -> int:
    return len(edges[pair.positive]) + len(edges[pair.negative])


def _remove(face: int, pairs: Sequence[Pair], edges: dict[int, set[int]]) -> None:
    for index in edges.pop(face, set()):
        for end in (pairs[index].positive, pairs[index].negative):
            if end in edges:
                edges[end].discard(index)
                if not edges[end]:
                    del edges[end]


@dataclass(frozen=True)
class LabelledFace:
    """A face of known expression; an empty identity stands for a person of her own."""

    face: int
    expression: str
    identity: str = ""

    @property
    def person(self) -> str | int:
        return self.identity or self.face


class LabelledFaces:
    """Groups by labels: positives share the anchor's expression, negatives do not."""

    def __init__(self, faces: Iterable[LabelledFace]) -> None:
        self._by_expression: dict[str, list[LabelledFace]] = {}
        for face in faces:
            if face.expression:
                self._by_expression.setdefault(face.expression, []).append(face)

    def anchors(self) -> list[LabelledFace]:
        """Every face that could be an anchor, in a fixed order."""
        return [
            face for expression in sorted(self._by_expression) for face in self._by_expression[expression]
        ]

    def draw(self, anchor: LabelledFace, k: int, rng: random.Random) -> list[Pair] | None:
        """k candidates of k + 1 different people (the anchor among them), each with a negative of its own."""
        positives = self._positives(anchor, k, rng)
        others = [name for name in sorted(self._by_expression) if name != anchor.expression]
        negatives = _sample_of_lists([self._by_expression[name] for name in others], k, rng)
        if len(positives) < k or len(negatives) < k:
            return None
        return [Pair(p.face, n.face) for p, n in zip(positives, negatives, strict=True)]

    def _positives(self, anchor: LabelledFace, k: int, rng: random.Random) -> list[LabelledFace]:
        people = {anchor.person}
        positives: list[LabelledFace] = []
        same = self._by_expression[anchor.expression]
        for face in rng.sample(same, len(same)):
            if len(positives) < k and face.person not in people:
                people.add(face.person)
                positives.append(face)
        return positives


def _sample_of_lists(
    lists: Sequence[Sequence[LabelledFace]], k: int, rng: random.Random
) -> list[LabelledFace]:
    """k different members of the lists together, or all of them if they are fewer."""
    ends = list(itertools.accumulate(len(members) for members in lists))
    size = ends[-1] if ends else 0
    drawn: list[LabelledFace] = []
    for index in rng.sample(range(size), min(k, size)):
        place = bisect.bisect_right(ends, index)
        drawn.append(lists[place][index - ends[place]])
    return drawn
