"""A campaign's page of fine-tuning: who sees it and who sets it, and what it says."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from annotate.campaigns.creation import create_campaign
from annotate.training.deciding import decide
from annotate.training.growing import set_up, start_due
from annotate.training.models import FineTuning, ModelVersion, Run, RunState, Snapshot
from tests.training.growth import answered, made_active, measured, version_on

NOW = timezone.now()


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def url(campaign, part=""):
    return reverse(f"campaign-fine-tuning{part}", args=[campaign.pk])


@pytest.fixture
def campaign(dataset):
    return create_campaign(name="compared", dataset=dataset, groups=4, k=2, repetitions=2).campaign


def form(**changes):
    values = {"is_on": "on", "every_triplets": 2_000, "nightly_at": "", "margin_points": 0.5, "replay": 0.5}
    return values | changes


def test_who_may(campaign, annotator, curator, admin, client_of):
    for user, looks, sets in (
        (None, 302, 302),
        (annotator, 403, 403),
        (curator, 200, 403),
        (admin, 200, 302),
    ):
        client = client_of(user)
        assert client.get(url(campaign)).status_code == looks
        assert client.get(url(campaign, "-live")).status_code == looks
        assert not FineTuning.objects.exists()
        assert client.post(url(campaign), form()).status_code == sets
    assert FineTuning.objects.get().created_by == admin


def test_at_first_it_says_what_is_missing_and_where_that_is_had(campaign, curator, admin, client_of):
    page = client_of(curator).get(url(campaign))
    said = text_of(page)
    assert "Data set drawn has no validation snapshot. Name one among the snapshots." in said
    assert "No model version is active. Train one, then promote it." in said
    assert "An admin sets it up." in said
    assert "<form" not in page.content.decode().split("<main")[1]
    assert "Set it up" in text_of(client_of(admin).get(url(campaign)))


def test_an_admin_sets_and_alters_it(campaign, admin, client_of):
    client = client_of(admin)
    client.post(url(campaign), form(nightly_at=3, margin_points=0.1, replay=0.25))
    fine_tuning = FineTuning.objects.get()
    assert (fine_tuning.is_on, fine_tuning.every_triplets, fine_tuning.nightly_at) == (True, 2_000, 3)
    assert (fine_tuning.margin, fine_tuning.replay) == (0.001, 0.25)
    page = client.get(url(campaign))
    assert 'name="margin_points" value="0.1"' in page.content.decode()
    assert '<option value="3" selected>at 03:00</option>' in page.content.decode()
    assert "0 of 2,000 new triplets" in text_of(page)
    assert "After 2,000 more triplets, or in the night" in text_of(page)
    client.post(url(campaign), form(is_on=""))
    fine_tuning.refresh_from_db()
    assert (fine_tuning.is_on, fine_tuning.nightly_at) == (False, None)
    assert "Nothing: it is off." in text_of(client.get(url(campaign, "-live")))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"every_triplets": ""}, "every_triplets"), ({"every_triplets": 0}, "every_triplets"),
        ({"nightly_at": 24}, "nightly_at"), ({"margin_points": -1}, "margin_points"),
        ({"replay": 1}, "replay"),
    ],
)  # fmt: skip
def test_what_can_not_be_is_refused_beside_its_field(campaign, admin, client_of, changes, field):
    page = client_of(admin).post(url(campaign), form(**changes))
    assert page.context["form"].errors.keys() == {field}
    assert not FineTuning.objects.exists()


def test_how_it_stands_and_what_came_of_its_runs(campaign, snapshot, admin, curator, client_of):
    Snapshot.objects.update(validates=True)
    parent = made_active(version_on(snapshot))
    measured(parent, snapshot, 0.75)
    values = {"every_triplets": 8, "nightly_at": None, "margin": 0.01, "replay": 0.5}
    fine_tuning = set_up(campaign, admin, NOW, is_on=True, **values)
    client, live = client_of(curator), url(campaign, "-live")
    assert "It has done nothing yet." in text_of(client.get(live))
    answered(campaign, 1)
    said = text_of(client.get(live))
    assert "8 of 8 new triplets 8 in all" in said
    assert "A run is due, and starts within two minutes: 8 new triplets." in said
    start_due(fine_tuning.pk, NOW)
    run = Run.objects.get(fine_tuning=fine_tuning)
    said = text_of(client.get(live))
    assert f"Run {run.pk} was started from version {parent.pk}: 8 new triplets." in said
    assert f"Run {run.pk} is first to end and to be compared." in said
    assert "0 of 8 new triplets" in said

    Run.objects.filter(pk=run.pk).update(state=RunState.SUCCEEDED, snapshot=snapshot)
    version = ModelVersion.objects.create(run=run, folder="tuned", evaluation={})
    assert "being measured" in text_of(client.get(live))
    measured(version, snapshot, 0.8)
    decide(fine_tuning.pk, NOW)
    said = text_of(client.get(live))
    assert f"Run {run.pk} promoted 75.0 % before, 80.0 % after from version {parent.pk}" in said
    assert f"Better than version {parent.pk}: 80.0 % against 75.0 %" in said
    assert f"Version {version.pk} , the active one" in said
    said = text_of(client.get(reverse("version-detail", args=[version.pk])))
    assert "Fine-tuning by itself made it and it was promoted on" in said
    assert "80.0 % against 75.0 % of 1,000 held-out triplets" in said
    assert "may differ by 3.58 points by chance" in text_of(client_of(admin).get(url(campaign)))


def test_a_failure_is_told_with_the_time_of_the_next_try(campaign, admin, client_of):
    fine_tuning = set_up(campaign, admin, NOW, is_on=True, every_triplets=8)
    FineTuning.objects.filter(pk=fine_tuning.pk).update(failures=1, last_at=NOW, note="Run 3 failed. No GPU.")
    said = text_of(client_of(admin).get(url(campaign)))
    again = timezone.localtime(NOW + timedelta(hours=1))
    assert "Run 3 failed. No GPU." in said
    assert f"The run that failed is tried again from {again.day} {again:%b, %H:%M} on." in said
