"""Whose turn it is: triplets in the order of their use; and which of them a growing set of faces completes.

Both cost what is looked at, never what there is. Nothing here knows of strata or of a batch's limits.
"""

from collections.abc import Iterator

import numpy as np

# How many turns are looked at together.
_LOOK_AHEAD = 4096


class Turns:
    """A stratum's triplets, least used first: all of a use's round before any of the next."""

    def __init__(self, places: np.ndarray, used: np.ndarray) -> None:
        """`used` (T,): each triplet's number of uses (none yet) plus a random fraction; users add 1."""
        self._used = used
        self._queue = places[np.argsort(used[places], kind="stable")].astype(np.int32)
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

    def are_due(self, triplets: np.ndarray, ahead: int = 0) -> np.ndarray:
        """Whether the turn of each is still to come in this round, or in the `ahead` next ones."""
        return np.asarray(self._used[triplets] < self._round + 1 + ahead)

    def due(self, triplets: np.ndarray, ahead: int = 0) -> np.ndarray:
        """Those of these triplets that are due (see `are_due`)."""
        return triplets[self.are_due(triplets, ahead)]

    def least_used(self, triplets: np.ndarray, count: int) -> np.ndarray:
        """At most `count` of these triplets, the least used."""
        return triplets[np.argsort(self._used[triplets], kind="stable")[:count]]


class Chosen:
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
        np.add.at(self._in, touched, np.int8(1))  # a plain 1 is cast for each: 17 times slower
        now = self._in[touched]
        still = self.with_two[self._in[self.with_two] == 2]
        self.with_two = np.concatenate([still, np.unique(touched[now == 2])])
        self.inside = np.concatenate([self.inside, np.unique(touched[now == 3])])
        self._has[faces] = True
        self._faces.append(faces)
        self._touched.append(touched)
        self.size += len(faces)

    def with_one(self) -> Iterator[np.ndarray]:
        """The triplets with one face chosen, those of the latest faces first."""
        for touched in reversed(self._touched):
            yield touched[self._in[touched] == 1]

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
