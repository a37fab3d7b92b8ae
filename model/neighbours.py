"""The nearest of many embeddings, by measuring every one of them. Vectors and numbers only, no files."""

import numpy as np


def nearest(gallery: np.ndarray, query: np.ndarray, may: np.ndarray, count: int) -> list[tuple[int, float]]:
    """Rows of `gallery` (N, D) and their Euclidean distances to `query` (D,), the nearest first.

    At most `count`, of those for which `may` (N,) holds; the first of equally near ones.
    """
    distances = np.linalg.norm(gallery.astype(np.float64) - query.astype(np.float64), axis=1)
    rows = np.flatnonzero(may)
    order = rows[np.argsort(distances[rows], kind="stable")[:count]]
    return [(int(row), float(distances[row])) for row in order]
