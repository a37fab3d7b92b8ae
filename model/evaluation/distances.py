"""Distances of some faces to all others, a few rows at a time: no N x N matrix is ever held."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

# Distances in hand at a time (64 MB as float64), and vectors' numbers up to which all are held as float64.
_VALUES = 8_000_000
_EXACT = 100_000_000


def distances(
    embeddings: np.ndarray, queries: np.ndarray, gallery: np.ndarray
) -> Iterator[tuple[np.ndarray, Tensor]]:
    """Squared Euclidean distances of the faces `queries` (Q,) to those of `gallery` (G,), in order.

    Gives the faces of each piece (n,) and their distances (n, G), float64 (float32 for more than 800 MB of
    vectors), which the caller may change; a face that is in the gallery too is infinitely far from itself.
    """
    exact = torch.float64 if len(gallery) * embeddings.shape[1] <= _EXACT else torch.float32
    centre = embeddings[gallery].mean(axis=0, dtype=np.float64)

    def vectors(rows: np.ndarray) -> Tensor:
        # Near the origin little is lost where squares cancel.
        return torch.from_numpy(embeddings[rows]).to(exact) - torch.from_numpy(centre).to(exact)

    all_of = vectors(gallery)
    lengths = (all_of**2).sum(dim=1)
    place = np.full(len(embeddings), -1)
    place[gallery] = np.arange(len(gallery))
    rows = max(1, _VALUES // len(gallery))
    for start in range(0, len(queries), rows):
        piece = queries[start : start + rows]
        some = vectors(piece)
        found = torch.addmm(lengths.expand(len(piece), -1), some, all_of.T, alpha=-2)
        found += (some**2).sum(dim=1, keepdim=True)
        own = place[piece]
        inside = np.flatnonzero(own >= 0)
        found[inside, own[inside]] = torch.inf
        yield piece, found
