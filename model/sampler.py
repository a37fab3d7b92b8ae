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

Composition = Literal["shared", "random"]

# How gradually a batch grows around its seeds: each stratum adds faces in this many rounds.
_ROUNDS = 8
# How many turns are looked at together.
_LOOK_AHEAD = 4096


@dataclass(frozen=True)
class Batch:
    """`triplets` (t,): rows of the snapshot's triplets; `faces` (f,): their distinct faces, ascending."""

    faces: np.ndarray
    triplets: np.ndarray


class BatchSampler:
    """Draws batches of at most `faces` faces and `triplets` triplets from the triplets `rows`.

    "shared": the least used triplets seed the batch, then faces are added that complete the most triplets
    with those already in it; of all triplets among these faces the least used are kept. "random": triplets
    drawn at random (the paper: 30), each with its own faces; `faces` is then not looked at.

    `strata` (len(rows),) int8 puts each triplet into a stratum, `shares` says which part of every batch each
    stratum makes (see strata.allot); a stratum without a share is left out. A scarce stratum's turns come round
    more often.

    Each batch costs time by the triplets of its faces alone, each epoch the sorting of all. Memory: 36 bytes
    a triplet (12 members, 12 index from faces, 8 row, 1 stratum, 1 count, 2 of padding at most) and 8 more
    during an epoch (order and use), beside which sorting takes another 8, building the index another 36.
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
        no batch can meet."""
        if faces < 3 or triplets < 1:
            raise ValueError(f"a batch of {faces} faces and {triplets} triplets: at least 3 and 1 are needed")
        rows, self._strata, self._shares = shared_out(rows, strata, shares)
        self._rows = rows
        self._members = members[rows].astype(np.int32, copy=False)
        self._chosen = _Chosen(self._members)
        self._sizes = np.bincount(self._strata, minlength=len(self._shares))
        self._faces = faces
        self._triplets = min(triplets, len(rows))
        self._composition = composition
        # A sparse set holds fewer triplets in a batch's faces than asked for: look at one batch to know.
        typical = len(next(self._drawn(np.random.default_rng(0)))) if len(rows) else 1
        self.steps = -(-len(rows) // typical)

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """`steps` batches, together about as many triplets as there are; the least used come first.

        What is drawn follows from `rng` alone, whatever was drawn before.
        """
        for drawn in islice(self._drawn(rng), self.steps):
            yield Batch(np.unique(self._members[drawn]), self._rows[drawn])

    def _drawn(self, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Places in `rows` of one batch after another, without end."""
        used = rng.random(len(self._rows), dtype=np.float32)
        places = np.arange(len(self._rows), dtype=np.int32)
        turns = [_Turns(places[self._strata == code], used) for code in range(len(self._shares))]
        while True:
            if self._composition == "random":
                drawn = self._take(turns, self._triplets, rng)
            else:
                inside = self._grow(turns, used, rng)
                drawn = self._least_used(inside, used, rng)
            used[drawn] += 1
            yield drawn

    def _take(self, turns: list["_Turns"], count: int, rng: np.random.Generator) -> np.ndarray:
        quotas = allot(self._sizes, self._shares, count, rng)
        return np.concatenate([turn.take(int(quota)) for turn, quota in zip(turns, quotas, strict=True)])

    def _least_used(self, inside: np.ndarray, used: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        strata = self._strata[inside]
        quotas = allot(self._counts(inside), self._shares, self._triplets, rng)
        return np.concatenate(
            [_lowest(inside[strata == code], used, int(quota)) for code, quota in enumerate(quotas)]
        )

    def _counts(self, triplets: np.ndarray) -> np.ndarray:
        return np.bincount(self._strata[triplets], minlength=len(self._shares))

    def _grow(self, turns: list["_Turns"], used: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """All triplets among the faces of one batch; each round serves the stratum furthest behind."""
        chosen = self._chosen
        seeds = min(max(1, self._faces // 9), self._triplets)  # a third of the faces
        chosen.add(np.unique(chosen.missing(self._take(turns, seeds, rng))))
        rounds = _ROUNDS * len(turns)
        for round_ in range(rounds):
            wanted = -(-(self._faces - chosen.size) // (rounds - round_))
            if wanted <= 0:
                break
            behind = int(np.argmin(self._counts(chosen.inside) / self._shares))
            wanted -= self._complete(behind, wanted, rng)
            wanted -= self._extend(behind, wanted, used)
            if wanted >= 3 and seeds < self._triplets:
                more = min(wanted // 3, self._triplets - seeds)
                chosen.add(np.unique(chosen.missing(turns[behind].take(more))))
                seeds += more
        return chosen.clear()

    def _complete(self, code: int, wanted: int, rng: np.random.Generator) -> int:
        """Add the faces that complete the most of a stratum's triplets; how many were added."""
        two = self._chosen.with_two
        faces, completed = np.unique(self._chosen.missing(two[self._strata[two] == code]), return_counts=True)
        best = np.lexsort((rng.random(len(faces)), -completed))[:wanted]
        self._chosen.add(faces[best])
        return len(best)

    def _extend(self, code: int, wanted: int, used: np.ndarray) -> int:
        """Add both missing faces of the least used triplets that have one face in; how many were added."""
        if wanted < 2:
            return 0
        one = self._chosen.with_one()
        least = _lowest(one[self._strata[one] == code], used, wanted // 2)
        faces = np.unique(self._chosen.missing(least))
        self._chosen.add(faces)
        return len(faces)


class _Turns:
    """A stratum's triplets, least used first: all of a use's round before any of the next."""

    def __init__(self, places: np.ndarray, used: np.ndarray) -> None:
        """`used` (T,) is each triplet's number of uses plus a random fraction; whoever uses one adds 1."""
        self._used = used
        self._queue = places[np.argsort(used[places])]
        self._at = 0
        self._round = 0

    def take(self, count: int) -> np.ndarray:
        """The next `count` triplets, all different; the whole stratum if it has no more."""
        taken = self._queue[:0]
        count = min(count, len(self._queue))
        while len(taken) < count:
            ahead = self._queue[self._at : self._at + _LOOK_AHEAD]
            due = np.flatnonzero((self._used[ahead] < self._round + 1) & ~np.isin(ahead, taken))
            due = due[: count - len(taken)]
            taken = np.concatenate([taken, ahead[due]])
            self._at += int(due[-1]) + 1 if len(taken) == count else len(ahead)
            if self._at >= len(self._queue):
                self._at, self._round = 0, self._round + 1
        return taken


class _Chosen:
    """The faces chosen for a batch, and how many of each triplet's faces are among them.

    Only the chosen faces' own triplets are ever looked at.
    """

    def __init__(self, members: np.ndarray) -> None:
        """`members` (T, 3) int32; a face's triplets are `_index[_start[face] : _start[face + 1]]`."""
        self._members = members
        faces = int(members.max()) + 1 if len(members) else 0
        self._start = np.zeros(faces + 1, dtype=np.int64)
        np.cumsum(np.bincount(members.ravel(), minlength=faces), out=self._start[1:])
        self._index = (np.argsort(members.ravel(), kind="stable") // 3).astype(np.int32)
        self._has = np.zeros(faces, dtype=bool)
        self._in = np.zeros(len(members), dtype=np.int8)
        self._empty()

    def _empty(self) -> None:
        self._faces: list[np.ndarray] = []
        self._touched: list[np.ndarray] = []
        self.size = 0
        # Triplets with two, and with all three faces chosen.
        self.with_two = self.inside = np.zeros(0, dtype=np.int32)

    def add(self, faces: np.ndarray) -> None:
        """Choose faces that are different and not chosen yet."""
        start, count = self._start[faces], self._start[faces + 1] - self._start[faces]
        touched = self._index[np.arange(count.sum()) + np.repeat(start - (np.cumsum(count) - count), count)]
        np.add.at(self._in, touched, 1)
        now = self._in[touched]
        still = self.with_two[self._in[self.with_two] == 2]
        self.with_two = np.concatenate([still, np.unique(touched[now == 2])])
        self.inside = np.concatenate([self.inside, np.unique(touched[now == 3])])
        self._has[faces] = True
        self._faces.append(faces)
        self._touched.append(touched)
        self.size += len(faces)

    def with_one(self) -> np.ndarray:
        """The triplets with one face chosen."""
        touched = np.concatenate(self._touched)
        return touched[self._in[touched] == 1]

    def missing(self, triplets: np.ndarray) -> np.ndarray:
        """The faces of these triplets that are not chosen, once for each triplet."""
        faces = self._members[triplets]
        return faces[~self._has[faces]]

    def clear(self) -> np.ndarray:
        """Let go of all faces; the triplets that were among them."""
        inside = self.inside
        self._has[np.concatenate(self._faces)] = False
        self._in[np.concatenate(self._touched)] = 0
        self._empty()
        return inside


def _lowest(triplets: np.ndarray, used: np.ndarray, count: int) -> np.ndarray:
    if len(triplets) <= count:
        return triplets
    return triplets[np.argpartition(used[triplets], count)[:count]]
