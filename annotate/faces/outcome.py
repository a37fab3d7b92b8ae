"""What an import tells its caller: how far it is, and what came of it. No Django."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is (bytes or pictures)."""


def no_progress(doing: str, done: int, total: int) -> None:
    """For callers who show none."""


@dataclass
class Outcome:
    """What an import did. `*_there` were in the data set before it."""

    dataset: str
    faces_added: int = 0
    faces_there: int = 0
    triplets_added: int = 0
    triplets_there: int = 0
    labelled: int = 0
    """Faces that were there and got a label that they lacked."""
    rejected: int = 0
    """Lines of the rejects file."""

    @property
    def is_empty(self) -> bool:
        return not (self.faces_added or self.faces_there or self.triplets_added or self.triplets_there)
