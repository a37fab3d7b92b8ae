"""The pages of those who run studies: who may open them, what they show, and that they do what they say."""

import csv
import io
import json

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotate.accounts.models import Role, User
from annotate.faces.models import Face
from annotate.insight.models import Study, StudyState
from annotate.insight.studies import create_study
from annotate.insight.tasks import notice_lost_insight, prepare_study
from tests.insight.studies.world import (
    answer_all,
    as_it_is,
    make_study,
    make_versions,
    mirrored,
    plan_of,
    scattered,
)


@pytest.fixture
def client_of():
    def client(user):
        client = Client()
        if user is not None:
            client.force_login(user)
        return client

    return client


def given(dataset, chosen, **changes):
    return {
        "name": "Autumn", "dataset": dataset.pk, "versions": [version.pk for version in chosen],
        "split": "",
        "count": 4, "seed": 3, "named": "", "top_n": 3, "others_only": "on", "pairs": "all",
        "instructions": "", "for_everybody": "yes", **changes,
    }  # fmt: skip


READ = [
    "study-list",
    "study-detail",
    "study-live",
    "study-strengths",
    "study-csv",
    "study-json",
    "study-query",
]


@pytest.mark.parametrize("name", READ)
def test_curators_and_admins_read(client_of, study, annotator, curator, admin, name):
    arguments = {"study-list": [], "study-query": [study.pk, 1]}.get(name, [study.pk])
    address = reverse(name, args=arguments)
    assert client_of(None).get(address).url == f"{reverse('login')}?next={address}"
    assert client_of(annotator).get(address).status_code == 403
    for user in (curator, admin):
        assert client_of(user).get(address).status_code == 200


@pytest.mark.parametrize("name", ["study-create", "study-preview", "study-close", "study-participants"])
def test_only_admins_change(client_of, study, annotator, curator, admin, name):
    address = reverse(name, args=[study.pk] if name in ("study-close", "study-participants") else [])
    method = "post" if name in ("study-close", "study-participants") else "get"
    assert getattr(client_of(None), method)(address).url.startswith(reverse("login"))
    for user in (annotator, curator):
        assert getattr(client_of(user), method)(address).status_code == 403
    assert getattr(client_of(admin), method)(address).status_code in (200, 302)


def test_an_admin_makes_a_study(
    client_of, dataset, versions, admin, django_capture_on_commit_callbacks, monkeypatch
):
    sent = []
    monkeypatch.setattr(prepare_study, "delay", lambda **ids: sent.append(ids))
    client = client_of(admin)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(reverse("study-create"), given(dataset, versions))
    study = Study.objects.get()
    assert answer.url == reverse("study-detail", args=[study.pk])
    assert sent == [{"job_id": study.pk}]
    assert "waits for a worker" in client.get(answer.url).content.decode()
    prepare_study(**sent[0])
    live = client.get(reverse("study-live", args=[study.pk]))
    assert live["HX-Refresh"] == "true"
    page = client.get(answer.url).content.decode()
    assert "No votes yet" in page
    assert study.queries.count() == 4


def test_what_is_wrong_with_the_form_is_said(client_of, dataset, versions, admin):
    client = client_of(admin)

    def said(**changes):
        return client.post(reverse("study-create"), given(dataset, versions, **changes)).content.decode()

    assert "fewer than 100" in said(count=100)
    assert "A study compares two versions or more" in said(versions=[versions[0].pk])
    assert "has no face line:x" in said(named="line:003\nx")
    assert "Choose at least one annotator" in said(for_everybody="no")
    make_study(dataset, versions, admin, name="Autumn")
    assert "of this name already" in said()
    assert Study.objects.count() == 1


def test_the_preview_shows_three_queries_with_their_lists(client_of, dataset, versions, admin):
    client = client_of(admin)
    named = "\n".join(f"line:{i:03}" for i in (5, 6, 7, 8))
    page = client.get(reverse("study-preview"), given(dataset, versions, named=named)).content.decode()
    assert "4 queries" in page
    assert page.count('class="found"') == 3
    assert page.count("<img") == 3 * (1 + 2 * 3)
    assert "expected" not in page
    assert Study.objects.count() == 0
    bad = client.get(reverse("study-preview"), {"dataset": dataset.pk}).content.decode()
    assert "message-warning" in bad


def test_without_versions_the_pages_say_what_to_do(client_of, admin, curator):
    for name in ("study-list", "study-create"):
        assert "A study compares two model versions" in client_of(admin).get(reverse(name)).content.decode()


def test_the_results(client_of, study, annotators, curator, admin):
    for user in annotators[:2]:
        answer_all(study, user, lambda showing: "one" if showing.comparison.query.number < 4 else "uncertain")
    page = client_of(curator).get(reverse("study-detail", args=[study.pk])).content.decode()
    letters = {contender.pk: contender.letter for contender in study.contenders.all()}
    one = letters[min(letters)]
    other = letters[max(letters)]
    won = {one: 6, other: 0}
    assert f"Votes by query, 4 queries. All: A {won['A']}, B {won['B']}, uncertain 2" in page
    assert f"{one} and {other}" in page
    assert "100 % of 6" in page
    assert "3 : 0" in page
    assert "p = 0.250" in page
    assert "no difference beyond chance" in page
    assert "Close" not in page
    assert (
        "Change who takes part"
        in client_of(admin).get(reverse("study-detail", args=[study.pk])).content.decode()
    )


def test_what_is_void_or_a_tie_is_said(client_of, dataset, admin, annotators):
    versions = make_versions(dataset, as_it_is, lambda place: 2 * place, scattered)
    study = make_study(dataset, versions, admin)
    answer_all(study, annotators[0], lambda showing: "one")
    client = client_of(admin)
    page = client.get(reverse("study-detail", args=[study.pk])).content.decode()
    assert "4 comparisons are ties: both versions found the same faces" in page
    assert "void, as a face" not in page
    Face.objects.get(pk=study.queries.get(number=1).face_id).delete()
    page = client.get(reverse("study-detail", args=[study.pk])).content.decode()
    assert "void, as a face in" in page
    assert (
        "Erased: this query counts no more"
        in client.get(reverse("study-query", args=[study.pk, 1])).content.decode()
    )
    rows = client.get(reverse("study-strengths", args=[study.pk])).content.decode()
    assert rows.count("<tr>") == 1 + 3


def test_downloads(client_of, study, annotators, curator):
    answer_all(study, annotators[0], lambda showing: "one")
    client = client_of(curator)
    rows = list(
        csv.DictReader(io.StringIO(client.get(reverse("study-csv", args=[study.pk])).content.decode()))
    )
    letters = {contender.pk: contender.letter for contender in study.contenders.all()}
    assert len(rows) == 4
    for row in rows:
        assert {row["left"], row["right"]} == {"A", "B"}
        assert row["preferred"] == row[row["answer"]] == letters[min(letters)]
        assert row["participant"] == f"user:{annotators[0].pk}"
    said = json.loads(client.get(reverse("study-json", args=[study.pk])).content)
    assert said["votes"]["total"] == 4
    assert said["versions"] == {one.letter: one.model_version_id for one in study.contenders.all()}
    assert len(said["queries"][0]["results"]["A"]) == 3
    assert said["pairs"][0]["share_of_one"]["value"] == 1.0


def test_closing_and_participants(client_of, study, admin, annotators):
    client = client_of(admin)
    client.post(reverse("study-close", args=[study.pk]))
    assert Study.objects.get().state == StudyState.CLOSED
    client.post(reverse("study-close", args=[study.pk]), {"open": "true"})
    assert Study.objects.get().is_open
    address = reverse("study-participants", args=[study.pk])
    client.post(address, {"for_everybody": "no", "participants": [annotators[1].pk]})
    assert list(Study.objects.asking(annotators[1])) == [study]
    assert list(Study.objects.asking(annotators[0])) == []
    said = client.post(address, {"for_everybody": "no"}, follow=True).content.decode()
    assert "Nothing was changed" in said


def test_home_offers_open_studies_to_those_who_are_asked(client_of, study, annotators, curator):
    page = client_of(annotators[0]).get(reverse("home")).content.decode()
    assert "Whose is nearer?" in page
    assert "0 of 4 answered" in page
    assert "Nothing to compare just now" not in page
    answer_all(study, annotators[0], lambda showing: "one")
    page = client_of(annotators[0]).get(reverse("home")).content.decode()
    assert "all answered" in page
    assert "Whose is nearer?" not in client_of(curator).get(reverse("home")).content.decode()


def test_the_participants_page_is_for_those_who_are_asked(client_of, study, annotators, curator, admin):
    address = reverse("study-answer", args=[study.pk])
    assert client_of(None).get(address).url.startswith(reverse("login"))
    assert client_of(annotators[0]).get(address).status_code == 200
    for user in (curator, admin):
        assert client_of(user).get(address).status_code == 404


def test_the_participants_page_is_in_chinese_too(client_of, study, annotators):
    client = client_of(annotators[0])
    client.cookies["django_language"] = "zh-hans"
    page = client.get(reverse("study-answer", args=[study.pk])).content.decode()
    assert "哪一组" in page
    assert "Which set" not in page


def test_a_lost_message_is_sent_again(
    dataset, versions, admin, monkeypatch, django_capture_on_commit_callbacks
):
    long_ago = timezone.now() - timezone.timedelta(hours=1)
    study = create_study(plan_of(dataset, versions), admin, long_ago)
    sent = []
    monkeypatch.setattr(prepare_study, "delay", lambda **ids: sent.append(ids))
    with django_capture_on_commit_callbacks(execute=True):
        notice_lost_insight()
    assert sent == [{"job_id": study.pk}]


def test_a_study_that_failed_says_why(client_of, dataset, versions, admin):
    study = make_study(dataset, versions, admin, queries=[dataset.faces.first()])
    Study.objects.filter(pk=study.pk).update(error="Only 2 faces can be found")
    page = client_of(admin).get(reverse("study-detail", args=[study.pk])).content.decode()
    assert "It could not be prepared" in page
    assert "Only 2 faces can be found" in page
    assert list(Study.objects.asking(User.objects.create_user("x", None, role=Role.ANNOTATOR))) == []


def test_mirrored_versions_differ(dataset, admin):
    """The world's versions do find different faces, so that the tests above ask something."""
    study = make_study(dataset, make_versions(dataset, as_it_is, mirrored), admin)
    assert study.queries.filter(comparisons__is_tie=False).exists()
