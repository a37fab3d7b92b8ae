"""The pages of reports, for each role, and what scripts and Markdown say."""

import pytest
from django.urls import reverse
from django.utils import timezone

from annotate.faces.models import Split
from annotate.insight.models import Extent, Measured, Report
from annotate.insight.report_markdown import markdown_of
from annotate.insight.tasks import make_report
from annotate.training import jobs
from annotate.training.models import Run
from annotate.training.versions import promote
from tests.factories import make_dataset, make_face
from tests.insight.reports.sample import figures
from tests.insight.reports.sample import make_report as made
from tests.training.registry import make_version

NOW = timezone.now()


@pytest.fixture
def report(version, dataset):
    return made(version, dataset, figures())


@pytest.fixture
def sent(monkeypatch):
    """The ids that were enqueued."""
    ids = []
    monkeypatch.setattr(make_report, "delay", lambda job_id: ids.append(job_id))
    return ids


def addresses(report):
    return [
        reverse("report-list"),
        reverse("report-detail", args=[report.pk]),
        reverse("report-file", args=[report.pk]),
        reverse("api-report", args=[report.pk]),
        reverse("api-version-reports", args=[report.model_version_id]),
    ]


def asked(version, dataset, **more):
    return {"version": version.pk, "dataset": dataset.pk, "extent": "", "neighbours": "5, 200", **more}


@pytest.mark.parametrize(("who", "status"), [("annotator", 403), ("curator", 200), ("admin", 200)])
def test_curators_and_admins_read_them(client_of, request, report, who, status):
    client = client_of(request.getfixturevalue(who))
    assert [client.get(address).status_code for address in addresses(report)] == [status] * 5


def test_strangers_log_in_first(client_of, report):
    pages, endpoints = addresses(report)[:3], addresses(report)[3:]
    assert [client_of(None).get(address).status_code for address in pages] == [302] * 3
    assert {client_of(None).get(address).status_code for address in endpoints} <= {401, 403}
    assert client_of(None).post(reverse("report-list")).status_code == 302


def test_annotators_ask_for_none(client_of, annotator, version, dataset, sent):
    assert client_of(annotator).post(reverse("report-list"), asked(version, dataset)).status_code == 403
    assert not Report.objects.exists()


def test_a_curator_asks(client_of, curator, version, dataset, sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = client_of(curator).post(reverse("report-list"), asked(version, dataset))
    report = Report.objects.get()
    assert answer.headers["Location"] == reverse("report-detail", args=[report.pk])
    assert (report.extent, report.neighbours, report.created_by) == (Extent.HELD_OUT, [5, 200], curator)
    assert sent == [report.pk]
    page = client_of(curator).get(answer.headers["Location"]).content.decode()
    assert "It waits for a worker of the cpu queue" in page
    assert "data-live-url" in page


@pytest.mark.parametrize("given", ["", "0", "a", "5, x", "1001", "1,2,3,4,5,6,7,8,9", "9" * 40])
def test_numbers_of_neighbours_are_looked_at(client_of, curator, version, dataset, sent, given):
    answer = client_of(curator).post(reverse("report-list"), asked(version, dataset, neighbours=given))
    assert "neighbours" in answer.context["form"].errors
    assert not Report.objects.exists()


def test_what_a_data_set_lacks_is_said_at_the_field(client_of, curator, version, sent):
    bare = make_dataset("bare")
    for number in range(4):
        make_face(bare, f"f{number}")
    answer = client_of(curator).post(reverse("report-list"), asked(version, bare))
    assert "labels.csv" in answer.context["form"].errors["dataset"][0]


def test_the_list_says_what_to_do_where_there_is_nothing(client_of, curator, db):
    page = client_of(curator).get(reverse("report-list")).content.decode()
    assert "No report yet" in page
    assert reverse("run-list") in page


def test_the_list_of_one_version(client_of, curator, report, snapshot):
    other = make_version(snapshot)
    page = client_of(curator).get(f"{reverse('report-list')}?version={other.pk}").content.decode()
    assert "No report yet" in page
    assert "60.0 % recognised" in client_of(curator).get(reverse("report-list")).content.decode()
    for nonsense in ("x", "0", "9" * 30):
        assert client_of(curator).get(f"{reverse('report-list')}?version={nonsense}").status_code == 404


def test_beside_the_active_version_s(client_of, curator, admin, report, snapshot, dataset):
    active = make_version(snapshot)
    promote(active, admin, "", NOW)
    other = made(active, dataset, figures(recognised=0.4, leak=0.5))
    address = reverse("report-detail", args=[report.pk])
    page = client_of(curator).get(address)
    assert page.context["shown"].against == other
    text = page.content.decode()
    assert "+20.0 points" in text
    assert "better" in text
    assert "may be chance" not in client_of(curator).get(f"{address}?against=").content.decode()
    assert client_of(curator).get(f"{address}?against={report.pk}").status_code == 404


def test_a_baseline_stands_beside_its_version(client_of, curator, report, version, dataset):
    baseline = made(version, dataset, figures(recognised=0.4, leak=0.9), measured=Measured.IDENTITY)
    page = client_of(curator).get(reverse("report-detail", args=[baseline.pk]))
    assert page.context["shown"].against == report
    assert f"Version {version.pk}’s identity branch" in page.content.decode()
    one = client_of(curator).get(reverse("report-detail", args=[report.pk]))
    assert one.context["shown"].against is None, "unless it is chosen"
    assert list(one.context["form"].fields["against"].queryset) == [baseline]
    assert client_of(curator).get(reverse("api-report", args=[baseline.pk])).json()["measured"] == "identity"
    versions = client_of(curator).get(reverse("version-detail", args=[version.pk])).content.decode()
    assert reverse("report-detail", args=[baseline.pk]) not in versions


def test_a_baseline_is_asked_for(client_of, curator, version, dataset, sent):
    client_of(curator).post(reverse("report-list"), asked(version, dataset, measured="identity"))
    assert Report.objects.get().measured == Measured.IDENTITY
    refused = client_of(curator).post(reverse("report-list"), asked(version, dataset, measured="x"))
    assert "measured" in refused.context["form"].errors


def test_retraining_is_asked_for(client_of, curator, version, dataset, sent):
    wrong = asked(version, dataset, measured="identity", retrain="on")
    refused = client_of(curator).post(reverse("report-list"), wrong)
    assert "retrain" in refused.context["form"].errors
    client_of(curator).post(reverse("report-list"), asked(version, dataset, retrain="on"))
    assert Report.objects.get().retrain


def test_what_it_will_take_is_told(client_of, curator, annotator, version, dataset):
    address = reverse("report-forecast")
    told = client_of(curator).get(address, asked(version, dataset)).content.decode()
    assert "Held-out faces: 8, 8 of them labelled with 2 expressions, of 4 known people" in told
    assert "24 faces of the data set have to be embedded first" in told
    told = client_of(curator).get(address, asked(version, dataset, retrain="on")).content.decode()
    assert "Retraining learns from 16 faces; how long that takes no run on a CPU tells" in told
    steps = [{"kind": "start", "faces": 24, "train_faces": 16, "device": "cpu", "time": 0}]
    steps += [{"kind": "step", "step": step, "time": 3 * step} for step in (10, 20)]
    Run.objects.filter(pk=version.run_id).update(events=steps)
    told = client_of(curator).get(address, asked(version, dataset, retrain="on")).content.decode()
    # Sixteen faces are a step, since the run trained on no more.
    assert "about 2 min 0 s at the pace" in told
    every = asked(version, dataset, retrain="on", extent="all")
    assert "learns from 19 faces" in client_of(curator).get(address, every).content.decode()
    assert (
        "whole numbers"
        in client_of(curator).get(address, asked(version, dataset, neighbours="x")).content.decode()
    )
    assert client_of(annotator).get(address, asked(version, dataset)).status_code == 403


def test_other_faces_are_not_compared_unsaid(client_of, curator, admin, report, snapshot, dataset):
    active = make_version(snapshot)
    promote(active, admin, "", NOW)
    made(active, dataset, figures(), sha256="1" * 64)
    page = client_of(curator).get(reverse("report-detail", args=[report.pk])).content.decode()
    assert "was made of other faces" in page


def test_cautions(client_of, curator, report, version, dataset):
    every = made(version, dataset, figures(), Extent.ALL, faces=24, labelled=24, people=12)
    page = client_of(curator).get(reverse("report-detail", args=[every.pk])).content.decode()
    assert "its figures flatter it" in page
    assert "has changed since" not in page
    make_face(dataset, "late", split=Split.VAL)
    page = client_of(curator).get(reverse("report-detail", args=[report.pk])).content.decode()
    assert "has changed since" in page


def test_one_that_failed_says_why(client_of, curator, version, dataset, report):
    failed = Report.objects.create(
        model_version=version, dataset=dataset, neighbours=[5], enqueued_at=NOW, ended_at=NOW,
        error="no space",
    )  # fmt: skip
    page = client_of(curator).get(reverse("report-detail", args=[failed.pk])).content.decode()
    assert "It could not be made: no space" in page
    assert client_of(curator).get(reverse("report-file", args=[failed.pk])).status_code == 404
    assert client_of(curator).get(reverse("api-report", args=[failed.pk])).json()["state"] == "failed"


def test_what_could_not_be_worked_out_is_said(client_of, curator, version, dataset):
    said = figures() | {"knn": None, "notes": ["Only one expression is labelled: nothing to recognise."]}
    page = client_of(curator).get(reverse("report-detail", args=[made(version, dataset, said).pk]))
    assert "Only one expression is labelled" in page.content.decode()
    assert not page.context["shown"].recognitions


def test_scripts(client_of, curator, report, version):
    one = client_of(curator).get(reverse("api-report", args=[report.pk])).json()
    assert one["figures"] == figures()
    assert (one["state"], one["version"], one["faces"]) == ("made", version.pk, "val")
    [row] = client_of(curator).get(reverse("api-version-reports", args=[version.pk])).json()["reports"]
    assert one.items() >= row.items()
    assert client_of(curator).get(reverse("api-report", args=[report.pk + 1])).status_code == 404
    waiting = Report.objects.create(
        model_version=version, dataset=report.dataset, neighbours=[5], enqueued_at=NOW
    )
    said = client_of(curator).get(reverse("api-report", args=[waiting.pk])).json()
    assert (said["state"], said["made_at"], said["figures"], said["markdown"]) == (
        "waiting",
        None,
        None,
        None,
    )
    jobs.claim(Report, waiting.pk, "w:1", NOW)
    assert client_of(curator).get(reverse("api-report", args=[waiting.pk])).json()["state"] == "working"


def test_markdown_has_tables_as_papers_have_them(report):
    text = markdown_of(report)
    assert "| All types, strong | 75.0 % | 55.0 to 95.0 | 8 |" in text
    assert "| 200 nearest neighbours | 60.0 % | 58.0 to 62.0 | 50.0 % | 48.0 to 52.0 |" in text
    assert "| calm | 6 | 2 |" in text
    assert "| Average variance, as it is | 0.0110 | 0.0100 to 0.0120 | – | lower |" in text


def test_markdown_is_not_led_astray_by_names(version, dataset):
    said = figures()
    said["knn"]["k"]["5"]["classes"] = ["a|b", "# *c*"]
    text = markdown_of(made(version, dataset, said))
    assert r"| a\|b | 6 | 2 |" in text
    assert r"\# \*c\*" in text


def test_the_pages_of_versions_tell_the_newest(client_of, admin, report, version, dataset):
    newer = made(version, dataset, figures(recognised=0.7))
    for address in (
        reverse("version-list"),
        reverse("version-detail", args=[version.pk]),
        reverse("version-promote", args=[version.pk]),
    ):
        page = client_of(admin).get(address).content.decode()
        assert reverse("report-detail", args=[newer.pk]) in page
        assert reverse("report-detail", args=[report.pk]) not in page
        assert "70.0 % recognised" in page


def test_the_lists_do_not_ask_for_each_report(
    client_of, admin, snapshot, dataset, django_assert_max_num_queries
):
    for _ in range(5):
        made(make_version(snapshot), dataset, figures())
    client = client_of(admin)
    with django_assert_max_num_queries(20):
        client.get(reverse("report-list"))
    with django_assert_max_num_queries(20):
        client.get(reverse("version-list"))
