"""The pages of snapshots and runs: who may open and do what, and what they show."""

import re

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils import timezone

from annotate.campaigns.creation import create_campaign
from annotate.training.freezing import freeze_snapshot, make_asked_snapshot
from annotate.training.models import Freeze, Run, Snapshot
from annotate.training.runs import cancel_run, claim_run, fail_run
from annotate.training.shared_folders import run_folder
from annotate.training.tasks import train_run

ACTORS = ("stranger", "annotator", "curator", "admin")


@pytest.fixture
def actors(annotator, curator, admin, client_of):
    return dict(zip(ACTORS, map(client_of, (None, annotator, curator, admin)), strict=True))


def text_of(response):
    """What stands on the page, its tags left out."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.mark.parametrize(
    ("method", "name", "arguments", "may"),
    [
        ("get", "snapshot-list", [], {"curator": 200, "admin": 200}),
        ("post", "snapshot-list", [], {"curator": 200, "admin": 200}),
        ("get", "snapshot-live", [], {"curator": 200, "admin": 200}),
        ("get", "snapshot-file", ["snapshot", "triplets.csv"], {"curator": 200, "admin": 200}),
        ("get", "run-list", [], {"curator": 200, "admin": 200}),
        ("get", "run-create", [], {"curator": 403, "admin": 200}),
        ("post", "run-create", [], {"curator": 403, "admin": 200}),
        ("get", "run-forecast", [], {"curator": 403, "admin": 200}),
        ("get", "run-network", [], {"curator": 403, "admin": 200}),
        ("post", "run-resume", ["run"], {"curator": 403, "admin": 302}),
        ("get", "run-detail", ["run"], {"curator": 200, "admin": 200}),
        ("get", "run-live", ["run"], {"curator": 200, "admin": 200}),
        ("post", "run-cancel", ["run"], {"curator": 403, "admin": 302}),
    ],
)
def test_who_may(actors, run, method, name, arguments, may):
    rows = {"run": run.pk, "snapshot": run.snapshot_id}
    url = reverse(name, args=[rows.get(argument, argument) for argument in arguments])
    for actor, client in actors.items():
        response = getattr(client, method)(url)
        expected = {"stranger": 302, "annotator": 403} | may
        assert response.status_code == expected[actor], actor
        if actor == "stranger":
            assert response.url.startswith(reverse("login"))
    assert Run.objects.count() == 1


@pytest.mark.parametrize("name", ["run-cancel", "run-resume"])
def test_looking_changes_nothing(actors, run, name):
    assert actors["admin"].get(reverse(name, args=[run.pk])).status_code == 405


def test_nothing_yet_says_what_to_do(actors, db):
    for actor in ("curator", "admin"):
        assert "Import one first" in text_of(actors[actor].get("/snapshots/"))
        assert "A run needs a snapshot" in text_of(actors[actor].get("/runs/"))
    assert "A run needs a snapshot" in text_of(actors["admin"].get("/runs/new/"))


def test_a_campaigns_export_page_shows_and_asks_for_its_snapshots(
    actors, curator, dataset, django_capture_on_commit_callbacks
):
    campaign = create_campaign(name="compared", dataset=dataset, groups=2, k=2).campaign
    other = create_campaign(name="other", dataset=dataset, groups=1, k=2).campaign
    url = reverse("campaign-snapshots", args=[campaign.pk])
    assert actors["stranger"].post(url).status_code == 302
    assert actors["annotator"].get(url).status_code == actors["annotator"].post(url).status_code == 403
    assert actors["admin"].get(url).status_code == 200
    assert "No snapshot of it yet" in text_of(actors["curator"].get(url))
    with django_capture_on_commit_callbacks() as sent:
        page = actors["curator"].post(url, {"name": "for the paper"})
    assert len(sent) == 1
    assert "“for the paper” of compared is being made" in text_of(page)
    assert f'hx-get="{url}" hx-trigger="every 2s"' in page.content.decode()
    of_it = make_asked_snapshot(Freeze.objects.get().pk)
    assert (of_it.name, of_it.campaign, of_it.created_by) == ("for the paper", campaign, curator)
    for name, of in (("of the set", None), ("of another", other)):
        freeze_snapshot(name=name, dataset=dataset, campaign=of)
    said = text_of(actors["curator"].get(url))
    assert of_it.sha256[:8] in said
    assert "of the set" in said
    assert "of another" not in said


def test_a_curator_freezes(actors, curator, dataset, django_capture_on_commit_callbacks):
    campaign = create_campaign(name="compared", dataset=dataset, groups=2, k=2).campaign
    client = actors["curator"]
    assert "No snapshot yet" in text_of(client.get("/snapshots/"))
    with django_capture_on_commit_callbacks() as sent:
        response = client.post("/snapshots/", {"source": f"campaign:{campaign.pk}"})
    assert (response.status_code, len(sent)) == (302, 1)
    freeze = Freeze.objects.get()
    assert (freeze.name, freeze.dataset, freeze.created_by) == ("compared", dataset, curator)
    page = client.get("/snapshots/")
    assert "“compared” of compared is being made" in text_of(page)
    assert 'hx-trigger="every 2s"' in page.content.decode()
    make_asked_snapshot(freeze.pk)
    live = client.get("/snapshots/live/")
    assert "hx-trigger" not in live.content.decode()
    assert Snapshot.objects.get().sha256[:8] in text_of(live)


def test_the_same_data_again_says_so(actors, snapshot):
    client = actors["curator"]
    assert "same data" not in text_of(client.get("/snapshots/live/"))
    client.post("/snapshots/", {"source": f"dataset:{snapshot.dataset_id}", "name": "again"})
    make_asked_snapshot(Freeze.objects.get().pk)
    assert "the same data as “frozen”" in text_of(client.get("/snapshots/live/"))


def test_a_freeze_that_failed_says_why(actors, dataset):
    default_storage.delete("drawn/calm-00.jpg")
    client = actors["curator"]
    client.post("/snapshots/", {"source": f"dataset:{dataset.pk}"})
    make_asked_snapshot(Freeze.objects.get().pk)
    assert "could not be made: The picture drawn/calm-00.jpg is missing" in text_of(client.get("/snapshots/"))


def test_an_unknown_source_is_refused(actors, dataset):
    response = actors["curator"].post("/snapshots/", {"source": "campaign:999"})
    assert "Select a valid choice" in text_of(response)
    assert not Freeze.objects.exists()


def test_a_snapshots_tables_are_downloaded(actors, snapshot, folders):
    answer = actors["curator"].get(f"/snapshots/{snapshot.pk}/triplets.csv")
    stored = folders / "snapshots" / snapshot.folder / "triplets.csv"
    assert b"".join(answer.streaming_content) == stored.read_bytes()
    assert f'filename="{snapshot.folder}-triplets.csv"' in answer["Content-Disposition"]
    for other in ("crops", "secret", "..%2F..%2Fsecret_key"):
        assert actors["admin"].get(f"/snapshots/{snapshot.pk}/{other}").status_code == 404


def test_a_queued_run_waits_and_is_cancelled(actors, run):
    client = actors["admin"]
    page = client.get(f"/runs/{run.pk}/")
    assert "It waits for a free worker" in text_of(page)
    assert f'data-live-url="/runs/{run.pk}/live/" data-live-seconds="2"' in page.content.decode()
    assert "cancel/" not in actors["curator"].get(f"/runs/{run.pk}/").content.decode()
    client.post(f"/runs/{run.pk}/cancel/")
    page = client.get(f"/runs/{run.pk}/")
    assert "It was cancelled" in text_of(page)
    assert "data-live" not in page.content.decode().split("<main")[1]
    assert "cancel/" not in page.content.decode()


def test_a_running_run_shows_how_far_it_is(actors, run):
    claim_run(run.pk, "w:1", timezone.now())
    steps = [
        {"kind": "step", "time": t, "step": 10 * t, "steps": 100, "loss": 1 / t, "images_per_second": 1234.5}
        for t in (1, 2, 4)
    ]
    Run.objects.update(stage="train", progress=0.4, events=[{"kind": "start", "device": "cpu"}, *steps])
    (run_folder(run)).mkdir(parents=True)
    (run_folder(run) / "log.txt").write_text("<b>1 %\r<b>40 %\n")
    page = actors["curator"].get(f"/runs/{run.pk}/live/")
    text = text_of(page)
    assert "Training 40 %, about 6 s left, 1,23" in text
    assert "&lt;b&gt;40 %" in text
    assert "1 %" not in text
    content = page.content.decode()
    assert 'aria-label="loss by step, at last: loss 0.25"' in content
    assert "<polyline" in content
    assert "style=" not in content
    cancel_run(run.pk, timezone.now())
    assert "It is being stopped" in text_of(actors["admin"].get(f"/runs/{run.pk}/live/"))


def test_a_failed_run_says_why_and_what_to_do(actors, run):
    claim = claim_run(run.pk, "w:1", timezone.now())
    fail_run(claim, "No space left on device <here>", timezone.now())
    text = text_of(actors["admin"].get(f"/runs/{run.pk}/"))
    assert "It failed: No space left on device &lt;here&gt;" in text
    assert "start another run" in text


@pytest.mark.usefixtures("stand_in")
def test_a_run_that_succeeded_shows_what_came_of_it(actors, run):
    train_run(run_id=run.pk)
    page = actors["curator"].get(f"/runs/{run.pk}/")
    text = text_of(page)
    assert "Held-out triplet accuracy 75.0 %" in text
    assert "Embeddings stored 24" in text
    assert "Two classes 75.0 % 8 – 0" in text
    assert "Held-out tournament triplets: 50.0 % of 4" in text
    assert "A note of the network" in text
    assert "live/main.js" not in page.content.decode().split("</main>")[1]
    for shown in (
        "loss by step",
        "triplet accuracy, % by epoch",
        "learning rate by step",
        "images per second by",
    ):
        assert f'aria-label="{shown}' in page.content.decode()
    assert "GPU" not in page.content.decode(), "there was none"
    assert "75.0 %" in text_of(actors["curator"].get("/runs/"))


def test_queries_do_not_grow_with_the_runs(actors, run, django_assert_max_num_queries):
    Run.objects.bulk_create(Run(snapshot=run.snapshot, config=run.config) for _ in range(30))
    Snapshot.objects.bulk_create(
        Snapshot(name=str(i), dataset=run.snapshot.dataset, folder=str(i), sha256="0", counts={})
        for i in range(30)
    )
    for url in ("/runs/", "/snapshots/"):
        with django_assert_max_num_queries(12):
            actors["admin"].get(url)


def test_the_admin_shows_them_and_writes_nothing(actors, run):
    for table in ("snapshot", "freeze", "run", "modelversion"):
        assert actors["admin"].get(f"/django-admin/training/{table}/").status_code == 200
        assert actors["admin"].get(f"/django-admin/training/{table}/add/").status_code == 403
    assert actors["curator"].get("/django-admin/training/run/").status_code == 302
