"""Average variance (the paper's Table 2): how far the faces of one expression lie from each other."""

from typing import Any

import numpy as np

from model.evaluation.bootstrap import Bootstrap, Figure, interval, summed
from model.evaluation.faces import members

LEAST_FACES = 2
NORMALISATION = (
    "average_variance: embeddings as they are. scaled: divided by the variance of all these faces (mean over "
    "dimensions, too), so that embeddings of any scale compare: the share of the variance that lies within "
    "expressions. Variances are the population's (divided by n)."
)


def average_variance(
    embeddings: np.ndarray, expression: np.ndarray, groups: np.ndarray, bootstrap: Bootstrap
) -> dict[str, Any] | None:
    """Of each expression's embeddings the variance of each dimension, their mean, averaged over expressions.

    `embeddings` (N, D), `expression` (N,) codes, UNKNOWN where none, `groups` (N,) who hangs together. None
    where no expression has LEAST_FACES; those that have fewer are left out. `classes` are by code.
    """
    rows = members(expression, LEAST_FACES)
    if not len(rows):
        return None
    vectors = embeddings[rows].astype(np.float64)
    vectors -= vectors.mean(axis=0)
    codes, faces = np.unique(expression[rows], return_counts=True)
    several = len(np.unique(groups[rows])) > 1
    values, resampled, total, totals = _of_classes(vectors, expression[rows], groups[rows], bootstrap)

    def scaled(value: float, drawn: np.ndarray) -> Figure | None:
        return _figure(value / total, drawn / totals, several) if total else None

    averaged = _mean(resampled)
    classes = {
        int(code): {
            "faces": int(count),
            "variance": _figure(value, drawn, several),
            "scaled": scaled(value, drawn),
        }
        for code, count, value, drawn in zip(codes, faces, values, resampled, strict=True)
    }
    value = float(np.mean(values))
    return {
        **_figure(value, averaged, several),
        "scaled": scaled(value, averaged),
        "total_variance": total,
        "classes": classes,
    }


def _of_classes(
    vectors: np.ndarray, expression: np.ndarray, groups: np.ndarray, bootstrap: Bootstrap
) -> tuple[np.ndarray, np.ndarray, float, np.ndarray]:
    """Variances (C,) of the expressions, of their resamples (C, B), and both of all faces together."""
    known, number = np.unique(groups, return_inverse=True)
    whole = np.zeros((1, vectors.shape[1] + 2))
    whole_drawn = np.zeros((bootstrap.resamples, vectors.shape[1] + 2))
    values, resampled = [], []
    for code in np.unique(expression):
        shown = expression == code
        parts = summed(_moments(vectors[shown]), number[shown], len(known))
        own, drawn = parts.sum(axis=0, keepdims=True), bootstrap.sums(parts)
        whole, whole_drawn = whole + own, whole_drawn + drawn
        values.append(_variance(own)[0])
        resampled.append(_variance(drawn))
    return np.array(values), np.array(resampled), float(_variance(whole)[0]), _variance(whole_drawn)


def _moments(vectors: np.ndarray) -> np.ndarray:
    """(n, 2 + D): 1, the squared length, and the vector itself."""
    squares = (vectors**2).sum(axis=1, keepdims=True)
    return np.concatenate([np.ones((len(vectors), 1)), squares, vectors], axis=1)


def _variance(sums: np.ndarray) -> np.ndarray:
    """(B,) the dimensions' mean variance, of summed moments (B, 2 + D); NaN of no face."""
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums[:, 1:] / sums[:, :1]
    spread = means[:, 0] - (means[:, 1:] ** 2).sum(axis=1)
    return np.asarray(np.maximum(spread, 0) / (sums.shape[1] - 2))


def _mean(resampled: np.ndarray) -> np.ndarray:
    """(B,) the mean over expressions (C, B), each resample's over those that occur in it."""
    known = np.isfinite(resampled)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, resampled, 0).sum(axis=0) / known.sum(axis=0))


def _figure(value: float, resampled: np.ndarray, several: bool) -> Figure:
    """With the percentiles moved to where the value is: who is drawn twice adds no variance, so that
    resamples have less of it than the faces themselves."""
    known = resampled[np.isfinite(resampled)] if several else np.empty(0)
    return interval(float(value), known - known.mean() + value if len(known) else known)
