"""Triplet accuracy, as in the paper's Table 1, of any embedding of a snapshot's faces.

Knows distances and counts only, no network: baselines are measured by the same functions.
"""

from typing import Any

import numpy as np

from model.snapshot import KINDS, STRENGTHS, Snapshot, Triplets

Report = dict[str, Any]

# Values of one corner's vectors in hand at a time: 32 MB as float64.
_VALUES = 4_000_000


def squared_distances(embeddings: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Squared Euclidean |a-p|, |a-n|, |p-n| (T,) of triplets `faces` (T, 3) over embeddings (F, D)."""
    # Piece by piece: of a floor's long vectors, all triplets' together would fill the memory.
    rows = max(1, _VALUES // embeddings.shape[1])
    pieces = [_distances(embeddings, faces[start : start + rows]) for start in range(0, len(faces), rows)]
    near, far, across = np.concatenate([np.empty((3, 0)), *pieces], axis=1)
    return near, far, across


def _distances(embeddings: np.ndarray, faces: np.ndarray) -> np.ndarray:
    anchor, positive, negative = (embeddings[faces[:, place]].astype(np.float64) for place in range(3))
    pairs = ((anchor, positive), (anchor, negative), (positive, negative))
    return np.stack([((one - other) ** 2).sum(axis=1) for one, other in pairs])


def hits(embeddings: np.ndarray, triplets: Triplets, rows: np.ndarray) -> np.ndarray:
    """(len(rows),) whether each of these triplets is ordered right. Ties are wrong.

    Imported: the odd one is farther from both others than they are from each other (chance 1/3).
    Tournament: the anchor is nearer the positive than the negative (chance 1/2).
    """
    near, far, across = squared_distances(embeddings, triplets.faces[rows])
    return (near < far) & (~triplets.imported[rows] | (near < across))


def report(snapshot: Snapshot, embeddings: np.ndarray, split: str) -> Report:
    """Accuracies (0 to 1, None where nothing is counted) and counts of one split's triplets.

    `mean` is over all triplets of that strength; tournament triplets stand apart.
    """
    rows = snapshot.triplets_of(split)
    return {"split": split} | report_of(snapshot.triplets, embeddings, rows)


def report_of(triplets: Triplets, embeddings: np.ndarray, rows: np.ndarray) -> Report:
    """As `report`, of the triplets `rows`."""
    right = hits(embeddings, triplets, rows)
    imported = triplets.imported[rows]
    tournament = right[~imported]
    result: Report = {
        strength: _by_kind(right, triplets.kind[rows], imported & (triplets.strength[rows] == code))
        for strength, code in sorted(STRENGTHS.items())
        if strength
    }
    result["tournament"] = {"accuracy": _mean(tournament), "count": len(tournament)}
    return result


def headline(report: Report) -> float | None:
    """The one figure to watch: strong triplets' mean accuracy, else weak, else tournament."""
    for strength in ("strong", "weak"):
        accuracy = report[strength]["accuracy"]["mean"]
        if accuracy is not None:
            return float(accuracy)
    accuracy = report["tournament"]["accuracy"]
    return None if accuracy is None else float(accuracy)


def _by_kind(right: np.ndarray, kind: np.ndarray, chosen: np.ndarray) -> dict[str, Any]:
    of_kind = {name: right[chosen & (kind == code)] for name, code in KINDS.items() if name}
    return {
        "accuracy": {name: _mean(part) for name, part in of_kind.items()} | {"mean": _mean(right[chosen])},
        "counts": {name: len(part) for name, part in of_kind.items()} | {"all": int(chosen.sum())},
    }


def _mean(right: np.ndarray) -> float | None:
    return float(right.mean()) if len(right) else None
