"""A run of face manipulation on machines that have a bucket in common; a script stands in for the network."""

import pytest

from annotate.training.freezing import freeze_snapshot
from annotate.training.manipulation_config import ManipulationConfig
from annotate.training.models import Manipulator, ModelVersion, RunState
from annotate.training.runs import queue_run
from annotate.training.shared_folders import log_tail, manipulator_at_hand
from annotate.training.tasks import train_run
from tests.bucket import left_on
from tests.training.drawn import drawn_dataset

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stand_in"), pytest.mark.long]


def test_it_goes_on_elsewhere_and_its_manipulator_is_found_there(on_machine, shared_bucket, monkeypatch):
    on_machine("a")
    snapshot = freeze_snapshot(name="frozen", dataset=drawn_dataset())
    train_run(run_id=queue_run(snapshot, {}, None).pk)
    run = queue_run(snapshot, ManipulationConfig(), None, parent=ModelVersion.objects.get())
    monkeypatch.setenv("KILLED_AT", "1")
    first = on_machine("b")
    train_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.losses) == (RunState.QUEUED, 1)
    assert left_on(first) == []

    monkeypatch.delenv("KILLED_AT")
    second = on_machine("c")
    train_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.SUCCEEDED, "")
    assert left_on(second) == []
    assert [event["step"] for event in run.events if event["kind"] == "step"] == [10, 20]
    third = on_machine("d")
    assert "manipulate judge" in log_tail(run, 30)
    with manipulator_at_hand(Manipulator.objects.get()) as folder:
        assert third in folder.parents
        assert {path.name for path in folder.iterdir()} == {"generator.safetensors", "manipulator.json"}
    assert left_on(third) == []
