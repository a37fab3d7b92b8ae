"""What each figure of a report means, which way is better, and where it stands in the figures. Pure."""

from __future__ import annotations

from dataclasses import dataclass

HIGHER, LOWER = "higher", "lower"


@dataclass(frozen=True)
class Measure:
    """One figure: `path` to it (keys joined by dots), what it says in one sentence. `chance` is what guessing
    would give, or the path to it. Not `is_judged`: a difference in it proves nothing by itself."""

    path: str
    name: str
    says: str
    better: str
    is_share: bool = True
    chance: str | float | None = None
    is_judged: bool = True


@dataclass(frozen=True)
class Part:
    """Figures that answer one question."""

    key: str
    title: str
    question: str
    measures: tuple[Measure, ...]


COMPACTNESS = Part(
    "compactness",
    "Faces of one expression lie together",
    "Does the embedding put faces of one expression near each other, whoever shows it?",
    (
        Measure(
            "average_variance.scaled", "Average variance, scaled",
            "How far the faces of one expression are spread (Table 2): the variance of each of the "
            "embedding’s dimensions within an expression, averaged over dimensions and expressions, divided "
            "by the variance of all these faces, so that embeddings of any scale compare.",
            LOWER, is_share=False,
        ),
        Measure(
            "average_variance", "Average variance, as it is",
            "The same without scaling, as in the paper: it falls, too, where an embedding is merely smaller "
            "or has more dimensions.",
            LOWER, is_share=False, is_judged=False,
        ),
        Measure(
            "silhouette.expression", "Silhouette by expression",
            "Whether a face is nearer to others of its expression than to those of the next one: from −1 to "
            "1, 0 where the expressions run into each other.",
            HIGHER, is_share=False, chance=0.0,
        ),
    ),
)  # fmt: skip

IDENTITY = Part(
    "identity",
    "The person is left out",
    "Can the embedding still tell who it is? It should not.",
    (
        Measure(
            "identity_leakage.nearest_neighbour.accuracy", "Person of the nearest face",
            "How often the nearest other face shows the same person.",
            LOWER, chance="identity_leakage.nearest_neighbour.chance",
        ),
        Measure(
            "identity_leakage.linear_probe.accuracy", "Person found by a linear probe",
            "How often a linear classifier, trained on other pictures of the same people, names the person.",
            LOWER, chance="identity_leakage.linear_probe.chance",
        ),
        Measure(
            "identity_leakage.ordering.same_expression_nearer", "Expression before person",
            "How often another person with the same expression is nearer than the same person with another.",
            HIGHER, chance=0.5,
        ),
        Measure(
            "silhouette.identity", "Silhouette by person",
            "Whether a face is nearer to others of its person than to those of the next one; an embedding of "
            "expressions has about 0 or less.",
            LOWER, is_share=False, chance=0.0,
        ),
    ),
)  # fmt: skip

PARTS = (COMPACTNESS, IDENTITY)

# Recognition has one set of figures for each k, and one for the retrained head.
KNN_ACCURACY = (
    "How often the expression is the most frequent one among the k nearest faces of other people (Table 4).",
    HIGHER,
)
CLASS_ACCURACY = (
    "The same for each expression by itself, then averaged: rare ones count as much as frequent ones.",
    HIGHER,
)
RETRAINED_ACCURACY = (
    "How often the whole network names the expression of people it was not trained on, once a classification "
    "head was trained with it (Table 4, last rows).",
    HIGHER,
)
TRIPLET_ACCURACY = (
    "How often the odd one out of three held-out faces is found (Table 1); guessing finds one in three.",
    HIGHER,
)
