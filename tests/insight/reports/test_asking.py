"""Reports are asked for where there is something to report on, one at a time."""

import csv
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from annotate.faces.models import SetAsideReason, Split, Status
from annotate.insight.models import Extent, Report
from annotate.insight.report_tables import LABELS, TRIPLETS, survey, write_tables
from annotate.insight.reports import CannotReport, ask_for_report, changed_since, fair_extent
from annotate.training import jobs
from annotate.training.models import Embedding
from tests.factories import make_dataset, make_face
from tests.insight.reports.sample import figures, make_report

NOW = timezone.now()


def embed(version, dataset):
    for number, face in enumerate(dataset.faces.order_by("pk")):
        Embedding.objects.create(model_version=version, face=face, vector=[number, *[0.0] * 15])


def set_aside(face, by):
    face.status, face.set_aside_reason = Status.SET_ASIDE, SetAsideReason.BAD_CROP
    face.set_aside_by, face.set_aside_at = by, NOW
    face.save()


def test_one_at_a_time(version, dataset, admin):
    report = ask_for_report(version, dataset, Extent.HELD_OUT, admin, NOW, neighbours=[5, 1, 5])
    assert ask_for_report(version, dataset, Extent.HELD_OUT, admin, NOW) == report
    assert ask_for_report(version, dataset, Extent.ALL, admin, NOW) != report
    assert report.neighbours == [1, 5]
    jobs.end(jobs.claim(Report, report.pk, "w:1", NOW), NOW, "no space left")
    again = ask_for_report(version, dataset, Extent.HELD_OUT, admin, NOW)
    assert again != report
    assert Report.objects.filter(pk=report.pk).exists(), "what failed stays in the list"


def test_a_data_set_without_labels_says_how_to_add_them(version):
    other = make_dataset("other")
    with pytest.raises(CannotReport, match="0 faces that are not set aside"):
        ask_for_report(version, other, Extent.ALL, None, NOW)
    for number in range(4):
        make_face(other, f"f{number}")
    with pytest.raises(CannotReport, match=r"labels\.csv"):
        ask_for_report(version, other, Extent.ALL, None, NOW)
    with pytest.raises(CannotReport, match="with all faces there are 4"):
        ask_for_report(version, other, Extent.HELD_OUT, None, NOW)
    assert not Report.objects.exists()


def test_what_is_fair(version, dataset):
    other = make_dataset("other")
    make_face(other, "f", expression="glad")
    assert fair_extent(version, dataset) == Extent.HELD_OUT
    assert fair_extent(version, other) == Extent.ALL


def test_the_survey_counts_what_is_not_set_aside(dataset, admin):
    assert vars(survey(dataset, Extent.HELD_OUT)) == {
        "faces": 8, "labelled": 8, "expressions": 2, "people": 4, "triplets": 8,
    }  # fmt: skip
    assert survey(dataset, Extent.ALL).faces == 24
    set_aside(dataset.faces.filter(split=Split.VAL).first(), admin)
    found = survey(dataset, Extent.HELD_OUT)
    assert (found.faces, found.triplets) == (7, 8 - 3), "nor triplets with such a face"


def test_the_tables_name_nobody(version, dataset, tmp_path):
    embed(version, dataset)
    made_of = write_tables(version, dataset, Extent.HELD_OUT, tmp_path)
    with (tmp_path / LABELS).open() as file:
        rows = list(csv.DictReader(file))
    assert [row["split"] for row in rows] == ["train"] * 16 + ["val"] * 8, "the others are neighbours"
    people = dict(dataset.faces.values_list("pk", "identity"))
    assert {(row["identity"], people[int(row["name"])]) for row in rows} == {
        (str(number + 1), f"p{number}") for number in range(12)
    }
    with np.load(tmp_path / "embeddings.npz", allow_pickle=False) as file:
        assert file["names"].tolist() == [row["name"] for row in rows]
        assert file["embeddings"].shape == (24, 16)
    with (tmp_path / TRIPLETS).open() as file:
        triplets = list(csv.DictReader(file))
    shown = dict(dataset.faces.values_list("pk", "expression"))
    for row in triplets:
        anchor, positive, negative = (shown[int(row[name])] for name in ("anchor", "positive", "negative"))
        assert anchor == positive != negative
        assert (row["kind"], row["strength"]) == ("TWO_CLASS_TRIPLET", "strong")
    assert made_of | {"sha256": ""} == vars(survey(dataset, Extent.HELD_OUT)) | {"sha256": ""}


def test_the_hash_tells_whether_two_reports_are_of_the_same(version, dataset, tmp_path):
    embed(version, dataset)
    first = write_tables(version, dataset, Extent.HELD_OUT, tmp_path)["sha256"]
    assert write_tables(version, dataset, Extent.HELD_OUT, tmp_path)["sha256"] == first
    dataset.faces.filter(split=Split.VAL, expression="glad").update(expression="merry")
    assert write_tables(version, dataset, Extent.HELD_OUT, tmp_path)["sha256"] != first


def test_a_face_that_is_not_embedded_is_in_no_table(version, dataset, tmp_path):
    embed(version, dataset)
    gone = dataset.faces.filter(split=Split.VAL).first()
    Embedding.objects.filter(face=gone).delete()
    made_of = write_tables(version, dataset, Extent.HELD_OUT, tmp_path)
    assert (made_of["faces"], made_of["triplets"]) == (7, 5)


def test_a_change_since_is_noticed(version, dataset):
    report = make_report(version, dataset, figures())
    assert changed_since(report) is None
    make_face(dataset, "late", split=Split.VAL)
    assert changed_since(report).faces == 9


def test_lost_ones_are_found_by_the_time(version, dataset):
    report = ask_for_report(version, dataset, Extent.HELD_OUT, None, NOW)
    jobs.claim(Report, report.pk, "w:1", NOW)
    assert jobs.recover(Report, NOW + timedelta(seconds=61)) == [report.pk]
