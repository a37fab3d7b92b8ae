"""What says how good manipulation is: shares of (source, target) pairs. Vectors in, numbers out."""

import math
from typing import Any

import numpy as np
from torch import Tensor


def closer(one: Tensor, other: Tensor, to: Tensor) -> np.ndarray:
    """(n,) whether a vector of `one` is nearer than that of `other` to that of `to`; all are (n, D)."""
    return np.asarray(((one - to).square().sum(dim=1) < (other - to).square().sum(dim=1)).numpy())


def share(held: np.ndarray, clusters: np.ndarray) -> dict[str, Any]:
    """The share of pairs (n,) that held, and its standard error by clusters (n,): pairs of one source's
    person stand and fall together, so they are not n independent trials."""
    mean = float(held.mean())
    _, numbered = np.unique(clusters, return_inverse=True)
    sums = np.bincount(numbered, weights=held - mean)
    count = len(sums)
    if count < 2:
        return {"share": mean, "standard_error": None}
    variance = float((sums**2).sum()) * count / (count - 1)
    return {"share": mean, "standard_error": math.sqrt(variance) / len(held)}
