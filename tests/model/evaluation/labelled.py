"""Drawn embeddings with labels, for the tests of the measures."""

import numpy as np

from model.evaluation.faces import LabelledFaces
from model.labels import Labels


def drawn_faces(
    people=8, expressions=4, pictures=2, dimensions=6, person=1.0, shown=1.0, noise=0.3, seed=0, val=0
):
    """Each picture: its person's vector, its expression's, and noise; the last `val` people are val."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), expressions * pictures)
    what = np.tile(np.repeat(np.arange(expressions), pictures), people)
    vectors = person * rng.normal(size=(people, dimensions))[who]
    vectors += shown * rng.normal(size=(expressions, dimensions))[what]
    vectors += noise * rng.normal(size=vectors.shape)
    labels = Labels.of_texts(
        [f"{number}.jpg" for number in range(len(who))],
        [f"p{code:02}" for code in who],
        [f"e{code}" for code in what],
        ["val" if code >= people - val else "train" for code in who] if val else [""] * len(who),
    )
    return LabelledFaces(vectors.astype(np.float32), labels)
