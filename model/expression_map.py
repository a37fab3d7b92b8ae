"""Lays embeddings out in the plane, so that near expressions lie near each other (Figures 5 and 6).

t-SNE is openTSNE's, UMAP umap-learn's. How far a map is to be trusted neighbourhoods.py says, files are
map_files.py's.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from model.errors import MapError

METHODS = ("tsne", "umap")
# Beyond this a sample of the points is laid out: nobody sees more of them, and an hour is long enough.
MOST_POINTS = 200_000
LEAST_POINTS = 5
# Of early exaggeration, then of the layout proper; openTSNE's own.
_EARLY, _LATE, _STEP = 250, 500, 10
# Fewer points have no spectrum to begin with.
_LEAST_SPECTRAL = 100

Told = Callable[[int, int], object]


@dataclass(frozen=True)
class Layout:
    """How a map is made; `perplexity` is t-SNE's, `neighbours` and `min_dist` are UMAP's."""

    method: str = "tsne"
    perplexity: float = 30.0
    neighbours: int = 15
    min_dist: float = 0.1
    seed: int = 0

    def fitted(self, count: int) -> "Layout":
        """As it is for so many points, which have only so many neighbours."""
        return Layout(
            self.method,
            min(self.perplexity, (count - 1) / 3),
            min(self.neighbours, count - 1),
            self.min_dist,
            self.seed,
        )

    def settings(self) -> dict[str, float | int]:
        """Those that its method has."""
        if self.method == "tsne":
            return {"perplexity": self.perplexity, "seed": self.seed}
        return {"neighbours": self.neighbours, "min_dist": self.min_dist, "seed": self.seed}


def drawn(count: int, most: int, seed: int) -> np.ndarray:
    """Which of so many points the map shows, in their order: all, or `most` of them drawn by the seed."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def lay_out(
    embeddings: np.ndarray,
    layout: Layout,
    *,
    threads: int = 1,
    told: Told = lambda done, total: None,
) -> np.ndarray:
    """Places (N, 2) float32 of embeddings (N, D) in a plane without units, centred.

    The same seed gives the same places; `told` hears how many steps of how many are done. Raises MapError
    where there are too few points, or nothing that tells them apart.
    """
    if len(embeddings) < LEAST_POINTS:
        raise MapError(f"{len(embeddings)} faces are too few for a map: it takes {LEAST_POINTS}")
    if not (np.ptp(embeddings, axis=0) > 1e-6).any():
        raise MapError("all embeddings are the same, so there is nothing to lay out: the training collapsed")
    methods = {"tsne": _tsne, "umap": _umap}
    places = methods[layout.method](embeddings, layout.fitted(len(embeddings)), threads, told)
    return (places - places.mean(axis=0)).astype(np.float32)


def _tsne(embeddings: np.ndarray, layout: Layout, threads: int, told: Told) -> np.ndarray:
    """Exact nearest neighbours up to 1,000 points, approximate beyond; forces by Barnes and Hut's tree up to
    10,000, interpolated on a grid beyond, so that the time grows with the number of points and no faster."""
    from openTSNE import TSNE

    done = 0

    def step(iteration: int, error: float, embedding: np.ndarray) -> None:
        nonlocal done
        done += _STEP
        told(done, _EARLY + _LATE)

    method = TSNE(
        perplexity=layout.perplexity,
        early_exaggeration_iter=_EARLY,
        n_iter=_LATE,
        initialization="pca",
        random_state=layout.seed,
        n_jobs=threads,
        callbacks=step,
        callbacks_every_iters=_STEP,
    )
    return np.asarray(method.fit(embeddings))


def _umap(embeddings: np.ndarray, layout: Layout, threads: int, told: Told) -> np.ndarray:
    """Nearest neighbours by descent beyond 4,096 points. One thread: with more, no seed gives a map again."""
    from umap import UMAP

    told(0, 1)
    method = UMAP(
        n_neighbors=layout.neighbours,
        min_dist=layout.min_dist,
        init="spectral" if len(embeddings) >= _LEAST_SPECTRAL else "pca",
        random_state=layout.seed,
        n_jobs=1,
    )
    places = method.fit_transform(embeddings)
    told(1, 1)
    return np.asarray(places)
