"""From a data set to searchable embeddings, with the real network in its own process."""

import json
from pathlib import Path

import pytest
import torch
from django.conf import settings
from django.db.models import Count
from django.utils import timezone

from annotate.training.curves import headline
from annotate.training.errands import ask_to_embed
from annotate.training.freezing import freeze_snapshot
from annotate.training.models import Embedding, RunState
from annotate.training.reports import accuracy_rows, start_of
from annotate.training.run_charts import charts_of
from annotate.training.runs import queue_run
from annotate.training.tasks import run_errand, train_run
from annotate.training.validating import accuracy_on, name_validation_snapshot
from tests.factories import make_face, make_imported_triplet


@pytest.mark.long
def test_a_snapshot_becomes_embeddings_that_can_be_searched(snapshot, admin):
    config = {"epochs": 4, "faces_per_step": 12, "triplets_per_step": 24, "order": 2}
    run = queue_run(snapshot, config, admin)
    train_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.SUCCEEDED, "")

    version = run.model_version
    checkpoint = json.loads((Path(settings.RUNS_DIR) / version.folder / "config.json").read_text())
    assert checkpoint["snapshot"]["sha256"] == snapshot.sha256
    assert (checkpoint["network"]["order"], checkpoint["training"]["epochs"]) == (2, 4)
    assert version.evaluation["split"] == "val"
    [of_kind] = [row for row in accuracy_rows(version.evaluation) if row.name == "two classes"]
    assert of_kind.strong_count == 8
    assert start_of(run)["val_faces"] == 8
    loss, accuracy = charts_of(run)[:2]
    assert loss.lines
    assert len(accuracy.lines) == 2

    embeddings = Embedding.objects.filter(model_version=version)
    assert embeddings.count() == snapshot.dataset.faces.count() == 24
    assert embeddings.aggregate(faces=Count("face", distinct=True))["faces"] == 24
    query = embeddings.get(face__key="drawn:glad-09")
    found = list(embeddings.nearest(query.vector).select_related("face")[:5])
    assert found[0].face == query.face
    assert found[0].distance == pytest.approx(0, abs=1e-6)
    assert [e.distance for e in found] == sorted(e.distance for e in found)
    assert found[1].distance > 0

    # The same checkpoint, asked later, by the cpu queue: a face that came since, and the fixed measure.
    before = query.vector
    query.delete()
    late = make_face(snapshot.dataset, "late/ ü", smile=0.9)
    embed = ask_to_embed(version, snapshot.dataset, admin, timezone.now())
    for errand in [embed, *name_validation_snapshot(snapshot, admin, timezone.now())]:
        run_errand(errand_id=errand.pk)
        errand.refresh_from_db()
        assert errand.error == ""
    assert embeddings.get(face=query.face).vector == pytest.approx(before, abs=1e-5)
    assert embeddings.filter(face=late).exists()
    assert accuracy_on(version, snapshot) == headline(version.evaluation)
    assert run.environment["torch"] == torch.__version__
    assert run.environment["semblance"].startswith(("commit ", "sources "))
    _fine_tune_on_more(version, snapshot.dataset)


def _fine_tune_on_more(version, dataset):
    """From that version, on a snapshot that has grown, with what it knows already replayed."""
    faces = [dataset.faces.get(image=f"{name}.jpg") for name in ("calm-00", "calm-05", "glad-03")]
    make_imported_triplet(faces, kind="TWO_CLASS_TRIPLET")
    grown = freeze_snapshot(name="grown", dataset=dataset)
    settings_ = {"epochs": 1, "faces_per_step": 12, "triplets_per_step": 24, "replay": 0.25}
    run = queue_run(grown, settings_, None, parent=version)
    train_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.SUCCEEDED, "")
    checkpoint = json.loads((Path(settings.RUNS_DIR) / run.model_version.folder / "config.json").read_text())
    assert checkpoint["parent"]["snapshot"]["sha256"] == version.run.snapshot.sha256
    assert (checkpoint["network"]["order"], checkpoint["training"]["replay"]) == (2, 0.25)
