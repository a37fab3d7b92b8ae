"""The real `python -m model report` on stored embeddings: its figures are those that pages look for."""

import pytest
from django.utils import timezone

from annotate.insight.models import Extent, Measured
from annotate.insight.report_markdown import markdown_of
from annotate.insight.report_pages import shown
from annotate.insight.reports import ask_for_report
from annotate.insight.tasks import make_report
from annotate.training.models import Embedding
from tests.insight.networks import make_real_version


@pytest.fixture
def embedded(version, dataset):
    """Glad faces lie apart from calm ones; a little of the person is left."""
    for number, face in enumerate(dataset.faces.order_by("pk")):
        smile, person = face.known_expression[0], int(face.identity[1:])
        vector = [smile, person / 20, (number * 7 % 5) / 40, *[0.0] * 13]
        Embedding.objects.create(model_version=version, face=face, vector=vector)


def test_the_networks_figures_are_shown(version, dataset, embedded):
    report = ask_for_report(version, dataset, Extent.HELD_OUT, None, timezone.now(), neighbours=[3, 200])
    make_report(job_id=report.pk)
    report.refresh_from_db()
    assert report.error == ""
    page = shown(report, None)
    assert {part.key: [line.is_known for line in lines] for part, lines in page.parts} == {
        "compactness": [True] * 3,
        "identity": [True] * 4,
    }
    assert all(line.interval for _, lines in page.parts for line in lines)
    [mean] = [one for one in page.accuracies if one.line.name == "All types, strong"]
    assert (mean.line.figure, mean.count) == ("100.0 %", 8)
    [knn] = page.recognitions
    assert (knn.key, knn.lines[0].figure, knn.lines[0].chance) == ("knn-3", "100.0 %", "50.0 %")
    assert [[cell.count for cell in row.cells] for row in knn.rows] == [[4, 0], [0, 4]]
    assert "train split" in knn.note
    assert any("k = 200" in note for note in page.notes), "not enough neighbours, and it says so"
    assert report.headline == f"100.0 % recognised (3 neighbours), person found in {leak(page)}"
    assert "| All types, strong | 100.0 % |" in markdown_of(report)


@pytest.mark.long
def test_the_identity_branch_is_measured(snapshot, dataset, tmp_path, settings):
    settings.STATE_DIR = tmp_path
    version = make_real_version(snapshot, settings.RUNS_DIR)
    asked = ask_for_report(
        version, dataset, Extent.HELD_OUT, None, timezone.now(), neighbours=[3], measured=Measured.IDENTITY
    )
    make_report(job_id=asked.pk)
    asked.refresh_from_db()
    assert asked.error == ""
    assert asked.figures["settings"]["dimensions"] == 512
    assert asked.made_of["faces"] == 8
    assert shown(asked, None).accuracies


@pytest.mark.long
def test_the_network_is_retrained(snapshot, dataset, tmp_path, settings):
    settings.STATE_DIR = tmp_path
    version = make_real_version(snapshot, settings.RUNS_DIR)
    asked = ask_for_report(
        version, dataset, Extent.HELD_OUT, None, timezone.now(), neighbours=[3], retrain=True
    )
    make_report(job_id=asked.pk)
    asked.refresh_from_db()
    assert asked.error == ""
    knn, head = shown(asked, None).recognitions
    assert (knn.key, head.key) == ("knn-3", "retrained")
    assert head.note == "8 held-out faces, once 16 others were learnt from in 10 epochs."
    assert sum(row.total for row in head.rows) == 8
    assert head.lines[0].interval


def leak(page):
    return next(line for _, lines in page.parts for line in lines if "nearest face" in line.name).figure
