"""The faces that a report is about: vectors, labels, and which of them are measured. Measures import this.

Nothing is computed here but who belongs to whom.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.errors import LabelsError
from model.labels import Labels
from model.snapshot import SPLITS, UNKNOWN


@dataclass(frozen=True)
class LabelledFaces:
    """`embeddings` (N, D) and the `labels` of the same N faces, in the same order."""

    embeddings: np.ndarray
    labels: Labels

    def __post_init__(self) -> None:
        if len(self.embeddings) != len(self.labels.names):
            raise ValueError("there must be as many vectors as names")

    @property
    def groups(self) -> np.ndarray:
        """(N,) one number a person; a face of nobody known is one by itself. What hangs together."""
        who = self.labels.identity
        return np.where(who == UNKNOWN, len(self.labels.identities) + np.arange(len(who)), who)

    def measured(self, split: str) -> np.ndarray:
        """Indices of the faces of this split ("all" for every one). Raises LabelsError if there are none."""
        if split == "all":
            return np.arange(len(self.labels.names))
        rows = np.flatnonzero(self.labels.split == SPLITS[split])
        if not len(rows):
            raise LabelsError(f"no face is of the split {split!r}: give --split all to measure every face")
        return rows

    def taken(self, rows: np.ndarray) -> "LabelledFaces":
        """These faces alone, in this order."""
        labels = self.labels
        chosen = Labels(
            tuple(labels.names[row] for row in rows),
            labels.identity[rows],
            labels.identities,
            labels.expression[rows],
            labels.expressions,
            labels.split[rows],
        )
        return LabelledFaces(self.embeddings[rows], chosen)


def drawn(rows: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """All of `rows` or, where there are more, `most` of them drawn at random; in their order."""
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def drawn_groups(groups: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Indices (n,) of the members of whole groups, drawn at random until there are `most` (or all)."""
    if len(groups) <= most:
        return np.arange(len(groups))
    known, number = np.unique(groups, return_inverse=True)
    order = rng.permutation(len(known))
    members = np.bincount(number)[order]
    chosen = order[: max(1, int(np.searchsorted(np.cumsum(members), most, side="right")))]
    return np.flatnonzero(np.isin(number, chosen))


def members(codes: np.ndarray, least: int) -> np.ndarray:
    """Indices of those whose code is known and borne by at least `least`."""
    rows = np.flatnonzero(codes != UNKNOWN)
    counts = np.bincount(codes[rows]) if len(rows) else np.zeros(1, dtype=int)
    return rows[counts[codes[rows]] >= least]


def named(codes: np.ndarray, names: Sequence[str]) -> list[str]:
    """The names of the codes that occur, in order."""
    return [names[code] for code in np.unique(codes[codes != UNKNOWN])]
