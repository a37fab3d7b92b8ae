"""Two versions on the very same triplets: it agrees with the network's own counting, or says nothing."""

import numpy as np
import pytest

from annotate.faces.models import Face
from annotate.training.models import Embedding
from annotate.training.pairing import paired_on
from annotate.training.shared_folders import snapshot_at_hand
from annotate.training.significance import unpaired
from model.accuracy import headline, hits, report
from model.snapshot import read_snapshot
from tests.training.growth import version_on


def embedded(version, seed):
    """Vectors of its own for every face, by key."""
    rng = np.random.default_rng(seed)
    faces = list(Face.objects.order_by("key"))
    vectors = rng.normal(size=(len(faces), 16)).astype(np.float32)
    # What is calm lies together, more or less.
    vectors[:, 0] += [4 * ("glad" in face.key) for face in faces]
    Embedding.objects.bulk_create(
        Embedding(model_version=version, face=face, vector=vector)
        for face, vector in zip(faces, vectors, strict=True)
    )
    return {face.key: vector for face, vector in zip(faces, vectors, strict=True)}


@pytest.fixture
def measured(snapshot):
    """Two versions, what the network's own functions say of their vectors, and which triplets are right."""
    versions = [version_on(snapshot) for _ in range(2)]
    with snapshot_at_hand(snapshot) as folder:
        read = read_snapshot(folder)
    arrays = []
    for seed, version in enumerate(versions):
        vectors = embedded(version, seed)
        arrays.append(np.array([vectors[key] for key in read.faces.keys]))
    accuracies = [headline(report(read, array, "val")) for array in arrays]
    rows = read.triplets_of("val")
    return versions, accuracies, [hits(array, read.triplets, rows) for array in arrays]


def test_it_counts_as_the_network_does(snapshot, measured):
    (new, old), (accuracy, against), (right, was_right) = measured
    assert (right != was_right).any()
    found = paired_on(new, old, snapshot, unpaired(accuracy, against, len(right)))
    assert (found.accuracy, found.against, found.count) == (accuracy, against, len(right)) == (
        right.mean(), was_right.mean(), 8,
    )  # fmt: skip
    assert found.gain == pytest.approx((right.astype(int) - was_right).mean())
    assert found.standard_error == pytest.approx((right.astype(int) - was_right).std() / np.sqrt(8))


def test_where_it_can_not_be_had(snapshot, measured):
    (new, old), (accuracy, against), _ = measured
    assert paired_on(new, old, snapshot, unpaired(accuracy - 0.1, against, 8)) is None
    assert paired_on(new, old, snapshot, unpaired(accuracy, against, 9)) is None
    Embedding.objects.filter(model_version=old, face__key="drawn:calm-09").delete()
    reported = unpaired(accuracy, against, 8)
    assert paired_on(new, old, snapshot, reported) is None
    snapshot.folder = "gone"
    assert paired_on(new, old, snapshot, reported) is None
