"""Which triplets make a training step.

A step's cost is its faces, its worth its triplets, so steps are drawn to share faces: each distinct face
is embedded once. What annotators say of them is judging.py's; nothing here knows torch or pictures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np

from model.strata import allot, shared_out
from model.turns import Chosen, Turns

Composition = Literal["shared", "random"]

# How gradually a batch grows around its seeds: each stratum adds faces in this many rounds.
_ROUNDS = 8
# An epoch ends when this share of turns has been had: the last few are scattered and fill no batch.
_TURNS = 0.95
# Batches that are drawn to learn how many make an epoch: the first hold more than the later ones.
_TRIED = 64


@dataclass(frozen=True)
class Batch:
    """`triplets` (t,): rows of the snapshot's triplets; `faces` (f,): their distinct faces, ascending."""

    faces: np.ndarray
    triplets: np.ndarray


class BatchSampler:
    """Draws batches of at most `faces` faces and `triplets` triplets from the triplets `rows`.

    "shared": the least used triplets seed the batch, then faces are added that complete the most triplets
    whose turn it is; of all triplets among these faces the least used are kept, and none that is two uses
    ahead of the rest. "random": triplets drawn at random (the paper: 30), each with its own faces; `faces`
    is then not looked at.

    `strata` (len(rows),) int8 puts each triplet into a stratum, `shares` says which part of every batch each
    stratum makes (see strata.allot); a stratum without a share is left out. The smaller a stratum for its
    share, the sooner its turns come round again.

    An epoch lasts until 95 % of the triplets have had their turn, for sets of more than 64 batches as far as
    the first 64 foretell it (84 % at 500,000 triplets of unevenly many a face).

    A batch costs time by the triplets of its faces alone, whatever their total; an epoch sorts all once.
    Memory beside `rows`: 26 bytes a triplet (members 12, index from faces 12, stratum 1, count 1), during an
    epoch 8 more (order, use); 55 in all while the index is built or an epoch sorts.
    """

    def __init__(
        self,
        members: np.ndarray,
        rows: np.ndarray,
        *,
        faces: int,
        triplets: int,
        composition: Composition,
        strata: np.ndarray | None = None,
        shares: Sequence[float] | None = None,
    ) -> None:
        """`members` (T, 3) are the faces of all triplets. Raises ValueError for limits, strata or shares that
        no batch can meet (strata.shared_out).
        """
        if faces < 3 or triplets < 1:
            raise ValueError(f"a batch of {faces} faces and {triplets} triplets: at least 3 and 1 are needed")
        self._rows, self._strata, self._shares = shared_out(rows, strata, shares)
        self._members = members[self._rows].astype(np.int32, copy=False)
        self._chosen = Chosen(self._members)
        self._sizes = np.bincount(self._strata, minlength=len(self._shares))
        self._faces = faces
        self._triplets = min(triplets, len(self._rows))
        self._composition = composition
        self.steps = self._try_out()

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """`steps` batches, in which nearly every triplet has its turn.

        What is drawn follows from `rng` alone, whatever was drawn before.
        """
        for drawn, _ in islice(self._drawn(rng), self.steps):
            yield Batch(np.unique(self._members[drawn]), self._rows[drawn])

    def _try_out(self) -> int:
        """How many batches make an epoch; beyond those tried the last quarter of them speaks."""
        rest = len(self._rows) * (1.0 if self._composition == "random" else _TURNS)
        turns: list[int] = []
        for _, in_turn in self._drawn(np.random.default_rng(0)):
            turns.append(in_turn)
            rest -= in_turn
            if rest <= 0 or len(turns) == _TRIED:
                break
        return len(turns) + max(0, int(np.ceil(rest / np.mean(turns[-_TRIED // 4 :])))) if turns else 0

    def _drawn(self, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, int]]:
        """Batch after batch without end: places in `rows`, and how many of them were in their turn."""
        used = rng.random(len(self._rows), dtype=np.float32)
        turns = [Turns(np.flatnonzero(self._strata == code), used) for code in range(len(self._shares))]
        while len(used):
            if self._composition == "random":
                quotas = allot(self._sizes, self._shares, self._triplets, rng)
                parts = [turn.take(int(quota)) for turn, quota in zip(turns, quotas, strict=True)]
                in_turn = int(quotas.sum())
            else:
                parts = self._least_used(self._grow(turns, rng), turns, rng)
                in_turn = sum(len(turn.due(part)) for turn, part in zip(turns, parts, strict=True))
            drawn = np.sort(np.concatenate(parts))
            used[drawn] += 1
            yield drawn, in_turn

    def _usable(self, inside: np.ndarray, turns: list[Turns]) -> list[np.ndarray]:
        """Each stratum's triplets of those inside that are not yet two uses ahead of the rest."""
        return [turn.due(inside[self._strata[inside] == code], ahead=1) for code, turn in enumerate(turns)]

    def _least_used(
        self, inside: np.ndarray, turns: list[Turns], rng: np.random.Generator
    ) -> list[np.ndarray]:
        """Each stratum's quota of the usable triplets inside, the least used."""
        parts = self._usable(inside, turns)
        quotas = allot(np.array([len(part) for part in parts]), self._shares, self._triplets, rng)
        least = zip(turns, parts, quotas, strict=True)
        return [turn.least_used(part, int(quota)) for turn, part, quota in least]

    def _grow(self, turns: list[Turns], rng: np.random.Generator) -> np.ndarray:
        """All triplets among the faces of one batch.

        Each round serves the stratum furthest behind its share, until nothing of it can be added.
        """
        seeds = min(max(1, self._faces // 9), self._triplets)  # a third of the faces
        taken = allot(self._sizes, self._shares, seeds, rng)
        for turn, count in zip(turns, taken, strict=True):
            self._add(turn.take(int(count)))
        stuck = np.zeros(len(turns), dtype=bool)
        rounds = _ROUNDS * len(turns)
        for round_ in range(rounds):
            wanted = -(-(self._faces - self._chosen.size) // (rounds - round_))
            if wanted <= 0 or stuck.all():
                break
            parts = self._usable(self._chosen.inside, turns)
            filled = np.array([len(part) for part in parts]) / self._shares
            code = int(np.argmin(np.where(stuck, np.inf, filled)))
            left = wanted - self._complete(code, turns[code], wanted, rng)
            left -= self._extend(code, turns[code], left)
            more = min(left // 3, self._sizes[code] - taken[code], self._triplets - taken.sum())
            left -= self._add(turns[code].take(int(more)))
            taken[code] += more
            stuck[code] = left == wanted >= 3 and not more
        return self._chosen.clear()

    def _add(self, triplets: np.ndarray) -> int:
        """Add all faces of these triplets; how many were added."""
        faces = np.unique(self._chosen.missing(triplets))
        self._chosen.add(faces)
        return len(faces)

    def _complete(self, code: int, turns: Turns, wanted: int, rng: np.random.Generator) -> int:
        """Add the faces that complete the most of a stratum's due triplets; how many were added.

        One that would be used ahead of its turn counts half, and none for a face that completes no due one.
        """
        two = self._chosen.with_two
        two = turns.due(two[self._strata[two] == code], ahead=1)
        faces, place = np.unique(self._chosen.missing(two), return_inverse=True)
        due = np.bincount(place, weights=turns.are_due(two), minlength=len(faces))
        worth = due + np.bincount(place, minlength=len(faces))
        worth[due == 0] = 0
        best = np.lexsort((rng.random(len(faces)), -worth))[: min(wanted, np.count_nonzero(worth))]
        self._chosen.add(faces[best])
        return len(best)

    def _extend(self, code: int, turns: Turns, wanted: int) -> int:
        """Add both missing faces of due triplets that have one face in; how many were added."""
        due = np.zeros(0, dtype=np.int32)
        for one in self._chosen.with_one():
            if len(due) >= wanted // 2:
                break
            due = np.concatenate([due, turns.due(one[self._strata[one] == code])])
        return self._add(turns.least_used(due, wanted // 2))
