"""Groups are drawn from strong triplets or, without them, from labels."""

import pytest
from django.utils import timezone

from annotate.campaigns.creation import CannotDrawGroups, create_campaign
from annotate.campaigns.models import Bracket, Campaign, Candidate, Comparison, Gold, Group
from annotate.faces.models import Face, ImportedTriplet


def assert_clean(group):
    faces = [group.anchor_id]
    for candidate in group.candidates.all():
        faces += [candidate.positive_id, candidate.negative_id]
    assert len(faces) == len(set(faces)) == 2 * group.campaign.k + 1


def test_groups_from_triplets(dataset):
    creation = create_campaign(name="c", dataset=dataset, groups=10, k=16, seed=1)
    assert creation.groups == Group.objects.count() == 3
    assert creation.skipped > 0
    for group in Group.objects.all():
        assert_clean(group)
        for candidate in group.candidates.select_related("imported_triplet"):
            triplet = candidate.imported_triplet
            assert triplet.face_1_id == candidate.negative_id
            assert {triplet.face_2_id, triplet.face_3_id} == {group.anchor_id, candidate.positive_id}
    assert Bracket.objects.count() == 9
    assert len(set(Bracket.objects.values_list("seed", flat=True))) == 9
    assert Comparison.objects.count() == 9 * 8


def test_a_triplet_serves_both_of_its_alike_faces_as_anchor(dataset):
    one = Face.objects.get(image="001.jpg")
    create_campaign(name="c", dataset=dataset, groups=60, k=2, seed=1)
    anchors = set(Group.objects.values_list("anchor__image", flat=True))
    assert "001.jpg" in anchors
    assert not ImportedTriplet.objects.filter(face_1=one).exists()
    # 010 was only ever a positive of 0, 1 and 2: as an anchor, those are its positives.
    group = Group.objects.get(anchor__image="010.jpg")
    assert {c.positive.image for c in group.candidates.all()} <= {"000.jpg", "001.jpg", "002.jpg"}


def test_the_same_seed_draws_the_same_campaign(dataset):
    def drawn(name, seed):
        campaign = create_campaign(name=name, dataset=dataset, groups=2, k=8, seed=seed).campaign
        return list(
            Candidate.objects.filter(group__campaign=campaign)
            .order_by("group__index", "slot")
            .values_list("group__anchor", "positive", "negative")
        ) + list(
            Bracket.objects.filter(group__campaign=campaign).order_by("id").values_list("seed", flat=True)
        )

    assert drawn("a", 7) == drawn("b", 7) != drawn("c", 8)


@pytest.mark.parametrize("from_labels", [False, True])
def test_faces_that_are_set_aside_are_in_no_new_group_and_no_gold(dataset, curator, from_labels):
    if from_labels:
        ImportedTriplet.objects.all().delete()
    aside = Face.objects.filter(image__in=[f"{number:03}.jpg" for number in range(2, 60, 7)])
    assert aside.update(
        status="set_aside", set_aside_reason="bad_crop", set_aside_by=curator, set_aside_at=timezone.now()
    )
    create_campaign(name="c", dataset=dataset, groups=60, k=4, seed=1, gold=0 if from_labels else 50)
    drawn = set(Group.objects.values_list("anchor", flat=True))
    drawn |= set(Candidate.objects.values_list("positive", flat=True))
    drawn |= set(Candidate.objects.values_list("negative", flat=True))
    for gold in Gold.objects.all():
        drawn |= {gold.anchor_id, gold.nearer_id, gold.farther_id}
    assert drawn
    assert not drawn & set(aside.values_list("pk", flat=True))


def test_groups_from_labels_where_there_are_no_triplets(dataset):
    ImportedTriplet.objects.all().delete()
    creation = create_campaign(name="c", dataset=dataset, groups=5, k=8, seed=1)
    assert creation.groups == 5
    for group in Group.objects.select_related("anchor"):
        assert_clean(group)
        for candidate in group.candidates.select_related("positive", "negative"):
            assert candidate.imported_triplet is None
            assert candidate.positive.expression == group.anchor.expression != candidate.negative.expression


def test_train_and_val_faces_never_meet(dataset):
    ImportedTriplet.objects.all().delete()
    Face.objects.filter(id__in=list(Face.objects.values_list("id", flat=True))[30:]).update(split="val")
    create_campaign(name="c", dataset=dataset, groups=40, k=8, seed=1)
    assert set(Group.objects.values_list("split", flat=True)) == {"train", "val"}
    for group in Group.objects.all():
        splits = {group.split, group.anchor.split}
        for candidate in group.candidates.all():
            splits |= {candidate.positive.split, candidate.negative.split}
        assert len(splits) == 1


@pytest.mark.parametrize(("k", "groups", "repetitions"), [(3, 1, 3), (0, 1, 3), (8, 0, 3), (8, 1, 0)])
def test_impossible_numbers_are_refused(dataset, k, groups, repetitions):
    with pytest.raises(ValueError, match=r"power of two|at least one"):
        create_campaign(name="c", dataset=dataset, groups=groups, k=k, repetitions=repetitions)
    assert not Campaign.objects.exists()


def test_nothing_to_draw_from_is_explained_and_leaves_nothing(dataset):
    with pytest.raises(CannotDrawGroups, match="smaller k"):
        create_campaign(name="c", dataset=dataset, groups=1, k=32)
    ImportedTriplet.objects.all().delete()
    Face.objects.update(expression="")
    with pytest.raises(CannotDrawGroups, match="neither"):
        create_campaign(name="c", dataset=dataset, groups=1)
    assert not Campaign.objects.exists()
