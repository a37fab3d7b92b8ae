"""The whole way with the real network: a run trains a manipulator and has it judged, then faces are made."""

import io

import pytest
from django.utils import timezone
from PIL import Image

from annotate.insight.manipulations import ask_for_grid, ask_for_interpolation, read
from annotate.insight.tasks import make_grid, make_interpolation
from annotate.training.freezing import freeze_snapshot
from annotate.training.manipulation_config import ManipulationConfig
from annotate.training.models import Manipulator, RunState
from annotate.training.runs import queue_run
from annotate.training.tasks import train_run
from tests.factories import make_dataset, make_face
from tests.insight.networks import make_real_version

SIDE = 32


@pytest.fixture
def snapshot(db, folders):
    """Eight people, two of them held out, three labelled expressions, not one triplet: like RaFD."""
    dataset = make_dataset()
    for person in range(8):
        for name, smile in (("glum", -0.9), ("calm", 0.0), ("glad", 0.9)):
            make_face(
                dataset, f"p{person}-{name}", split="val" if person > 5 else "train", identity=f"p{person}",
                expression=name, smile=smile, tone=100 + 18 * person,
            )  # fmt: skip
    return freeze_snapshot(name="labelled", dataset=dataset)


@pytest.mark.long
def test_from_a_run_to_made_faces(snapshot, settings, admin, client_of):
    version = make_real_version(snapshot, settings.RUNS_DIR)
    config = ManipulationConfig(size=SIDE, steps=8, faces_per_step=4)
    run = queue_run(snapshot, config, admin, parent=version)
    train_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.SUCCEEDED, "")
    assert run.environment["torch"]
    assert {point["kind"] for point in run.events} == {"start", "step", "epoch"}
    manipulator = Manipulator.objects.get()
    assert 0 <= manipulator.judgement["nearer_to_expression"]["share"] <= 1
    assert manipulator.judgement["pairs"] > 0
    assert client_of(admin).get(f"/runs/{run.pk}/").status_code == 200

    now = timezone.now()
    grid = ask_for_grid(manipulator, admin, now)
    make_grid(job_id=grid.pk)
    grid.refresh_from_db()
    assert (grid.error, grid.side) == ("", SIDE)
    assert {one.face.split for one in grid.faces.select_related("face")} == {"val"}
    one, other = (snapshot.dataset.faces.get(key=f"drawn:{name}") for name in ("p0-glum", "p7-glad"))
    asked, _ = ask_for_interpolation(manipulator, one, other, admin, now)
    make_interpolation(job_id=asked.pk)
    asked.refresh_from_db()
    assert asked.error == ""
    assert Image.open(io.BytesIO(read(asked.sheet))).size == (9 * SIDE, SIDE)
