"""Which source is given which target: batches to train on, and held-out pairs to measure on.

Knows face numbers and people only; no pictures.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from model.errors import TrainingError
from model.manipulation.config import ManipulationConfig
from model.snapshot import SPLITS, UNKNOWN, Snapshot


class Batch(NamedTuple):
    """Face numbers (n,) of sources and targets: first `itself` sources whose target they are, then `pair`
    sources whose target is another picture of their person, then those whose target is somebody else."""

    sources: np.ndarray
    targets: np.ndarray
    itself: int
    pair: int
    mirrored: bool


class PairSampler:
    """Draws the batches of an epoch, in which every train face whose person is known is source once."""

    def __init__(self, snapshot: Snapshot, config: ManipulationConfig) -> None:
        """Raises TrainingError where nobody has two pictures, or there is only one person."""
        train = snapshot.faces.split == SPLITS["train"]
        self._identity = snapshot.faces.identity
        self.faces = np.flatnonzero(train & (self._identity != UNKNOWN))
        self._of = {person: self._all_of(person) for person in np.unique(self._identity[self.faces])}
        if not any(len(pictures) > 1 for pictures in self._of.values()):
            raise TrainingError(
                f"{snapshot.folder}: no identity has two train pictures: manipulation learns from several "
                "expressions of one person (column identity)"
            )
        if len(self._of) < 2:
            raise TrainingError(f"{snapshot.folder}: all train pictures show one person; it takes two")
        self._config = config
        self.steps = -(-len(self.faces) // config.faces_per_step)

    @property
    def people(self) -> int:
        """How many different people the train faces show."""
        return len(self._of)

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Batches of nearly equal length; half of them in the mirror."""
        for sources in np.array_split(rng.permutation(self.faces), self.steps):
            yield self._batch(sources, rng)

    def _batch(self, sources: np.ndarray, rng: np.random.Generator) -> Batch:
        itself = round(self._config.itself_share * len(sources))
        wanted = round(self._config.pair_share * len(sources))
        rest = sources[itself:]
        paired = [face for face in rest if len(self._of[self._identity[face]]) > 1][:wanted]
        others = rest[~np.isin(rest, paired)]
        drawn = [self._same(face, rng) for face in paired] + [self._other(face, rng) for face in others]
        ordered = np.concatenate([sources[:itself], np.array(paired, dtype=sources.dtype), others])
        targets = np.concatenate([sources[:itself], np.array(drawn, dtype=sources.dtype)])
        return Batch(ordered, targets, itself, len(paired), bool(rng.random() < 0.5))

    def _same(self, face: int, rng: np.random.Generator) -> int:
        pictures = self._of[self._identity[face]]
        return int(rng.choice(pictures[pictures != face]))

    def _other(self, face: int, rng: np.random.Generator) -> int:
        while True:
            target = int(rng.choice(self.faces))
            if self._identity[target] != self._identity[face]:
                return target

    def _all_of(self, person: int) -> np.ndarray:
        return self.faces[self._identity[self.faces] == person]


def held_out_pairs(snapshot: Snapshot, most: int, seed: int) -> np.ndarray:
    """At most `most` pairs (n, 2) of val faces, source and target, of two different known people."""
    identity = snapshot.faces.identity
    known = np.flatnonzero((snapshot.faces.split == SPLITS["val"]) & (identity != UNKNOWN))
    if len(np.unique(identity[known])) < 2:
        return np.empty((0, 2), dtype=np.int64)
    every, count = len(known) ** 2, 2 * most
    while True:
        # By their numbers: all pairs of thousands of faces would fill the memory.
        numbers = np.random.default_rng(seed).choice(every, size=min(count, every), replace=False)
        pairs = known[np.stack(np.divmod(numbers, len(known)), axis=1)]
        pairs = pairs[identity[pairs[:, 0]] != identity[pairs[:, 1]]]
        if len(pairs) >= most or count >= every:
            return pairs[:most]
        count *= 2
