"""Model versions and embeddings: entered once, in one transaction, or not at all."""

import math

import pytest
from django.utils import timezone

from annotate.training.models import Embedding, ModelVersion, Run, RunState
from annotate.training.results import ClaimLost, enter_model_version, store_embeddings
from annotate.training.runs import cancel_run, claim_run, queue_run
from tests.training.registry import make_version

NOW = timezone.now()


@pytest.fixture
def claim(run):
    return claim_run(run.pk, "w:1", NOW)


def embedded(dataset, place=0):
    for number, face in enumerate(dataset.faces.order_by("key")):
        yield face.key, [float(number) if i == place else 0.0 for i in range(16)]


def enter(claim, rows):
    return enter_model_version(claim, folder="run-1/checkpoint", evaluation={}, embedded=rows, at=NOW)


def test_entered_once(claim, dataset):
    version = enter(claim, embedded(dataset))
    assert version.embeddings.count() == 24
    assert Run.objects.get().state == RunState.SUCCEEDED
    assert enter(claim, embedded(dataset, place=3)) == version
    assert store_embeddings(version, embedded(dataset, place=3)) == 0
    assert version.embeddings.get(face__key="drawn:calm-01").vector[0] == 1.0


def test_faces_that_are_gone_are_left_out(claim, dataset):
    rows = [*embedded(dataset), ("drawn:erased meanwhile, “with” commas", [0.0] * 16)]
    assert enter(claim, rows).embeddings.count() == 24


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("drawn:calm-00", [0.0] * 15), "has 16 numbers, that of drawn:calm-00 has 15"),
        (("drawn:calm-00", [math.nan] * 16), "not finite"),
    ],
)
def test_a_bad_vector_enters_nothing(claim, row, message):
    with pytest.raises(ValueError, match=message):
        enter(claim, [row])
    assert not ModelVersion.objects.exists()
    assert Run.objects.get().state == RunState.RUNNING


def test_a_cancelled_run_enters_nothing(claim, dataset):
    cancel_run(claim.run_id, NOW)
    with pytest.raises(ClaimLost):
        enter(claim, embedded(dataset))
    assert not Embedding.objects.exists()


def test_the_nearest_come_first(claim, dataset):
    version = enter(claim, embedded(dataset))
    found = version.embeddings.nearest([3.2] + [0.0] * 15)[:3]
    assert [embedding.vector[0] for embedding in found] == [3.0, 4.0, 2.0]
    assert found[0].distance == pytest.approx(0.2, abs=1e-6)


def test_what_its_parent_learnt_a_version_has_learnt(snapshot):
    parent = make_version(snapshot)
    ModelVersion.objects.update(erased_at=NOW)
    run = queue_run(snapshot, {}, None, parent=parent)
    assert enter(claim_run(run.pk, "w:1", NOW), []).erased_at == NOW
