"""Every measure of a report equals scikit-learn's or a plain loop's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, silhouette_score
from sklearn.neighbors import KNeighborsClassifier

from model.evaluation import distances as pieces
from model.evaluation.bootstrap import Bootstrap
from model.evaluation.knn import knn, predictions
from model.evaluation.leakage import dealt, linear_probe, nearest_neighbour, ordering
from model.evaluation.silhouettes import silhouette
from model.evaluation.variance import average_variance
from model.snapshot import UNKNOWN
from tests.model.evaluation.labelled import drawn_faces

QUICK = Bootstrap(resamples=50)


@pytest.fixture(autouse=True, params=[40, 8_000_000], ids=["a row at a time", "all at once"])
def in_pieces(request, monkeypatch):
    monkeypatch.setattr(pieces, "_VALUES", request.param)


def test_average_variance_is_table_2s():
    faces = drawn_faces()
    vectors, shown = faces.embeddings.astype(float), faces.labels.expression
    found = average_variance(faces.embeddings, shown, faces.groups, QUICK)
    by_class = [vectors[shown == code].var(axis=0).mean() for code in range(4)]
    assert found["value"] == pytest.approx(np.mean(by_class))
    assert [one["variance"]["value"] for one in found["classes"].values()] == pytest.approx(by_class)
    assert found["total_variance"] == pytest.approx(vectors.var(axis=0).mean())
    assert found["scaled"]["value"] == pytest.approx(np.mean(by_class) / vectors.var(axis=0).mean())
    assert found["low"] < found["value"] < found["high"]


def test_only_the_plain_variance_knows_scale_and_place():
    faces = drawn_faces()
    shown = faces.labels.expression
    one = average_variance(faces.embeddings, shown, faces.groups, QUICK)
    other = average_variance(10 * faces.embeddings + 500, shown, faces.groups, QUICK)
    assert other["value"] == pytest.approx(100 * one["value"], rel=1e-3)
    assert other["scaled"]["value"] == pytest.approx(one["scaled"]["value"], rel=1e-3)


def test_unknown_and_lone_expressions_do_not_count():
    faces = drawn_faces()
    shown = faces.labels.expression.copy()
    shown[shown == 3] = UNKNOWN
    shown[0] = 9
    found = average_variance(faces.embeddings, shown, faces.groups, QUICK)
    assert list(found["classes"]) == [0, 1, 2]
    assert sum(one["faces"] for one in found["classes"].values()) == 47
    assert average_variance(faces.embeddings, np.full(64, UNKNOWN), faces.groups, QUICK) is None


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), k=st.integers(1, 40), people=st.integers(2, 8))
def test_votes_are_scikit_learns_without_the_person(seed, k, people):
    faces = drawn_faces(people=people, expressions=3, pictures=3, seed=seed)
    shown, whose, rows = faces.labels.expression, faces.groups, np.arange(len(faces.groups))
    found = predictions(faces.embeddings, shown, whose, rows, rows, [k])
    if k > 9 * (people - 1):
        assert found == {}
        return
    for person in range(people):
        others = whose != person
        plain = KNeighborsClassifier(k, algorithm="brute").fit(faces.embeddings[others], shown[others])
        assert found[k][~others].tolist() == plain.predict(faces.embeddings[~others]).tolist()


def test_recognition_is_scikit_learns():
    faces = drawn_faces(people=12, val=4, shown=0.5)
    shown = faces.labels.expression
    queries, gallery = np.flatnonzero(faces.labels.split == 1), np.flatnonzero(faces.labels.split == 0)
    found = knn(faces.embeddings, shown, faces.groups, queries, gallery, [1, 5, 20], QUICK)
    for k, one in found.items():
        plain = KNeighborsClassifier(k).fit(faces.embeddings[gallery], shown[gallery])
        predicted = plain.predict(faces.embeddings[queries])
        assert one["confusion"] == confusion_matrix(shown[queries], predicted).tolist()
        assert one["accuracy"]["value"] == pytest.approx((predicted == shown[queries]).mean())
        balanced = balanced_accuracy_score(shown[queries], predicted)
        assert one["mean_class_accuracy"]["value"] == pytest.approx(balanced)
        assert one["classes"] == [0, 1, 2, 3]


def test_nearest_faces_person_by_a_plain_loop():
    faces = drawn_faces(person=0.5)
    who = faces.labels.identity.copy()
    who[:3], who[3] = UNKNOWN, 50
    vectors, known = faces.embeddings.astype(float), np.flatnonzero(who != UNKNOWN)
    right, chances = [], []
    for face in known:
        others = known[known != face]
        if who[face] in who[others]:
            nearest = others[np.linalg.norm(vectors[others] - vectors[face], axis=1).argmin()]
            right.append(who[nearest] == who[face])
            chances.append((who[others] == who[face]).mean())
    found = nearest_neighbour(faces.embeddings, who, np.arange(64), QUICK)
    assert found["accuracy"]["value"] == pytest.approx(np.mean(right))
    assert found["chance"] == pytest.approx(np.mean(chances))
    assert (found["faces"], found["people"]) == (len(right), 9)
    assert nearest_neighbour(faces.embeddings, np.arange(64), np.arange(64), QUICK) is None


def test_order_of_expression_and_person_by_a_plain_loop():
    faces = drawn_faces(people=5, expressions=3)
    who, shown = faces.labels.identity.copy(), faces.labels.expression.copy()
    who[4], shown[9] = UNKNOWN, UNKNOWN
    vectors, shares = faces.embeddings.astype(float), []
    known = [face for face in range(30) if who[face] >= 0 and shown[face] >= 0]
    for anchor in known:
        away = np.linalg.norm(vectors - vectors[anchor], axis=1)
        person = [f for f in known if who[f] == who[anchor] and shown[f] != shown[anchor]]
        expression = [f for f in known if who[f] != who[anchor] and shown[f] == shown[anchor]]
        shares.append(np.mean([away[one] < away[other] for one in expression for other in person]))
    found = ordering(faces.embeddings, who, shown, np.arange(30), QUICK)
    assert found["same_expression_nearer"]["value"] == pytest.approx(np.mean(shares))
    assert found["faces"] == len(known)
    assert (
        ordering(np.zeros((30, 2), np.float32), who, shown, np.arange(30), QUICK)["same_expression_nearer"][
            "value"
        ]
        == 0
    )


def test_what_is_of_the_person_leaks_and_what_is_of_the_expression_does_not():
    for person, shown in ((1, 0), (0, 1)):
        faces = drawn_faces(people=10, pictures=3, person=person, shown=shown, noise=0.05)
        who, what, rows = faces.labels.identity, faces.labels.expression, np.arange(120)
        nearest = nearest_neighbour(faces.embeddings, who, rows, QUICK)["accuracy"]["value"]
        probe = linear_probe(faces.embeddings, who, QUICK, 0)
        order = ordering(faces.embeddings, who, what, rows, QUICK)["same_expression_nearer"]["value"]
        assert (nearest > 0.99, probe["accuracy"]["value"] > 0.99, order < 0.01) == (bool(person),) * 3
        assert (nearest < 0.25, probe["accuracy"]["value"] < 0.25, order > 0.99) == (bool(shown),) * 3
        assert (probe["chance"], probe["people"], probe["folds"]) == (0.1, 10, 5)


@given(counts=st.lists(st.integers(1, 12), min_size=1, max_size=8), seed=st.integers(0, 99))
def test_every_persons_faces_are_dealt_evenly(counts, seed):
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    folds = dealt(groups, 5, np.random.default_rng(seed))
    for group, count in enumerate(counts):
        sizes = np.bincount(folds[groups == group], minlength=5)
        assert sizes.sum() == count
        assert sizes.max() - sizes.min() <= 1


def test_silhouettes_are_scikit_learns():
    faces = drawn_faces()
    for codes in (faces.labels.expression, faces.labels.identity):
        found = silhouette(faces.embeddings, codes, faces.groups, QUICK, 0)
        assert found["value"] == pytest.approx(silhouette_score(faces.embeddings, codes), abs=1e-6)
        assert found["faces"] == 64
    assert silhouette(faces.embeddings, np.zeros(64, dtype=int), faces.groups, QUICK, 0) is None
    assert silhouette(faces.embeddings, np.arange(64), faces.groups, QUICK, 0) is None


def test_of_many_faces_whole_people_are_drawn_for_silhouettes(monkeypatch):
    monkeypatch.setattr("model.evaluation.silhouettes.MOST_FACES", 30)
    faces = drawn_faces()
    found = silhouette(faces.embeddings, faces.labels.identity, faces.groups, QUICK, 0)
    assert (found["faces"], found["labels"]) == (24, 3)
