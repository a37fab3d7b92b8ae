"""The evaluation report of an embedding on labelled faces: all measures, with intervals, under plain names.

What each measure is stands in its own module; where the faces come from is sources.py's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from model.evaluation.bootstrap import LEVEL, Bootstrap
from model.evaluation.faces import LabelledFaces, drawn, members
from model.evaluation.knn import knn, labelled
from model.evaluation.leakage import linear_probe, nearest_neighbour, ordering
from model.evaluation.silhouettes import MOST_FACES, silhouette
from model.evaluation.triplets import triplet_accuracy
from model.evaluation.variance import NORMALISATION, average_variance
from model.events import Events
from model.snapshot import SPLITS, UNKNOWN, Triplets

KS = (1, 10, 50, 200)
QUERIES = 10_000

Report = dict[str, Any]


@dataclass(frozen=True)
class ReportSettings:
    """`split`: which faces are measured; None: val if there are any, else all.

    `gallery` of the nearest neighbours' vote: "train" (the train faces; None: if there are any beside the
    measured ones) or "others" (the other measured faces of other people). `queries`: faces that ask for their
    neighbours, drawn at random where there are more.
    """

    split: str | None = None
    ks: tuple[int, ...] = KS
    gallery: str | None = None
    queries: int = QUERIES
    resamples: int = 1000
    seed: int = 0

    def split_of(self, faces: LabelledFaces) -> str:
        """train, val or all: what is measured of these faces."""
        return self.split or ("val" if (faces.labels.split == SPLITS["val"]).any() else "all")


class _Measuring:
    """One report in the making: the faces measured, what is left out and why."""

    def __init__(self, faces: LabelledFaces, settings: ReportSettings) -> None:
        self.every = faces
        self.settings = settings
        self.split = settings.split_of(faces)
        self.rows = faces.measured(self.split)
        self.faces = faces.taken(self.rows)
        self.bootstrap = Bootstrap(settings.resamples, settings.seed)
        self.notes: list[str] = []

    @property
    def by_person(self) -> bool:
        return bool((self.faces.labels.identity != UNKNOWN).any())

    def asking(self, rows: np.ndarray) -> np.ndarray:
        """Those of `rows` that ask for their neighbours."""
        chosen = drawn(rows, self.settings.queries, np.random.default_rng(self.settings.seed))
        if len(chosen) < len(rows):
            self.note(f"{len(chosen)} of {len(rows)} faces, drawn at random, ask for their neighbours")
        return chosen

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def names(self, codes: Sequence[int]) -> list[str]:
        return [self.faces.labels.expressions[code] for code in codes]


def report(
    faces: LabelledFaces,
    settings: ReportSettings,
    triplets: Triplets | None = None,
    events: Events | None = None,
) -> Report:
    """All measures of the faces of one split; None for one that the labels do not give: `notes` say why.

    `triplets`: of these faces; those whose three are all measured count. Raises LabelsError if no face is of
    the split.
    """
    measuring = _Measuring(faces, settings)
    measures: dict[str, Callable[[_Measuring], Any]] = {
        "triplet_accuracy": lambda it: _triplet_accuracy(it, triplets),
        "average_variance": _average_variance,
        "identity_leakage": _identity_leakage,
        "silhouette": _silhouette,
        "knn": _knn,
    }
    if events:
        events.stage("measure", len(measures))
    found: Report = {}
    for number, (name, measure) in enumerate(measures.items(), 1):
        found[name] = measure(measuring)
        if events:
            events.progress(number)
    return {**found, "retrained": None, "settings": _settings(measuring), "notes": measuring.notes}


def _triplet_accuracy(it: _Measuring, triplets: Triplets | None) -> Report | None:
    if triplets is None:
        return None
    inside = np.zeros(len(it.every.labels.names), dtype=bool)
    inside[it.rows] = True
    rows = np.flatnonzero(inside[triplets.faces].all(axis=1))
    if not len(rows):
        it.note("triplet_accuracy: no triplet has its three faces among those measured")
        return None
    return triplet_accuracy(triplets, it.every.embeddings, rows, it.every.groups, it.bootstrap)


def _average_variance(it: _Measuring) -> Report | None:
    found = average_variance(it.faces.embeddings, it.faces.labels.expression, it.faces.groups, it.bootstrap)
    if found is None:
        it.note("average_variance: no expression has two faces")
        return None
    names = it.faces.labels.expressions
    return found | {"classes": {names[code]: one for code, one in found["classes"].items()}}


def _identity_leakage(it: _Measuring) -> Report | None:
    labels, embeddings = it.faces.labels, it.faces.embeddings
    if not len(members(labels.identity, 2)):
        it.note("identity_leakage: no person is known by two faces")
        return None
    asked = it.asking(members(labels.identity, 2))
    found = {
        "nearest_neighbour": nearest_neighbour(embeddings, labels.identity, asked, it.bootstrap),
        "linear_probe": linear_probe(embeddings, labels.identity, it.bootstrap, it.settings.seed),
        "ordering": ordering(embeddings, labels.identity, labels.expression, asked, it.bootstrap),
    }
    if found["linear_probe"] is None:
        it.note("identity_leakage: one person alone cannot be told from others")
    if found["ordering"] is None:
        it.note("ordering: no face has both a face of the same person and one of the same expression")
    return found


def _silhouette(it: _Measuring) -> Report:
    labels, found = it.faces.labels, {}
    for what, codes in (("expression", labels.expression), ("identity", labels.identity)):
        found[what] = silhouette(it.faces.embeddings, codes, it.faces.groups, it.bootstrap, it.settings.seed)
        if found[what] is None:
            it.note(f"silhouette: no two labels of {what} with several faces")
    if len(it.rows) > MOST_FACES:
        it.note(f"silhouette: of about {MOST_FACES} faces, drawn at random by whole people")
    return found


def _knn(it: _Measuring) -> Report | None:
    shown = it.every.labels.expression
    own = labelled(shown, it.rows)
    beside = np.setdiff1d(np.flatnonzero(it.every.labels.split == SPLITS["train"]), it.rows)
    beside = labelled(shown, beside)
    of_train = it.settings.gallery == "train" or (it.settings.gallery is None and len(beside) > 0)
    gallery = beside if of_train else own
    if not len(own) or len(np.unique(shown[gallery])) < 2:
        it.note("knn: fewer than two expressions among the labelled faces")
        return None
    ks = [k for k in it.settings.ks if k <= len(gallery)]
    queries = it.asking(own)
    found = knn(it.every.embeddings, shown, it.every.groups, queries, gallery, ks, it.bootstrap)
    for k in sorted(set(it.settings.ks) - set(found)):
        it.note(f"knn: a face has fewer than {k} neighbours of other people, so k = {k} is left out")
    return {
        "gallery": "train" if of_train else "others",
        "gallery_faces": len(gallery),
        "faces": len(queries),
        "chance": float(np.bincount(shown[queries]).max() / len(queries)),
        "k": {str(k): one | {"classes": it.names(one["classes"])} for k, one in found.items()},
    }


def _settings(it: _Measuring) -> Report:
    labels = it.faces.labels
    return {
        "dimensions": int(it.faces.embeddings.shape[1]),
        "split": it.split,
        "faces": len(it.rows),
        "faces_with_identity": int((labels.identity != UNKNOWN).sum()),
        "faces_with_expression": int((labels.expression != UNKNOWN).sum()),
        "people": len(np.unique(labels.identity[labels.identity != UNKNOWN])),
        "expressions": len(np.unique(labels.expression[labels.expression != UNKNOWN])),
        "k": list(it.settings.ks),
        "queries": it.settings.queries,
        "bootstrap": "people" if it.by_person else "faces",
        "resamples": it.settings.resamples,
        "level": LEVEL,
        "seed": it.settings.seed,
        "distance": "Euclidean, on the embeddings as they are",
        "normalisation": NORMALISATION,
    }
