"""The fixed validation: which snapshot it is, whom it measures fairly, and what a version reaches on it."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from annotate.faces.models import Face, Split
from annotate.training import jobs
from annotate.training.errands import ask_for_missing_measures
from annotate.training.freezing import ask_for_snapshot, freeze_snapshot, make_asked_snapshot
from annotate.training.models import Errand, Run, RunState, Snapshot, Validation
from annotate.training.runs import BadSnapshot, queue_run
from annotate.training.snapshot_alteration import alter_snapshot
from annotate.training.tasks import train_run
from annotate.training.validating import (
    CannotValidate,
    accuracy_on,
    enter_validation,
    leaks,
    name_validation_snapshot,
    unfair_to,
    unfair_versions,
    validation_snapshot,
)
from tests.factories import make_dataset
from tests.training.registry import make_version, report

NOW = timezone.now()


@pytest.fixture
def version(snapshot):
    return make_version(snapshot)


@pytest.fixture
def leaking(dataset, snapshot):
    """A snapshot that trains on a person whom `snapshot` holds out."""
    Face.objects.filter(identity="p8").update(split=Split.TRAIN)
    dataset.imported_triplets.filter(face_1__identity="p8").delete()
    dataset.imported_triplets.filter(face_2__identity="p8").delete()
    dataset.imported_triplets.filter(face_3__identity="p8").delete()
    return freeze_snapshot(name="leaking", dataset=dataset)


def test_a_data_set_has_one_or_none(snapshot, version, admin):
    assert validation_snapshot(snapshot.dataset) is None
    [errand] = name_validation_snapshot(snapshot, admin, NOW)
    assert (errand.model_version, errand.snapshot, errand.created_by) == (version, snapshot, admin)
    assert validation_snapshot(snapshot.dataset) == snapshot
    assert validation_snapshot(make_dataset("other")) is None
    other = freeze_snapshot(name="another", dataset=snapshot.dataset)
    name_validation_snapshot(other, admin, NOW)
    assert validation_snapshot(snapshot.dataset) == other


def test_accuracy_is_that_of_the_snapshot_as_it_is(snapshot, version):
    assert accuracy_on(version, snapshot) is None
    assert enter_validation(version, snapshot, report(0.5), NOW)
    assert enter_validation(version, snapshot, report(0.75), NOW)
    assert accuracy_on(version, snapshot) == 0.75
    measured = Snapshot.objects.get()
    alter_snapshot(snapshot.pk, {"drawn:calm-08"}, NOW)
    snapshot.refresh_from_db()
    assert accuracy_on(version, snapshot) is None
    assert not enter_validation(version, measured, report(), NOW), "it is not what was measured any more"
    assert Validation.objects.count() == 1


def test_what_measures_nothing_is_refused_with_advice(dataset, admin):
    dataset.imported_triplets.filter(split=Split.VAL).delete()
    with pytest.raises(CannotValidate, match="no triplet of them"):
        name_validation_snapshot(freeze_snapshot(name="a", dataset=dataset), admin, NOW)
    dataset.faces.update(split=Split.TRAIN)
    with pytest.raises(CannotValidate, match="no held-out faces"):
        name_validation_snapshot(freeze_snapshot(name="b", dataset=dataset), admin, NOW)
    assert validation_snapshot(dataset) is None


def test_people_of_both_splits_are_refused(dataset, admin):
    Face.objects.filter(key="drawn:calm-00").update(identity="p8")
    with pytest.raises(CannotValidate, match="one split"):
        name_validation_snapshot(freeze_snapshot(name="a", dataset=dataset), admin, NOW)


def test_a_snapshot_without_its_folder_is_refused(snapshot, admin):
    shutil.rmtree(Path(settings.SNAPSHOTS_DIR) / snapshot.folder)
    with pytest.raises(CannotValidate, match="is missing"):
        name_validation_snapshot(snapshot, admin, NOW)


def test_nobody_trains_on_whom_it_holds_out(snapshot, leaking, admin):
    queue_run(leaking, {}, admin)
    assert leaks(leaking) is None
    name_validation_snapshot(snapshot, admin, NOW)
    assert leaks(snapshot) is None
    assert "trains on 2 faces of 1 people whom the validation snapshot “frozen” holds out" in leaks(leaking)
    with pytest.raises(BadSnapshot, match="holds out"):
        queue_run(leaking, {}, admin)
    queue_run(snapshot, {}, admin)
    shutil.rmtree(Path(settings.SNAPSHOTS_DIR) / snapshot.folder)
    assert "can not be read" in leaks(leaking)


@pytest.mark.usefixtures("stand_in")
def test_a_run_that_was_queued_before_does_not_train_either(snapshot, leaking, admin):
    """Nor one that waited for its snapshot: nobody knew then what is in it."""
    freeze = ask_for_snapshot(name="later", dataset=leaking.dataset, campaign=None, created_by=admin)
    runs = [queue_run(source, {}, admin) for source in (leaking, freeze)]
    name_validation_snapshot(snapshot, admin, NOW)
    make_asked_snapshot(freeze.pk)
    for run in runs:
        train_run(run_id=run.pk)
        run.refresh_from_db()
        assert run.state == RunState.FAILED
        assert "holds out" in run.error


def test_versions_that_learnt_from_them_are_not_measured_fairly(snapshot, leaking, version):
    bad = make_version(leaking)
    tuned = make_version(snapshot, parent=bad)
    assert unfair_to(version, snapshot) is None
    assert "“leaking” trains on" in unfair_to(bad, snapshot)
    assert "“leaking” trains on" in unfair_to(tuned, snapshot)
    assert unfair_versions(snapshot) == [bad, tuned]


def test_what_lacks_a_measure_is_asked_for_once(snapshot, version, admin):
    assert ask_for_missing_measures(NOW) == []
    Snapshot.objects.update(validates=True)
    [first] = ask_for_missing_measures(NOW)
    assert ask_for_missing_measures(NOW) == []
    claim = jobs.claim(Errand, first, "w:1", NOW)
    enter_validation(version, Snapshot.objects.get(), report(), NOW)
    jobs.end(claim, NOW)
    assert ask_for_missing_measures(NOW) == []
    # What it was measured on is another since.
    alter_snapshot(snapshot.pk, {"drawn:calm-08"}, NOW + timedelta(seconds=1))
    [second] = ask_for_missing_measures(NOW)
    jobs.end(jobs.claim(Errand, second, "w:1", NOW), NOW + timedelta(seconds=2), "it is torn")
    assert ask_for_missing_measures(NOW) == [], "it would fail again"
    assert Errand.objects.get().error == "it is torn"
    assert Run.objects.count() == 1
