"""How far a map is to be trusted: whether neighbours in the plane are neighbours in the embedding, and back.

Knows distances and ranks only, no method of making maps.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.neighbors import NearestNeighbors

# Trustworthiness compares each point with every other. Of more points than this it is estimated from so many
# of them, drawn by the seed: each is compared with all points, so the estimate is without bias.
MOST_MEASURED = 5_000
NEIGHBOURS = 15
# Distances in hand at a time: 32 MB.
_VALUES = 8_000_000


class Kept(NamedTuple):
    """Shares from 0 to 1 (1: no neighbour is false, or lost), over `neighbours` of `measured_on` points."""

    trustworthiness: float | None
    continuity: float | None
    neighbours: int
    measured_on: int


def kept_neighbours(
    embeddings: np.ndarray,
    places: np.ndarray,
    *,
    neighbours: int = NEIGHBOURS,
    seed: int = 0,
    most: int = MOST_MEASURED,
    told: Callable[[int, int], object] = lambda done, total: None,
) -> Kept:
    """Trustworthiness and continuity (Venna and Kaski 2001) of a map `places` (N, 2) of embeddings (N, D).

    Trustworthiness is lowered by who is near in the map without being so in the embedding, the more the
    farther in truth; continuity by who is near in the embedding and lost in the map. `told` hears how many
    points of how many are done. None where there are too few points to have false neighbours.
    """
    count = len(embeddings)
    neighbours = min(neighbours, (count - 1) // 2)
    if neighbours < 1:
        return Kept(None, None, 0, count)
    if count <= most:
        rows = np.arange(count)
    else:
        rows = np.sort(np.random.default_rng(seed).choice(count, most, replace=False))
    total = 2 * len(rows)
    trust = _kept(embeddings, places, rows, neighbours, lambda done: told(done, total))
    lost = _kept(places, embeddings, rows, neighbours, lambda done: told(len(rows) + done, total))
    return Kept(trust, lost, neighbours, len(rows))


def _kept(
    truth: np.ndarray, seen: np.ndarray, rows: np.ndarray, neighbours: int, told: Callable[[int], object]
) -> float:
    """1 less the ranks that the neighbours seen have in truth beyond `neighbours`, scaled to 0 .. 1."""
    count = len(truth)
    near = NearestNeighbors(n_neighbors=neighbours).fit(seen)
    # Without a query of their own points are no neighbours of themselves; with one they are, mostly first.
    found = near.kneighbors(seen[rows], n_neighbors=neighbours + 1, return_distance=False)
    squares = np.einsum("nd,nd->n", truth, truth, dtype=np.float64)
    step = max(1, _VALUES // count)
    beyond = 0
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        others = _without(found[start : start + step], part, neighbours)
        distances = squares[part, None] - 2 * (truth[part].astype(np.float64) @ truth.T) + squares
        distances[np.arange(len(part)), part] = np.inf
        for row, mine in zip(distances, others, strict=True):
            ranks = (row < row[mine][:, None]).sum(axis=1) + 1
            beyond += int(np.maximum(ranks - neighbours, 0).sum())
        told(start + len(part))
    worst = len(rows) * neighbours * (2 * count - 3 * neighbours - 1) / 2
    return 1.0 - beyond / worst


def _without(found: np.ndarray, own: np.ndarray, neighbours: int) -> np.ndarray:
    """Of each row's neighbours (n, k + 1), k that are not itself; of equal points itself may not be first."""
    is_own = found == own[:, None]
    is_own[~is_own.any(axis=1), -1] = True
    return found[~is_own].reshape(len(own), neighbours)
