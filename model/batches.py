"""Which triplets make a training step, and what they ask of the embeddings of its faces.

A step's cost is its faces, its worth its triplets, so steps are drawn to share faces: each distinct face
is embedded once. Nothing here touches pictures or the network.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from model.crowd import UNSEEN
from model.loss import MARGIN, MARGIN_ONE_CLASS, Judgements
from model.snapshot import ANSWERS, KINDS, Answers, Snapshot

Composition = Literal["shared", "random"]

# An annotator's own triplet: which of (anchor, positive, negative) are hers, by the face she set apart.
_OWN = np.array([(1, 2, 0), (0, 2, 1), (0, 1, 2)])
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


def _named(answers: Answers, triplets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The answers that name a face: place in `triplets` of each, and its row in `answers`."""
    start, count = answers.start[triplets], answers.start[triplets + 1] - answers.start[triplets]
    number = np.repeat(np.arange(len(triplets)), count)
    rows = np.arange(len(number)) + np.repeat(start - (np.cumsum(count) - count), count)
    named = answers.odd[rows] != ANSWERS["uncertain"]
    return number[named], rows[named]


def judgements(
    snapshot: Snapshot, batch: Batch, annotators: Tensor, *, tournament_two_terms: bool, device: torch.device
) -> Judgements:
    """What every annotator says of the batch's triplets (eq. 3), one row each; "uncertain" says nothing.

    `annotators` (A,) gives the crowd layer's index of each of the snapshot's annotators. A triplet whose
    own answers are not in the snapshot (an inferred one, say) is one row with the triplet's weight, unseen.
    """
    table, answers = snapshot.triplets, snapshot.answers
    number, rows = _named(answers, batch.triplets)
    silent = np.setdiff1d(np.arange(len(batch.triplets)), number)

    triplet = np.concatenate([number, silent])
    odd = np.concatenate([answers.odd[rows], np.full(len(silent), ANSWERS["negative"])])
    who = np.concatenate([annotators.numpy()[answers.annotator[rows]], np.full(len(silent), UNSEEN)])
    weight = np.concatenate([answers.weight[rows], table.weight[batch.triplets[silent]]])
    of = batch.triplets[triplet]
    corners = np.searchsorted(batch.faces, table.faces[of])
    own = np.take_along_axis(corners, _OWN[odd], axis=1)
    margin = np.where(table.kind[of] == KINDS["ONE_CLASS_TRIPLET"], MARGIN_ONE_CLASS, MARGIN)
    two_terms = table.imported[of] | tournament_two_terms

    def tensor(values: np.ndarray, dtype: torch.dtype = torch.long) -> Tensor:
        return torch.as_tensor(values, dtype=dtype, device=device)

    return Judgements(
        anchor=tensor(own[:, 0]),
        positive=tensor(own[:, 1]),
        negative=tensor(own[:, 2]),
        annotator=tensor(who),
        weight=tensor(weight, torch.float32),
        margin=tensor(margin, torch.float32),
        two_terms=tensor(two_terms, torch.float32),
        triplet=tensor(triplet),
        triplets=len(batch.triplets),
    )
