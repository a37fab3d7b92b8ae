"""Which strata a run's triplets fall into, and what share of every step each should have.

Two things are proportioned: imported against tournament triplets, and, when fine-tuning, triplets that an
earlier run was trained on (replay) against new ones.
"""

from dataclasses import dataclass

import numpy as np

from model.errors import TrainingError
from model.snapshot import Snapshot


@dataclass(frozen=True)
class Strata:
    """`codes` (n,) int8: each triplet's stratum. `shares`: wanted share of a step, by code; they sum to 1."""

    codes: np.ndarray
    shares: tuple[float, ...]


def strata_of(
    snapshot: Snapshot,
    rows: np.ndarray,
    *,
    imported_share: float | None,
    earlier: Snapshot | None,
    replay: float,
) -> Strata | None:
    """The strata of the snapshot's triplets `rows`; None where nothing is to be proportioned.

    A division that leaves one side empty is no division: answers may say again what earlier ones said, so
    that all triplets are in `earlier`. Raises TrainingError for shares beyond 0 to 1, and if none is.
    """
    codes = np.zeros(len(rows), dtype=np.int8)
    shares = np.ones(1)
    if imported_share is not None:
        _check("imported_share", imported_share)
        codes, shares = _divided(codes, shares, snapshot.triplets.imported[rows], imported_share)
    if earlier is not None:
        _check("replay", replay)
        old = also_in(earlier, snapshot, rows)
        if not old.any():
            raise TrainingError("none of the triplets are in the earlier snapshot: nothing to replay")
        codes, shares = _divided(codes, shares, old, replay)
    present = np.unique(codes)
    kept = shares[present]
    if len(present) < 2 or not kept.sum():
        return None
    return Strata(np.searchsorted(present, codes).astype(np.int8), tuple(kept / kept.sum()))


def also_in(earlier: Snapshot, snapshot: Snapshot, rows: np.ndarray) -> np.ndarray:
    """(len(rows),) whether a triplet of the same three faces, in the same places, is in `earlier`."""
    number = {key: face for face, key in enumerate(snapshot.faces.keys)}
    faces = np.array([number.get(key, -1) for key in earlier.faces.keys], dtype=np.int64)
    there = faces[earlier.triplets.faces]
    there = there[(there >= 0).all(axis=1)]
    return np.isin(_coded(snapshot.triplets.faces[rows], len(number)), _coded(there, len(number)))


def _coded(triplets: np.ndarray, faces: int) -> np.ndarray:
    """One number for each triplet of face numbers: exact up to two million faces."""
    anchor, positive, negative = triplets.astype(np.int64).T
    return (anchor * faces + positive) * faces + negative


def _divided(
    codes: np.ndarray, shares: np.ndarray, first: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray]:
    """Each stratum in two: those of `first`, together with `share` of a step, and the others."""
    return (2 * codes + ~first).astype(np.int8), np.outer(shares, [share, 1 - share]).flatten()


def _check(name: str, share: float) -> None:
    if not 0 <= share <= 1:
        raise TrainingError(f"{name} is {share}: it must be from 0 to 1")
