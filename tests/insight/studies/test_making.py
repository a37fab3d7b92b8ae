"""A study is drawn by its seed, its lists are the nearest faces, and what comes later does not move it."""

import random
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotate.faces.models import Dataset, SetAsideReason, Status
from annotate.insight.models import (
    Contender,
    Participant,
    Result,
    Study,
    StudyComparison,
    StudyState,
    StudyVote,
)
from annotate.insight.studies import choose_participants, close, create_study, drawn_pairs, prepare, reopen
from annotate.insight.study_choosing import CannotMakeStudy, draw_queries, find, named_queries
from annotate.insight.tasks import prepare_study
from annotate.training.models import Embedding
from tests.insight.studies.world import (
    answer_all,
    as_it_is,
    come,
    make_study,
    make_versions,
    mirrored,
    plan_of,
    scattered,
)


def lists(study):
    """By query and version, the keys found."""
    found = {}
    for number, version, key in (
        Result.objects.filter(query__study=study)
        .order_by("rank")
        .values_list("query__number", "contender__model_version", "face__key")
    ):
        found.setdefault((number, version), []).append(key)
    return found


def test_the_lists_are_the_nearest_faces_by_brute_force(dataset, versions, study):
    vectors = {
        version.pk: dict(Embedding.objects.filter(model_version=version).values_list("face", "vector"))
        for version in versions
    }
    keys = dict(dataset.faces.values_list("pk", "key"))
    found = lists(study)
    assert len(found) == 4 * 2
    for query in study.queries.all():
        for version in versions:
            own = np.asarray(vectors[version.pk][query.face_id])
            others = [
                (float(np.linalg.norm(np.asarray(vector) - own)), face)
                for face, vector in vectors[version.pk].items()
                if face != query.face_id
            ]
            assert found[query.number, version.pk] == [keys[face] for _, face in sorted(others)[:3]]


def test_other_people_only(dataset, versions, admin):
    study = make_study(dataset, versions, admin, others_only=True)
    persons = dict(dataset.faces.values_list("key", "identity"))
    for query in study.queries.select_related("face"):
        for version in versions:
            assert query.face.identity not in {persons[key] for key in lists(study)[query.number, version.pk]}
    # Without it, the face's twin is found first.
    assert "line:004" in lists(make_study(dataset, versions, admin, name="b"))[1, versions[0].pk]


def test_faces_set_aside_are_not_found(dataset, versions, admin):
    dataset.faces.filter(key="line:004").update(
        status=Status.SET_ASIDE, set_aside_reason=SetAsideReason.OTHER, set_aside_by=admin,
        set_aside_at=timezone.now(),
    )  # fmt: skip
    study = make_study(dataset, versions, admin)
    assert all("line:004" not in keys for keys in lists(study).values())


def test_later_changes_move_nothing(dataset, versions, study):
    before = lists(study)
    Embedding.objects.all().update(vector=[1.0] * 16)
    dataset.faces.all().update(identity="same")
    prepare_study(job_id=study.pk)
    assert lists(study) == before


def test_prepared_again_it_is_the_same(study):
    """What a worker left that was killed between freezing and saying so."""
    before = lists(study), StudyComparison.objects.count()
    Study.objects.update(ended_at=None)
    prepare(study)
    assert (lists(study), StudyComparison.objects.count()) == before


def test_a_worker_that_was_taken_for_lost_takes_no_answers_along(study, annotators):
    answer_all(study, annotators[0], lambda showing: "one")
    prepare(study)
    assert StudyVote.objects.count() == 4


def test_lists_of_the_same_faces_are_a_tie_that_nobody_is_asked(dataset, admin, annotators):
    versions = make_versions(dataset, as_it_is, lambda place: 2 * place, mirrored)
    study = make_study(dataset, versions, admin)
    pairs = {version.pk: Contender.objects.get(model_version=version).pk for version in versions}
    same = {pairs[versions[0].pk], pairs[versions[1].pk]}
    for one in StudyComparison.objects.all():
        assert one.is_tie == ({one.one_id, one.other_id} == same)
    asked = come(study, annotators[0]).showings.values_list("comparison", flat=True)
    assert set(asked) == set(StudyComparison.objects.filter(is_tie=False).values_list("pk", flat=True))


def test_pairs_are_dealt_out_evenly():
    drawn = drawn_pairs(4, 20, 2, random.Random(3))
    assert all(len(set(pairs)) == 2 for pairs in drawn)
    counts = Counter(pair for pairs in drawn for pair in pairs)
    assert set(counts) == set(combinations(range(4), 2))
    assert max(counts.values()) - min(counts.values()) <= 1
    assert drawn == drawn_pairs(4, 20, 2, random.Random(3))
    assert drawn_pairs(3, 2, None, random.Random(1)) == [list(combinations(range(3), 2))] * 2


def test_the_order_of_the_contenders_is_drawn(dataset, versions, admin):
    firsts = {
        make_study(dataset, versions, admin, name=str(seed), seed=seed)
        .contenders.get(place=0)
        .model_version_id
        for seed in range(8)
    }
    assert len(firsts) == 2


def test_queries_are_drawn_by_seed_of_different_people(dataset):
    drawn = draw_queries(dataset, split="", count=20, seed=1)
    assert len({face.identity for face in drawn}) == 20
    assert drawn == draw_queries(dataset, split="", count=20, seed=1)
    assert drawn != draw_queries(dataset, split="", count=20, seed=2)
    # There are no more people: their other faces follow.
    assert len({face.pk for face in draw_queries(dataset, split="", count=40, seed=1)}) == 40
    assert {face.split for face in draw_queries(dataset, split="val", count=10, seed=1)} == {"val"}
    with pytest.raises(CannotMakeStudy, match="fewer than 11"):
        draw_queries(dataset, split="val", count=11, seed=1)


def test_queries_by_name(dataset):
    faces = named_queries(dataset, ["line:007", "003"])
    assert [face.key for face in faces] == ["line:007", "line:003"]
    for names, why in ((["nobody", "x"], "nobody and 1 more"), (["003", "line:003"], "twice")):
        with pytest.raises(CannotMakeStudy, match=why):
            named_queries(dataset, names)


def test_a_version_that_has_not_embedded_all_can_not_take_part(dataset, versions, admin):
    Embedding.objects.filter(model_version=versions[1]).first().delete()
    with pytest.raises(CannotMakeStudy, match=r"39 of the 40 faces of line"):
        create_study(plan_of(dataset, versions), admin, timezone.now())
    with pytest.raises(CannotMakeStudy, match="two versions"):
        create_study(plan_of(dataset, versions[:1]), admin, timezone.now())
    assert not Study.objects.exists()


def test_a_study_that_can_not_be_prepared_says_why(dataset, versions, admin):
    small = Dataset.objects.create(name="small")
    dataset.faces.filter(key__in=["line:000", "line:001", "line:002"]).update(dataset=small)
    study = make_study(small, versions, admin, queries=list(small.faces.all()[:1]))
    assert study.state == StudyState.FAILED
    assert "Only 2 faces can be found for line:00" in study.error
    assert not Result.objects.exists()


def test_find_says_how_far_it_is(study, dataset, versions):
    heard = []
    prepare(study, lambda done, total: heard.append((done, total)))
    assert heard == [(1, 4), (2, 4), (3, 4), (4, 4)]
    [one] = find([dataset.faces.get(key="line:010")], versions, top_n=2, others_only=False)
    assert set(one.lists) == {version.pk for version in versions}


def test_closing_and_opening(study, annotators):
    assert study.state == StudyState.OPEN
    assert close(study, timezone.now())
    assert not close(study, timezone.now())
    assert come(study, annotators[0]) is None
    assert reopen(study)
    assert come(study, annotators[0]) is not None


def test_who_takes_part(study, annotators, curator, admin):
    assert [come(study, user) for user in (curator, admin)] == [None, None]
    came = come(study, annotators[0])
    choose_participants(study, annotators[1:3])
    study.refresh_from_db()
    assert not study.for_everybody
    assert come(study, annotators[0]) is None
    assert come(study, annotators[3]) is None
    assert come(study, annotators[1]) is not None
    # She keeps her place, and goes on where she is asked again.
    choose_participants(study, None)
    assert come(study, annotators[0]).pk == came.pk
    assert come(study, annotators[3]) is not None
    assert Participant.objects.filter(study=study).count() == 3


def test_sides_are_balanced_for_each_participant_and_over_all(dataset, admin, annotators):
    versions = make_versions(dataset, as_it_is, scattered)
    study = make_study(dataset, versions, admin, queries=list(dataset.faces.order_by("pk")[:9]))
    left = Counter()
    for seed, user in enumerate(annotators):
        shown = come(study, user, seed).showings.all()
        assert sum(showing.one_is_left for showing in shown) in (4, 5)
        left.update({showing.comparison_id: showing.one_is_left for showing in shown})
    # Each comparison stood either way for half of the four.
    assert set(left.values()) <= {1, 2, 3}
    assert sum(left.values()) in range(16, 21)
    orders = {
        tuple(come(study, user).showings.order_by("place").values_list("comparison")) for user in annotators
    }
    assert len(orders) == 4


@pytest.mark.parametrize("twice", ["query", "comparison", "participant"])
def test_the_database_itself_holds_that_nothing_is_there_twice(study, annotators, twice):
    come(study, annotators[0])
    row = {
        "query": study.queries.first(),
        "comparison": StudyComparison.objects.first(),
        "participant": Participant.objects.first(),
    }[twice]
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)
