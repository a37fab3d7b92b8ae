"""The rendered development set as a snapshot: its counts are those that its own README states."""

import pytest

from model.snapshot import read_snapshot
from tests.model import ictfec
from tests.model.test_alignment import LONDON

SOURCE = LONDON.parent / "ictfec"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SOURCE.exists(), reason="the ictfec data set is not beside this checkout"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return ictfec.build(SOURCE, tmp_path_factory.mktemp("ictfec") / "snapshot")


def test_the_snapshot_holds_every_face_and_every_triplet_with_a_majority(folder):
    snapshot = read_snapshot(folder)
    assert len(snapshot.faces.keys) == 2400
    assert (snapshot.faces.split == 1).sum() == 480
    assert len(snapshot.triplets_of("val")) == 3833
    assert len(snapshot.answers.annotators) == 43
    strong = snapshot.triplets.strength[snapshot.triplets_of("val")] == 2
    assert strong.sum() == 3520
