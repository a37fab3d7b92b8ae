"""How much of the person an expression embedding still tells, by measures that scale cannot fool."""

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from model.evaluation.bootstrap import Bootstrap
from model.evaluation.distances import distances
from model.evaluation.faces import drawn_groups, members
from model.snapshot import UNKNOWN

LEAST_PICTURES = 2
FOLDS = 5
# The faces of so many at most are told apart by the linear probe: its cost grows with people times faces.
PROBE_FACES = 4000


def nearest_neighbour(
    embeddings: np.ndarray, identity: np.ndarray, queries: np.ndarray, bootstrap: Bootstrap
) -> dict[str, Any] | None:
    """How often the face nearest to a query is the same person's, among all faces of known people (N,).

    Asked of those `queries` whose person has another face; None if there are none. `chance` is that of a
    face drawn at random.
    """
    known = np.flatnonzero(identity != UNKNOWN)
    asked = np.intersect1d(queries, members(identity, LEAST_PICTURES))
    if not len(asked):
        return None
    found = [
        identity[known[squares.argmin(dim=1).numpy()]] for _, squares in distances(embeddings, asked, known)
    ]
    right = (np.concatenate(found) == identity[asked]).astype(np.float64)
    counts = np.bincount(identity[known])
    return {
        "accuracy": bootstrap.mean(right, identity[asked]),
        "chance": float((counts[identity[asked]] - 1).mean() / (len(known) - 1)),
        "faces": len(asked),
        "people": int((counts > 0).sum()),
    }


def linear_probe(
    embeddings: np.ndarray, identity: np.ndarray, bootstrap: Bootstrap, seed: int
) -> dict[str, Any] | None:
    """How often multinomial logistic regression names the person of a face that it did not see.

    Each person's faces are dealt to FOLDS folds; each fold is named by what was fitted to the others, on
    standardised dimensions. None for fewer than two people with two faces. `chance`: always naming the
    most frequent person.
    """
    rng = np.random.default_rng(seed)
    rows = members(identity, LEAST_PICTURES)
    rows = rows[drawn_groups(identity[rows], PROBE_FACES, rng)]
    people = np.unique(identity[rows])
    if len(people) < 2:
        return None
    folds = dealt(identity[rows], FOLDS, rng)
    right = np.empty(len(rows))
    for fold in np.unique(folds):
        test = folds == fold
        right[test] = _named(embeddings[rows], identity[rows], test) == identity[rows][test]
    return {
        "accuracy": bootstrap.mean(right, identity[rows]),
        "chance": float(np.bincount(identity[rows]).max() / len(rows)),
        "faces": len(rows),
        "people": len(people),
        "folds": len(np.unique(folds)),
    }


def ordering(
    embeddings: np.ndarray,
    identity: np.ndarray,
    expression: np.ndarray,
    queries: np.ndarray,
    bootstrap: Bootstrap,
) -> dict[str, Any] | None:
    """How often a face of the same expression and another person is nearer than one of the same person and
    another expression: over all pairs of two such faces, then over the `queries` that have both. None if none
    has.

    Chance is 1/2. A tie counts as not nearer.
    """
    known = np.flatnonzero((identity != UNKNOWN) & (expression != UNKNOWN))
    anchors, shares = [], []
    for piece, squares in distances(embeddings, np.intersect1d(queries, known), known):
        for face, row in zip(piece, squares.numpy(), strict=True):
            same_person, same_expression = (
                identity[known] == identity[face],
                expression[known] == expression[face],
            )
            person = np.sort(row[same_person & ~same_expression])
            shown = row[same_expression & ~same_person]
            if len(person) and len(shown):
                farther = len(person) - np.searchsorted(person, shown, side="right")
                anchors.append(face)
                shares.append(farther.mean() / len(person))
    if not anchors:
        return None
    figure = bootstrap.mean(np.array(shares), identity[np.array(anchors)])
    return {"same_expression_nearer": figure, "chance": 0.5, "faces": len(anchors)}


def dealt(groups: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """(n,) a fold for each: the members of each group, shuffled, are dealt to the folds in turn."""
    shuffled = rng.permutation(len(groups))
    order = shuffled[np.argsort(groups[shuffled], kind="stable")]
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    within = np.arange(len(groups)) - np.repeat(starts, np.diff(starts, append=len(groups)))
    found = np.empty(len(groups), dtype=np.int64)
    found[order] = within % folds
    return found


def _named(vectors: np.ndarray, identity: np.ndarray, test: np.ndarray) -> np.ndarray:
    scale = StandardScaler().fit(vectors[~test])
    probe = LogisticRegression(max_iter=300)
    with warnings.catch_warnings():
        # What it names hardly changes any more; a probe that were fitted to the last digit leaks no more.
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe.fit(scale.transform(vectors[~test]), identity[~test])
    return np.asarray(probe.predict(scale.transform(vectors[test])))
