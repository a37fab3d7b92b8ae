"""The fixed validation: which snapshot it is, and what a version reaches on it."""

import pytest
from django.utils import timezone

from annotate.training.models import ModelVersion, Snapshot, Validation
from annotate.training.validating import accuracy_on, validation_snapshot
from tests.factories import make_dataset

REPORT = {
    "strong": {"accuracy": {"mean": 0.75}, "counts": {"all": 8}},
    "weak": {"accuracy": {"mean": None}, "counts": {"all": 0}},
    "tournament": {"accuracy": 0.5, "count": 4},
}


@pytest.fixture
def version(run):
    return ModelVersion.objects.create(run=run, folder="run-1/checkpoint", evaluation={})


def test_a_data_set_has_one_or_none(snapshot):
    assert validation_snapshot(snapshot.dataset) is None
    Snapshot.objects.update(validates=True)
    assert validation_snapshot(snapshot.dataset) == snapshot
    assert validation_snapshot(make_dataset("other")) is None


def test_accuracy_is_that_of_the_snapshot_as_it_is(snapshot, version):
    assert accuracy_on(version, snapshot) is None
    Validation.objects.create(
        model_version=version, snapshot=snapshot, sha256=snapshot.sha256, report=REPORT, at=timezone.now()
    )
    assert accuracy_on(version, snapshot) == 0.75
    snapshot.sha256 = "0" * 64
    assert accuracy_on(version, snapshot) is None
