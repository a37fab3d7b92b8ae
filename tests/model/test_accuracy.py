"""Triplet accuracy against plain loops, ties and empty classes included."""

import numpy as np
import pytest

from model.accuracy import hits, report_of, squared_distances
from model.snapshot import KINDS, SOURCES, STRENGTHS, Triplets


def triplets(count=300, faces=20, seed=0):
    rng = np.random.default_rng(seed)
    return Triplets(
        np.array([rng.choice(faces, 3, replace=False) for _ in range(count)], dtype=np.int32),
        rng.integers(0, 4, count).astype(np.int8),
        rng.integers(0, 3, count).astype(np.int8),
        rng.integers(0, 3, count).astype(np.int8),
        np.ones(count, dtype=np.float32),
    )


def right(embeddings, corners, imported):
    a, p, n = (embeddings[face].astype(float) for face in corners)
    near, far, across = (((x - y) ** 2).sum() for x, y in ((a, p), (a, n), (p, n)))
    return near < far and (not imported or near < across)


@pytest.mark.parametrize("values", [1, 100, 2 * 16 * 150, 10**9])
def test_distances_measured_piece_by_piece(monkeypatch, values):
    monkeypatch.setattr("model.accuracy._VALUES", values)
    faces, embeddings = triplets(100).faces, np.random.default_rng(1).normal(size=(20, 16))
    found = squared_distances(embeddings, faces)
    for pair, distances in zip(((0, 1), (0, 2), (1, 2)), found, strict=True):
        one, other = (embeddings[faces[:, place]] for place in pair)
        assert distances == pytest.approx(np.linalg.norm(one - other, axis=1) ** 2)
    assert all(len(distances) == 0 for distances in squared_distances(embeddings, faces[:0]))


def test_equals_a_plain_loop():
    table = triplets()
    embeddings = np.random.default_rng(1).normal(size=(20, 16)).astype(np.float32)
    rows = np.arange(0, 300, 2)
    report = report_of(table, embeddings, rows)
    for strength in ("strong", "weak"):
        chosen = [
            row
            for row in rows
            if table.source[row] == SOURCES["imported"] and table.strength[row] == STRENGTHS[strength]
        ]
        for kind, code in KINDS.items():
            if not kind:
                continue
            of_kind = [right(embeddings, table.faces[row], True) for row in chosen if table.kind[row] == code]
            assert report[strength]["accuracy"][kind] == pytest.approx(np.mean(of_kind))
            assert report[strength]["counts"][kind] == len(of_kind)
        every = [right(embeddings, table.faces[row], True) for row in chosen]
        assert report[strength]["accuracy"]["mean"] == pytest.approx(np.mean(every))
        assert report[strength]["counts"]["all"] == len(every)
    tournament = [row for row in rows if table.source[row] != SOURCES["imported"]]
    expected = np.mean([right(embeddings, table.faces[row], False) for row in tournament])
    assert report["tournament"] == {"accuracy": pytest.approx(expected), "count": len(tournament)}


def test_ties_are_wrong():
    assert not hits(np.zeros((20, 16)), triplets(), np.arange(300)).any()


def test_chance_is_a_third_for_imported_and_a_half_for_tournament_triplets():
    table = triplets(20000, 200)
    found = hits(np.random.default_rng(0).normal(size=(200, 16)), table, np.arange(20000))
    assert found[table.imported].mean() == pytest.approx(1 / 3, abs=0.03)
    assert found[~table.imported].mean() == pytest.approx(1 / 2, abs=0.03)


def test_nothing_to_count_is_null():
    report = report_of(triplets(), np.zeros((20, 16)), np.empty(0, dtype=int))
    assert report["strong"]["accuracy"] == {kind: None for kind in KINDS if kind} | {"mean": None}
    assert report["weak"]["counts"] == {kind: 0 for kind in KINDS if kind} | {"all": 0}
    assert report["tournament"] == {"accuracy": None, "count": 0}
