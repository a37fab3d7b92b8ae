"""Trustworthiness and continuity are scikit-learn's, also where only some points are measured."""

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from model.neighbourhoods import kept_neighbours

RNG = np.random.default_rng(0)
EMBEDDINGS = RNG.normal(size=(240, 16)).astype(np.float32)
PLACES = (EMBEDDINGS[:, :2] + 0.4 * RNG.normal(size=(240, 2))).astype(np.float32)


@pytest.mark.parametrize("neighbours", [1, 5, 15, 60])
def test_it_is_what_scikit_learn_says(neighbours):
    kept = kept_neighbours(EMBEDDINGS, PLACES, neighbours=neighbours)
    assert kept.trustworthiness == pytest.approx(
        trustworthiness(EMBEDDINGS, PLACES, n_neighbors=neighbours), abs=1e-9
    )
    assert kept.continuity == pytest.approx(
        trustworthiness(PLACES, EMBEDDINGS, n_neighbors=neighbours), abs=1e-9
    )
    assert (kept.neighbours, kept.measured_on) == (neighbours, 240)


def test_of_some_points_it_is_near_that_of_all():
    whole = kept_neighbours(EMBEDDINGS, PLACES)
    some = [kept_neighbours(EMBEDDINGS, PLACES, most=60, seed=seed) for seed in range(40)]
    assert {one.measured_on for one in some} == {60}
    mean = np.mean([one.trustworthiness for one in some])
    assert mean == pytest.approx(whole.trustworthiness, abs=0.01)
    assert len({one.trustworthiness for one in some}) > 1


def test_the_very_same_points_have_kept_all_neighbours():
    kept = kept_neighbours(EMBEDDINGS, EMBEDDINGS)
    assert (kept.trustworthiness, kept.continuity) == (1.0, 1.0)


def test_equal_points_are_no_fault():
    """Many faces on one spot: each one's neighbours are others, not itself."""
    embeddings = np.repeat(EMBEDDINGS[:4], 30, axis=0)
    assert kept_neighbours(embeddings, embeddings[:, :2]).trustworthiness == 1.0


def test_two_points_have_no_false_neighbours():
    assert kept_neighbours(EMBEDDINGS[:2], PLACES[:2]).trustworthiness is None


def test_it_tells_how_far_it_is():
    told = []
    kept_neighbours(EMBEDDINGS, PLACES, told=lambda done, total: told.append((done, total)))
    assert told[-1] == (480, 480)
