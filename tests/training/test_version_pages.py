"""The pages of model versions: who may open and do what, and what they show."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from annotate.faces.models import Split
from annotate.training import jobs
from annotate.training.freezing import freeze_snapshot
from annotate.training.models import Errand, ModelVersion, Promotion, Snapshot
from annotate.training.tasks import run_errand
from annotate.training.validating import enter_validation
from annotate.training.versions import active_version, promote
from tests.factories import make_dataset, make_face
from tests.training.registry import make_version, report

NOW = timezone.now()
ACTORS = ("stranger", "annotator", "curator", "admin")


@pytest.fixture
def actors(annotator, curator, admin, client_of):
    return dict(zip(ACTORS, map(client_of, (None, annotator, curator, admin)), strict=True))


@pytest.fixture
def version(snapshot):
    return make_version(snapshot)


def text_of(response):
    """What stands on the page, its tags left out."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def validated(version, accuracy, count=40):
    """Measured on its snapshot, which is named as the validation snapshot."""
    Snapshot.objects.filter(pk=version.run.snapshot_id).update(validates=True)
    enter_validation(version, version.run.snapshot, report(accuracy, count), NOW)


@pytest.mark.parametrize(
    ("method", "name", "for_curator", "for_admin"),
    [
        ("get", "version-list", 200, 200),
        ("get", "version-detail", 200, 200),
        ("get", "version-live", 200, 200),
        ("post", "version-embed", 302, 302),
        ("post", "version-measure", 302, 302),
        ("get", "version-promote", 403, 200),
        ("post", "version-promote", 403, 200),
        ("get", "version-roll-back", 403, 200),
        ("post", "version-roll-back", 403, 200),
        ("get", "snapshot-validation", 200, 200),
        ("post", "snapshot-validation", 302, 302),
    ],
)
def test_who_may(actors, version, method, name, for_curator, for_admin):
    Snapshot.objects.update(validates=True)
    promote(version, None, "first", NOW)
    promote(make_version(version.run.snapshot), None, "second", NOW)
    before = list(Promotion.objects.values_list("pk", flat=True))
    of = {"version-list": [], "version-roll-back": [], "snapshot-validation": [version.run.snapshot_id]}
    url = reverse(name, args=of.get(name, [version.pk]))
    expected = {"stranger": 302, "annotator": 403, "curator": for_curator, "admin": for_admin}
    for actor, client in actors.items():
        response = getattr(client, method)(url, {"dataset": "drawn"})
        assert response.status_code == expected[actor], actor
        if actor == "stranger":
            assert response.url.startswith(reverse("login"))
        if actor in ("stranger", "annotator"):
            assert not Errand.objects.exists()
    assert list(Promotion.objects.values_list("pk", flat=True)) == before, "no reason was given"


@pytest.mark.parametrize("name", ["version-embed", "version-measure"])
def test_looking_changes_nothing(actors, version, name):
    assert actors["admin"].get(reverse(name, args=[version.pk])).status_code == 405
    assert not Errand.objects.exists()


def test_nothing_yet_says_what_to_do(actors, db):
    assert "No model version yet" in text_of(actors["curator"].get("/versions/"))
    assert actors["curator"].get("/versions/7/").status_code == 404
    answer = actors["admin"].get("/versions/roll-back/", follow=True)
    assert "no version before the active one" in text_of(answer)


def test_the_list_says_what_each_version_is_and_reaches(actors, version):
    child = make_version(version.run.snapshot, parent=version, accuracy=0.8)
    validated(version, 0.625)
    promote(child, None, "better by 2 points", NOW)
    ModelVersion.objects.filter(pk=version.pk).update(erased_at=NOW)
    page = text_of(actors["curator"].get("/versions/"))
    old = f"Version {version.pk} trained on erased faces small, order 3 frozen of drawn"
    assert f"Version {child.pk} active small, order 3" in page
    assert f"version {version.pk} – 0 80.0 % 8" in page, "it is not measured"
    assert old in page
    assert "scratch 62.5 % 40 75.0 % 8" in page
    assert "by itself better by 2 points" in page
    assert "Promote" not in page


def test_a_versions_page_tells_its_lineage(actors, version):
    snapshot = version.run.snapshot
    child = make_version(snapshot, parent=version)
    grandchild = make_version(snapshot, parent=child)
    page = text_of(actors["curator"].get(f"/versions/{child.pk}/"))
    assert (
        f"Version {version.pk} on “frozen”, from scratch Version {child.pk} on “frozen”, from version "
        f"{version.pk}: this one Version {grandchild.pk} on “frozen”, from version {child.pk}" in page
    )
    assert "from scratch, and no version" in text_of(
        actors["curator"].get(f"/versions/{make_version(snapshot).pk}/")
    )


def test_a_long_lineage_is_cut(actors, snapshot, monkeypatch):
    monkeypatch.setattr("annotate.training.version_reports.KIN_SHOWN", 2)
    chain = [make_version(snapshot)]
    for _ in range(5):
        chain.append(make_version(snapshot, parent=chain[-1]))
    page = text_of(actors["curator"].get(f"/versions/{chain[4].pk}/"))
    assert f"Version {chain[0].pk} on “frozen”, from scratch; then 1 more" in page
    assert f"Version {chain[1].pk} on" not in page
    assert "2 more come from it" not in page
    assert "3 more come from it" in text_of(actors["curator"].get(f"/versions/{chain[0].pk}/"))


@pytest.mark.usefixtures("stand_in")
def test_faces_are_embedded_on_request(actors, curator, version, django_capture_on_commit_callbacks):
    make_face(make_dataset("other"), "one")
    page = actors["curator"].get(f"/versions/{version.pk}/")
    assert "drawn 0 of 24 Embed 24 faces other 0 of 1 Embed 1 face" in text_of(page)
    assert "hx-get" not in page.content.decode()
    with django_capture_on_commit_callbacks() as sent:
        actors["curator"].post(f"/versions/{version.pk}/embed/", {"dataset": "other"})
    errand = Errand.objects.get()
    assert (len(sent), errand.created_by, errand.dataset.name) == (1, curator, "other")
    page = actors["curator"].get(f"/versions/{version.pk}/live/")
    assert "waits for a worker" in text_of(page)
    assert f'hx-get="/versions/{version.pk}/live/"' in page.content.decode()
    run_errand(errand_id=errand.pk)
    page = actors["curator"].get(f"/versions/{version.pk}/live/")
    assert "other 1 of 1 nothing: all are embedded" in text_of(page)
    assert "hx-get" not in page.content.decode()
    assert actors["curator"].post(f"/versions/{version.pk}/embed/", {"dataset": "no"}).status_code == 404


def test_a_failed_errand_says_why(actors, version):
    actors["curator"].post(f"/versions/{version.pk}/embed/", {"dataset": "drawn"})
    jobs.end(jobs.claim(Errand, Errand.objects.get().pk, "w:1", NOW), NOW, "no space <left>")
    assert "no space &lt;left&gt;" in text_of(actors["curator"].get(f"/versions/{version.pk}/"))


def test_what_a_version_reaches_on_the_validation_snapshot(actors, version):
    client, url = actors["curator"], f"/versions/{version.pk}/"
    assert "No snapshot of drawn is named yet" in text_of(client.get(url))
    assert client.post(f"{url}measure/").status_code == 404
    Snapshot.objects.update(validates=True)
    assert "It is not measured on “frozen” yet" in text_of(client.get(url))
    client.post(f"{url}measure/")
    assert "It is being measured on" in text_of(client.get(url))
    jobs.end(jobs.claim(Errand, Errand.objects.get().pk, "w:1", NOW), NOW, "it holds them out")
    assert "It was not measured on “frozen”: it holds them out" in text_of(client.get(url))
    validated(version, 0.625)
    assert "62.5 % of 40 triplets of frozen" in text_of(client.get(url))


def test_a_curator_names_the_validation_snapshot(
    actors, curator, version, django_capture_on_commit_callbacks
):
    snapshot, client = version.run.snapshot, actors["curator"]
    assert "Measure versions on it" in text_of(client.get("/snapshots/"))
    url = f"/snapshots/{snapshot.pk}/validation/"
    assert "1 version is measured at once" in text_of(client.get(url))
    with django_capture_on_commit_callbacks() as sent:
        client.post(url)
    assert len(sent) == 1
    assert Errand.objects.get().created_by == curator
    assert "validation" in text_of(client.get("/snapshots/"))
    assert "It is the one that they are measured on now" in text_of(client.get(url))
    other = freeze_snapshot(name="other", dataset=snapshot.dataset)
    assert "It takes the place of “frozen”" in text_of(client.get(f"/snapshots/{other.pk}/validation/"))
    client.post(url, {"stop": "1"})
    assert not Snapshot.objects.filter(validates=True).exists()
    assert not Errand.objects.exists()


def test_naming_says_to_whom_it_would_be_unfair(actors, version):
    dataset = version.run.snapshot.dataset
    dataset.imported_triplets.filter(split=Split.TRAIN).delete()
    dataset.faces.filter(identity="p0").update(split=Split.VAL)
    turned = freeze_snapshot(name="turned", dataset=dataset)
    page = text_of(actors["curator"].get(f"/snapshots/{turned.pk}/validation/"))
    assert "One version has learnt from faces of these people, and will not be measured" in page
    assert f"Version {version.pk} , trained on “frozen”" in page
    assert "0 versions are measured at once" in page


def test_a_snapshot_that_measures_nothing_is_refused(actors, dataset):
    dataset.imported_triplets.filter(split=Split.VAL).delete()
    snapshot = freeze_snapshot(name="a", dataset=dataset)
    url = f"/snapshots/{snapshot.pk}/validation/"
    assert "no triplet of them" in text_of(actors["admin"].get(url))
    assert "no triplet of them" in text_of(actors["admin"].post(url))
    assert not Snapshot.objects.filter(validates=True).exists()


def test_an_admin_promotes_with_a_reason(actors, admin, version):
    client, url = actors["admin"], f"/versions/{version.pk}/promote/"
    assert "Promote" in text_of(client.get(f"/versions/{version.pk}/"))
    assert "no validation snapshot" in text_of(client.get(url))
    for values in ({"reason": ""}, {"reason": "it is new"}):
        client.post(url, values)
        assert active_version() is None, "what speaks against it was not confirmed"
    client.post(url, {"reason": "it is new", "is_sure": "on"})
    promotion = Promotion.objects.get()
    assert (promotion.model_version, promotion.by, promotion.reason) == (version, admin, "it is new")
    assert "Promote" not in text_of(client.get(f"/versions/{version.pk}/"))
    assert client.get(url).status_code == 302


def test_what_speaks_against_a_version_is_said(actors, version):
    client = actors["admin"]
    worse = make_version(version.run.snapshot)
    validated(version, 0.75)
    validated(worse, 0.5)
    promote(version, None, "first", NOW)
    url = f"/versions/{worse.pk}/promote/"
    assert (
        f"It is worse than the active version {version.pk}: 50.0 % against 75.0 % of 40 triplets"
        in text_of(client.get(url))
    )
    ModelVersion.objects.filter(pk=worse.pk).update(erased_at=NOW)
    assert "was erased on" in text_of(client.get(url))
    better = make_version(version.run.snapshot)
    validated(better, 0.8)
    answer = client.post(
        f"/versions/{better.pk}/promote/", {"reason": "better", "active": version.pk}, follow=True
    )
    assert f"Version {better.pk} is the active one now" in text_of(answer)


def test_a_version_that_was_promoted_meanwhile_is_not_overlooked(actors, version):
    other = make_version(version.run.snapshot)
    promote(other, None, "by itself", NOW)
    answer = actors["admin"].post(
        f"/versions/{version.pk}/promote/", {"reason": "new", "is_sure": "on", "active": ""}
    )
    assert "Another version has become the active one" in text_of(answer)
    assert active_version() == other


def test_an_admin_rolls_back(actors, admin, version):
    other = make_version(version.run.snapshot)
    promote(version, admin, "first", NOW)
    assert "Roll back" not in text_of(actors["admin"].get("/versions/"))
    promote(other, admin, "second", NOW)
    assert f"Roll back to version {version.pk}" in text_of(actors["admin"].get("/versions/"))
    assert "Roll back" not in text_of(actors["curator"].get("/versions/"))
    answer = actors["admin"].post(
        "/versions/roll-back/", {"reason": "it errs", "is_sure": "on", "active": other.pk}, follow=True
    )
    assert f"Version {version.pk} is the active one again" in text_of(answer)
    assert Promotion.objects.last().reason == f"rolled back from version {other.pk}: it errs"


def test_queries_do_not_grow_with_the_versions(actors, snapshot, django_assert_max_num_queries):
    first = make_version(snapshot)
    for _ in range(12):
        make_version(snapshot, parent=ModelVersion.objects.latest("pk"))
    for url in ("/versions/", f"/versions/{first.pk}/"):
        with django_assert_max_num_queries(22):
            actors["admin"].get(url)
