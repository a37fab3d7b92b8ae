"""The rendered development set in FEC's layout, all of it: counts and shares as its README says."""

import pytest
from django.db.models import Count, Q

from annotate.faces.fec_import import import_triplets
from annotate.faces.models import Dataset, Face, ImportedTriplet
from tests.faces.conftest import SHARED

ICTFEC = SHARED / "ictfec"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db,
    pytest.mark.skipif(
        not ICTFEC.exists(), reason="the rendered development set is not beside this checkout"
    ),
]
KINDS = ("ONE_CLASS_TRIPLET", "TWO_CLASS_TRIPLET", "THREE_CLASS_TRIPLET")


def import_split(split, tmp_path):
    return import_triplets(
        ICTFEC / f"triplets-{split}.csv", dataset="ictfec", images=ICTFEC / "images", split=split,
        labels=ICTFEC / "labels.csv", rejects=tmp_path / "rejects.csv", workers=2,
    )  # fmt: skip


def test_all_of_it_goes_in(tmp_path):
    train, val = import_split("train", tmp_path), import_split("val", tmp_path)
    assert (train.triplets_added, val.triplets_added) == (40_000, 4_000)
    assert (train.rejected, val.rejected) == (0, 0)
    assert Face.objects.count() == train.faces_added + val.faces_added == 2_400
    check_kinds()
    check_val_shares()
    check_faces()
    dataset = Dataset.objects.with_counts().get()
    assert (dataset.face_count, dataset.identity_count) == (2_400, 60)
    again = import_split("val", tmp_path)
    assert (again.triplets_added, again.triplets_there, again.faces_added) == (0, 4_000, 0)


def check_kinds():
    counts = dict(ImportedTriplet.objects.values_list("split").annotate(n=Count("pk")))
    assert counts == {"train": 40_000, "val": 4_000}
    of_kind = {
        split: [ImportedTriplet.objects.filter(split=split, kind=kind).count() for kind in KINDS]
        for split in ("train", "val")
    }
    assert of_kind == {"train": [13_334, 13_333, 13_333], "val": [1_334, 1_333, 1_333]}
    assert not ImportedTriplet.objects.exclude(raters__len=6, answers__len=6).exists()


def check_val_shares():
    """Strong and weak triplets in per cent: all, and of one, two and three classes."""
    val = ImportedTriplet.objects.filter(split="val")
    shares = [
        tuple(
            round(100 * rows.filter(strength=strength).count() / rows.count(), 1)
            for strength in ("strong", "weak")
        )
        for rows in (val, *(val.filter(kind=kind) for kind in KINDS))
    ]
    assert shares == [(88.0, 7.8), (87.7, 7.3), (90.4, 6.3), (85.9, 9.9)]
    row = ImportedTriplet.objects.count_by_strength().get(split="val")
    assert row["strong"] + row["weak"] + row["none"] == 4_000


def check_faces():
    people = Face.objects.values("split").annotate(n=Count("identity", distinct=True)).order_by("split")
    assert [(row["split"], row["n"]) for row in people] == [("train", 48), ("val", 12)]
    assert not Face.objects.filter(Q(identity="") | Q(known_expression__isnull=True)).exists()
    face = Face.objects.get(image="000000.jpg")
    assert face.identity == "d000"
    assert face.known_expression[:3] == [-0.01256, 0.03556, 0.12874]
    assert len(face.known_expression) == 16
