"""Expression recognition by the nearest neighbours' vote (the paper's Table 4), and confusion matrices."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from model.evaluation.bootstrap import Bootstrap, per_group, ratio
from model.evaluation.distances import distances
from model.snapshot import UNKNOWN


def knn(
    embeddings: np.ndarray,
    expression: np.ndarray,
    groups: np.ndarray,
    queries: np.ndarray,
    gallery: np.ndarray,
    ks: Sequence[int],
    bootstrap: Bootstrap,
) -> dict[int, dict[str, Any]]:
    """For each k that every query has neighbours for: accuracy, mean class accuracy, confusion matrix.

    `queries` (Q,) and `gallery` (G,) are faces, all with an expression. Nobody votes on a face of her own
    group. Of equally many votes the smaller code wins, as scikit-learn has it.
    """
    predicted = predictions(embeddings, expression, groups, queries, gallery, ks)
    return {
        k: recognition(expression[queries], found, groups[queries], bootstrap)
        for k, found in predicted.items()
    }


def predictions(
    embeddings: np.ndarray,
    expression: np.ndarray,
    groups: np.ndarray,
    queries: np.ndarray,
    gallery: np.ndarray,
    ks: Sequence[int],
) -> dict[int, np.ndarray]:
    """(Q,) the expression that the k nearest of other groups name, for each k that all queries have."""
    ks = sorted(k for k in set(ks) if k <= _available(groups, queries, gallery))
    if not ks:
        return {}
    whose, shown = torch.from_numpy(groups[gallery]), torch.from_numpy(expression[gallery].astype(np.int64))
    found: dict[int, list[np.ndarray]] = {k: [] for k in ks}
    classes = int(shown.max()) + 1
    for piece, squares in distances(embeddings, queries, gallery):
        squares[torch.from_numpy(groups[piece])[:, None] == whose] = torch.inf
        nearest = squares.topk(ks[-1], dim=1, largest=False).indices
        votes = torch.zeros(len(piece), classes, dtype=torch.int64)
        counted = 0
        for k in ks:
            some = shown[nearest[:, counted:k]]
            votes.scatter_add_(1, some, torch.ones_like(some))
            counted = k
            # argmax of torch may be any of several greatest; numpy's is the first.
            found[k].append(votes.numpy().argmax(axis=1))
    return {k: np.concatenate(parts) for k, parts in found.items()}


def recognition(
    expression: np.ndarray, predicted: np.ndarray, groups: np.ndarray, bootstrap: Bootstrap
) -> dict[str, Any]:
    """Accuracy, mean class accuracy and confusion matrix (rows: true) of codes (n,) and those `predicted`.

    `classes` are the codes of the matrix's rows and columns. A class without a face has an empty row and does
    not count in the mean class accuracy.
    """
    codes = np.union1d(expression, predicted)
    true, named = np.searchsorted(codes, expression), np.searchsorted(codes, predicted)
    matrix = np.zeros((len(codes), len(codes)), dtype=np.int64)
    np.add.at(matrix, (true, named), 1)
    right = (true == named).astype(np.float64)
    of_class = np.zeros((len(true), 2 * len(codes)))
    of_class[np.arange(len(true)), true] = right
    of_class[np.arange(len(true)), len(codes) + true] = 1
    return {
        "accuracy": bootstrap.mean(right, groups),
        "mean_class_accuracy": bootstrap.figure(_over_classes, per_group(of_class, groups)),
        "faces": len(true),
        "classes": codes.tolist(),
        "confusion": matrix.tolist(),
    }


def _over_classes(sums: np.ndarray) -> np.ndarray:
    """(B,) of hits and counts of C classes (B, 2C): the mean of those classes' accuracies that have faces."""
    hits, counts = np.split(sums, 2, axis=1)
    shares = ratio(np.stack([hits.ravel(), counts.ravel()], axis=1)).reshape(hits.shape)
    known = counts > 0
    return np.asarray(np.where(known, shares, 0).sum(axis=1) / known.sum(axis=1))


def _available(groups: np.ndarray, queries: np.ndarray, gallery: np.ndarray) -> int:
    """How many of the gallery the query with the fewest has, its own group left out."""
    if not len(queries) or not len(gallery):
        return 0
    counts = np.bincount(groups[gallery], minlength=int(groups.max()) + 1)
    return int(len(gallery) - counts[groups[queries]].max())


def labelled(expression: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Those of `rows` whose expression is known."""
    return rows[expression[rows] != UNKNOWN]
