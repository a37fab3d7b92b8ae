"""Which triplets make a training step.

A step's cost is its faces, its worth its triplets, so steps are drawn to share faces: each distinct face
is embedded once. What annotators say of them is judging.py's; nothing here knows torch or pictures.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

Composition = Literal["shared", "random"]

# How gradually a batch grows around its seeds: faces are added in this many rounds.
_ROUNDS = 8


@dataclass(frozen=True)
class Batch:
    """`triplets` (t,): rows of the snapshot's triplets; `faces` (f,): their distinct faces, ascending."""

    faces: np.ndarray
    triplets: np.ndarray


class BatchSampler:
    """Draws batches of at most `faces` faces and `triplets` triplets from the triplets `rows`.

    "shared": the least used triplets seed the batch, then faces are added that complete the most triplets
    with those already in it. "random": triplets drawn at random (the paper: 30), each with its own faces;
    `faces` is then not looked at.
    """

    def __init__(
        self, members: np.ndarray, rows: np.ndarray, *, faces: int, triplets: int, composition: Composition
    ) -> None:
        self._rows = rows
        self._members = members[rows]
        self._count = int(members.max()) + 1 if len(members) else 0
        self._drawable = np.zeros(self._count, dtype=bool)
        self._drawable[self._members] = True
        self._faces = min(faces, int(self._drawable.sum()))
        self._triplets = min(triplets, len(rows))
        self._composition = composition
        # A sparse set holds fewer triplets in a batch's faces than asked for: look at one batch to know.
        typical = len(self._draw(np.zeros(len(rows)), np.random.default_rng(0))) if len(rows) else 1
        self.steps = -(-len(rows) // typical)

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """`steps` batches, together about as many triplets as there are; the least used come first."""
        used = rng.random(len(self._rows))
        for _ in range(self.steps):
            drawn = self._draw(used, rng)
            used[drawn] += 1
            yield Batch(np.unique(self._members[drawn]), self._rows[drawn])

    def _draw(self, used: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if self._composition == "random":
            return np.argpartition(used, self._triplets - 1)[: self._triplets]
        chosen = self._grow(used, rng)
        inside = np.flatnonzero(chosen[self._members].all(axis=1))
        if len(inside) <= self._triplets:
            return inside
        return inside[np.argpartition(used[inside], self._triplets - 1)[: self._triplets]]

    def _grow(self, used: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(count,) whether each face is in the batch."""
        chosen = np.zeros(self._count, dtype=bool)
        seeds = max(1, self._faces // 9)  # a third of the faces
        chosen[self._members[np.argpartition(used, seeds - 1)[:seeds]]] = True
        for round_ in range(_ROUNDS):
            wanted = -(-(self._faces - int(chosen.sum())) // (_ROUNDS - round_))
            if wanted <= 0:
                break
            inside = chosen[self._members]
            completing = inside.sum(axis=1) == 2
            missing = self._members[completing][~inside[completing]]
            completed = np.bincount(missing, minlength=self._count).astype(float)
            completed += 0.5 * rng.random(self._count)
            completed[chosen] = -1
            completed[~self._drawable] = -1
            chosen[np.argpartition(-completed, wanted - 1)[:wanted]] = True
        return chosen
