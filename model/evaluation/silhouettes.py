"""Silhouettes (Rousseeuw 1987) of an embedding: how well expressions, or people, group the faces."""

from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.metrics import silhouette_samples

from model.evaluation.bootstrap import Bootstrap
from model.evaluation.faces import drawn_groups, members

# Above so many faces, whole people (or single faces) are drawn until there are as many: it costs their
# square.
MOST_FACES = 5000
_MEGABYTES = 128


def silhouette(
    embeddings: np.ndarray, labels: np.ndarray, groups: np.ndarray, bootstrap: Bootstrap, seed: int
) -> dict[str, Any] | None:
    """The mean silhouette, by Euclidean distance, of `labels` (N,), UNKNOWN where there is none.

    -1 to 1; 0 where faces are no nearer those of their own label. Labels borne by one face alone are left
    out. None unless there are two labels.
    """
    rows = members(labels, 2)
    rows = rows[drawn_groups(groups[rows], MOST_FACES, np.random.default_rng(seed))]
    rows = rows[members(labels[rows], 2)]
    found = np.unique(labels[rows])
    if not 2 <= len(found) < len(rows):
        return None
    with config_context(working_memory=_MEGABYTES):
        each = silhouette_samples(embeddings[rows].astype(np.float64), labels[rows])
    return {**bootstrap.mean(each, groups[rows]), "faces": len(rows), "labels": len(found)}
