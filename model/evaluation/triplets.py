"""Triplet accuracy (the paper's Table 1) with intervals, and the triplets' own file.

What counts as right is accuracy.py's.
"""

from pathlib import Path
from typing import Any

import numpy as np

from model.accuracy import hits
from model.errors import LabelsError
from model.evaluation.bootstrap import Bootstrap, Figure
from model.snapshot import KINDS, SOURCES, STRENGTHS, Triplets
from model.tables import Table

_CORNERS = ("anchor", "positive", "negative")


def read_triplets(path: Path, names: tuple[str, ...]) -> Triplets:
    """A CSV file with anchor, positive, negative (names of pictures) and any of kind, strength, source.

    Without them a triplet is imported, strong and of no kind. One of a picture that is not in `names` is
    passed over. Raises LabelsError naming file, line and reason.
    """
    table = Table(path, _CORNERS, ("kind", "strength", "source"), LabelsError)
    place = {name: number for number, name in enumerate(names)}
    corners: list[tuple[int, ...]] = []
    labels: list[tuple[int, int, int]] = []
    for *keys, kind, strength, source in table:
        if len(set(keys)) < len(keys):
            table.fail("the three faces are not different")
        label = (
            table.one_of(kind, KINDS, "kind"),
            table.one_of(strength if "strength" in table.header else "strong", STRENGTHS, "strength"),
            table.one_of(source or "imported", SOURCES, "source"),
        )
        if all(key in place for key in keys):
            corners.append(tuple(place[key] for key in keys))
            labels.append(label)
    kind_of, strength_of, source_of = np.array(labels, dtype=np.int8).reshape(-1, 3).T
    three = np.array(corners, dtype=np.int32).reshape(-1, 3)
    return Triplets(three, kind_of, source_of, strength_of, np.ones(len(three), dtype=np.float32))


def triplet_accuracy(
    triplets: Triplets, embeddings: np.ndarray, rows: np.ndarray, groups: np.ndarray, bootstrap: Bootstrap
) -> dict[str, Any]:
    """As accuracy.report_of, of the triplets `rows`, each accuracy with its interval; None where none counts.

    Resampled are the groups (N,) of their anchors; that triplets share their other faces too is not in it.
    """
    right = hits(embeddings, triplets, rows).astype(np.float64)
    of_anchor = groups[triplets.faces[rows, 0]]
    imported, kind = triplets.imported[rows], triplets.kind[rows]

    def figure(chosen: np.ndarray) -> Figure | None:
        return bootstrap.mean(right[chosen], of_anchor[chosen]) if chosen.any() else None

    result: dict[str, Any] = {}
    for strength, code in sorted(STRENGTHS.items()):
        if not strength:
            continue
        chosen = imported & (triplets.strength[rows] == code)
        of_kind = {name: chosen & (kind == number) for name, number in KINDS.items() if name}
        result[strength] = {
            "accuracy": {name: figure(part) for name, part in of_kind.items()} | {"mean": figure(chosen)},
            "counts": {name: int(part.sum()) for name, part in of_kind.items()} | {"all": int(chosen.sum())},
        }
    result["tournament"] = {"accuracy": figure(~imported), "count": int((~imported).sum())}
    return result
