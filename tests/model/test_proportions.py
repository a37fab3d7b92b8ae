"""Strata: imported against tournament triplets, replayed against new ones, and both at once."""

import dataclasses

import numpy as np
import pytest

from model.errors import TrainingError
from model.proportions import also_in, strata_of
from model.snapshot import SOURCES, read_snapshot


@pytest.fixture(scope="module")
def snapshot(drawn):
    """Every fourth triplet from a tournament."""
    whole = read_snapshot(drawn)
    source = whole.triplets.source.copy()
    source[::4] = SOURCES["direct"]
    return dataclasses.replace(whole, triplets=dataclasses.replace(whole.triplets, source=source))


def first(snapshot, count):
    """The snapshot of the first `count` triplets, its faces in another order, the last five unknown to it."""
    order = np.random.default_rng(0).permutation(len(snapshot.faces.keys))
    place = np.argsort(order)
    keys = tuple(
        snapshot.faces.keys[face] if face < len(order) - 5 else f"other-{face}" for face in order.tolist()
    )
    triplets = dataclasses.replace(snapshot.triplets, faces=place[snapshot.triplets.faces[:count]])
    return dataclasses.replace(
        snapshot, faces=dataclasses.replace(snapshot.faces, keys=keys), triplets=triplets
    )


def strata(snapshot, imported_share=None, earlier=None, replay=0.5):
    rows = snapshot.triplets_of("train")
    found = strata_of(snapshot, rows, imported_share=imported_share, earlier=earlier, replay=replay)
    return rows, found


def test_nothing_to_proportion(snapshot):
    assert strata(snapshot)[1] is None


def test_imported_against_tournament(snapshot):
    rows, found = strata(snapshot, imported_share=0.3)
    imported = snapshot.triplets.imported[rows]
    assert len({*found.codes[imported]}) == len({*found.codes[~imported]}) == 1
    assert found.shares[found.codes[imported][0]] == pytest.approx(0.3)
    assert sum(found.shares) == pytest.approx(1)


def test_one_kind_alone_needs_no_share(drawn):
    assert strata(read_snapshot(drawn), imported_share=0.3)[1] is None


def test_what_the_earlier_snapshot_has_is_known_by_its_faces(snapshot):
    earlier = first(snapshot, 300)
    rows = snapshot.triplets_of("train")
    named = {tuple(earlier.faces.keys[face] for face in three) for three in earlier.triplets.faces}
    keys = snapshot.faces.keys
    expected = [tuple(keys[face] for face in three) in named for three in snapshot.triplets.faces[rows]]
    assert also_in(earlier, snapshot, rows).tolist() == expected
    assert 0 < sum(expected) < 300


def test_both_divisions_at_once(snapshot):
    earlier = first(snapshot, 300)
    rows, found = strata(snapshot, imported_share=0.6, earlier=earlier, replay=0.25)
    old, imported = also_in(earlier, snapshot, rows), snapshot.triplets.imported[rows]
    for is_old, of_old in ((True, 0.25), (False, 0.75)):
        for is_imported, of_imported in ((True, 0.6), (False, 0.4)):
            codes = found.codes[(old == is_old) & (imported == is_imported)]
            assert found.shares[codes[0]] == pytest.approx(of_old * of_imported)
            assert (codes == codes[0]).all()


def test_what_cannot_be_replayed_says_why(snapshot):
    unknown = dataclasses.replace(snapshot.faces, keys=tuple(f"x{key}" for key in snapshot.faces.keys))
    with pytest.raises(TrainingError, match="none of the triplets"):
        strata(snapshot, earlier=dataclasses.replace(snapshot, faces=unknown))


def test_where_nothing_is_new_there_is_nothing_to_divide(snapshot):
    assert strata(snapshot, earlier=snapshot)[1] is None
    rows, found = strata(snapshot, earlier=snapshot, imported_share=0.6)
    assert found.shares == pytest.approx((0.6, 0.4))
    assert (found.codes == ~snapshot.triplets.imported[rows]).all()


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_shares_beyond_one(snapshot, share):
    with pytest.raises(TrainingError, match="imported_share is"):
        strata(snapshot, imported_share=share)
