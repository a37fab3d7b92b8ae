"""The page on which an admin launches a run: what it offers, foretells, refuses, and queues."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from annotate.campaigns.creation import create_campaign
from annotate.training import launch_views
from annotate.training.freezing import freeze_snapshot, make_asked_snapshot
from annotate.training.launching import train_arguments
from annotate.training.models import Freeze, ModelVersion, Run, RunState
from annotate.training.runs import cancel_run, claim_run, fail_run, queue_run
from annotate.training.tasks import train_run
from annotate.training.versions import promote
from tests.factories import make_imported_triplet
from tests.training.checkpoints import write_checkpoint
from tests.training.registry import make_version

NOW = timezone.now()


@pytest.fixture
def client(client_of, admin):
    return client_of(admin)


@pytest.fixture
def sent(monkeypatch):
    """What was put on the queues."""
    sent = []
    for task in ("train_run", "make_snapshot"):
        to_queue = type("Queue", (), {"delay": lambda task=task, **ids: sent.append((task, ids))})
        monkeypatch.setattr(launch_views, task, to_queue)
    return sent


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def form(source, **changes):
    values = {
        "source": source, "start": "small", "order": 3, "seed": 0, "crowd": "on", "crowd_centred": "on",
        "crowd_pull": 0, "tournament_two_terms": "on", "identity_vectors": "clean", "hold_out": 0.2,
        "rate": 0.003, "faces_per_step": 640, "triplets_per_step": 2560, "replay": 0.9, "precision": "auto",
    }  # fmt: skip
    return {name: value for name, value in (values | changes).items() if value is not None}


def of(snapshot, **changes):
    return form(**{"source": f"snapshot:{snapshot.pk}"} | changes)


def test_it_opens_with_the_defaults(client, snapshot):
    page = client.get(f"/runs/new/?snapshot={snapshot.pk}").content.decode()
    assert f'<option value="snapshot:{snapshot.pk}" selected>' in page
    assert 'name="order" value="3"' in page
    assert '<option value="small" selected>' in page
    assert "<details>" in page


def test_what_it_will_take_is_told_then_confirmed_then_queued(
    client, admin, snapshot, sent, django_capture_on_commit_callbacks
):
    values = of(snapshot, epochs=5, crowd=None, normalize_vectors="on")
    page = client.post("/runs/new/", values)
    assert not Run.objects.exists()
    assert "Start this run?" in text_of(page)
    assert "Triplets to train on 16 Steps, 5 epochs 5 Time unknown" in text_of(page)
    assert "Crowd layer no" in text_of(page)
    hidden = dict(
        re.findall(r'<input type="hidden" name="(\w+)"(?: value="([^"]*)")?', page.content.decode())
    )
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post("/runs/new/", hidden | {"confirmed": "yes"})
    run = Run.objects.get()
    assert response.url == f"/runs/{run.pk}/"
    assert sent == [("train_run", {"run_id": run.pk})]
    assert (run.state, run.created_by, run.snapshot) == (RunState.QUEUED, admin, snapshot)
    config = run.config
    assert (config["epochs"], config["crowd"], config["normalize_vectors"], config["rate"]) == (
        5, False, True, 0.003,
    )  # fmt: skip


def test_confirming_may_be_thought_over(client, snapshot):
    page = client.post("/runs/new/", of(snapshot, epochs=5, change="yes")).content.decode()
    assert 'name="epochs" value="5"' in page
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"order": 6}, "order"), ({"epochs": 0}, "epochs"), ({"start": "vgg"}, "start"),
        ({"hold_out": ""}, "hold_out"),
        ({"source": "snapshot:999"}, "source"), ({"start": "version:999"}, "start"), ({"rate": 2}, "rate"),
        ({"epochs": 2, "steps": 3}, "steps"), ({"start": "facenet", "size": 40}, "size"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("confirmed", [{}, {"confirmed": "yes"}])
def test_what_is_out_of_range_is_refused_beside_its_field(client, snapshot, changes, field, confirmed):
    response = client.post("/runs/new/", of(snapshot, **changes, **confirmed))
    assert response.context["form"].errors.keys() == {field}
    is_folded = field in ("order", "hold_out", "rate", "size")
    assert ("<details open>" in response.content.decode()) == is_folded
    assert not Run.objects.exists()
    label = str(response.context["form"].fields[field].label)
    assert f"{label}:" in text_of(client.get("/runs/new/forecast/", of(snapshot, **changes)))


@pytest.mark.parametrize("confirmed", [{}, {"confirmed": "yes"}])
def test_a_harmed_snapshot_or_an_erased_face_is_refused_beside_its_field(
    client, snapshot, folders, confirmed
):
    snapshot.dataset.imported_triplets.all().delete()
    snapshot.dataset.faces.filter(identity="p2").delete()
    response = client.post("/runs/new/", of(snapshot, **confirmed))
    assert "they have been erased" in str(response.context["form"].errors["source"])
    (folders / "snapshots" / snapshot.folder / "manifest.json").unlink()
    response = client.post("/runs/new/", of(snapshot, **confirmed))
    assert "no whole snapshot" in str(response.context["form"].errors["source"])
    assert not Run.objects.exists()


def test_one_is_frozen_for_it(client, admin, dataset, sent, django_capture_on_commit_callbacks):
    campaign = create_campaign(name="compared", dataset=dataset, groups=2, k=2).campaign
    for source, name, of_campaign in (
        (f"campaign:{campaign.pk}", "compared", campaign),
        (f"dataset:{dataset.pk}", "drawn", None),
    ):
        told = text_of(client.get("/runs/new/forecast/", form(source, epochs=3)))
        assert (
            "Faces to train on 16 Faces held out 8 Triplets to train on 16 About so many steps, 3 epochs 3"
            in told
        )
        with django_capture_on_commit_callbacks(execute=True):
            client.post("/runs/new/", form(source, epochs=3, confirmed="yes"))
        freeze = Freeze.objects.get()
        run = Run.objects.get(freeze=freeze)
        assert (freeze.name, freeze.campaign, freeze.created_by) == (name, of_campaign, admin)
        assert sent.pop() == ("make_snapshot", {"freeze_id": freeze.pk})
        assert client.get(f"/runs/{run.pk}/").status_code == 200
        frozen = make_asked_snapshot(freeze.pk)
        run.refresh_from_db()
        assert (run.snapshot, run.state) == (frozen, RunState.QUEUED)


def test_nothing_to_freeze_is_foretold(client, dataset):
    dataset.imported_triplets.all().delete()
    told = text_of(client.get("/runs/new/forecast/", form(f"dataset:{dataset.pk}")))
    assert "no triplet to train on yet" in told


def test_a_version_is_fine_tuned_with_its_network(client, admin, snapshot, sent):
    version = make_version(snapshot)
    promote(version, admin, "", NOW)
    write_checkpoint(Path(settings.RUNS_DIR) / version.folder, order=2, normalize_vectors=True)
    page = client.get("/runs/new/").content.decode()
    assert f"Version {version.pk} (active): small" in page
    shown = text_of(client.get("/runs/new/network/", {"start": f"version:{version.pk}"}))
    assert "order 2" in shown
    assert "Order" in text_of(client.get("/runs/new/network/", {"start": "facenet"}))
    values = of(snapshot, start=f"version:{version.pk}", order=None)
    assert "order 2" in text_of(client.post("/runs/new/", values)).lower()
    client.post("/runs/new/", values | {"confirmed": "yes"})
    run = Run.objects.latest("pk")
    assert (run.parent, run.config["order"], run.config["normalize_vectors"]) == (version, 2, True)

    ModelVersion.objects.update(erased_at=NOW)
    assert "has learnt from the faces of a person" in text_of(client.get("/runs/new/forecast/", values))
    (Path(settings.RUNS_DIR) / version.folder / "network.safetensors").unlink()
    response = client.post("/runs/new/", values)
    assert "network.safetensors is missing" in str(response.context["form"].errors["start"])
    assert "network.safetensors is missing" in text_of(client.get("/runs/new/forecast/", values))


def test_again_with_the_same_settings(client, snapshot):
    client.post("/runs/new/", of(snapshot, epochs=7, crowd=None, patience=3, confirmed="yes"))
    run = Run.objects.get()
    link = f"/runs/new/?again={run.pk}"
    assert link in client.get(f"/runs/{run.pk}/").content.decode()
    page = client.get(link).content.decode()
    assert f'<option value="snapshot:{snapshot.pk}" selected>' in page
    assert 'name="epochs" value="7"' in page
    assert 'name="patience" value="3"' in page
    [crowd] = re.findall(r'<input[^>]*name="crowd"[^>]*>', page)
    assert "checked" not in crowd
    assert client.get("/runs/new/?again=999").status_code == 404
    assert client.get("/runs/new/?again=x").status_code == 400


def test_an_ended_run_is_resumed(client, client_of, curator, run, sent, django_capture_on_commit_callbacks):
    page = client.get(f"/runs/{run.pk}/").content.decode()
    assert "resume/" not in page
    fail_run(claim_run(run.pk, "w:1", NOW), "No space left on device", NOW)
    assert f'action="/runs/{run.pk}/resume/"' in client.get(f"/runs/{run.pk}/").content.decode()
    assert "resume/" not in client_of(curator).get(f"/runs/{run.pk}/").content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"/runs/{run.pk}/resume/")
    assert sent == [("train_run", {"run_id": run.pk})]
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.QUEUED, "")
    cancel_run(run.pk, NOW)
    run.snapshot.dataset.imported_triplets.all().delete()
    run.snapshot.dataset.faces.filter(identity="p2").delete()
    page = client.post(f"/runs/{run.pk}/resume/", follow=True)
    assert "It can not be resumed." in text_of(page)
    assert len(sent) == 1


@pytest.mark.usefixtures("stand_in")
def test_a_run_says_with_what_it_was_trained(client, run):
    train_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.environment["semblance"] == "commit 0123456789ab"
    text = text_of(client.get(f"/runs/{run.pk}/"))
    assert "Semblance commit 0123456789ab Python 3.11 PyTorch 2.14 Device cpu" in text
    assert "Learning rate 0.003" in text


def test_the_network_is_told_of_parent_and_replay(snapshot, dataset):
    version = make_version(snapshot)
    folder = str(Path(settings.RUNS_DIR) / version.folder)
    with train_arguments(queue_run(snapshot, {"seed": 2}, None, parent=version)) as told:
        assert told[told.index("--from") + 1] == folder
        assert told[told.index("--seed") + 1] == "2"
        assert not {"--earlier", "--backbone", "--order"} & set(told)
    faces = [dataset.faces.get(image=f"{name}.jpg") for name in ("calm-00", "calm-05", "glad-03")]
    make_imported_triplet(faces, kind="TWO_CLASS_TRIPLET")
    grown = freeze_snapshot(name="grown", dataset=dataset)
    with train_arguments(queue_run(grown, {}, None, parent=version)) as told:
        assert told[told.index("--earlier") + 1].endswith(snapshot.folder)
    with train_arguments(queue_run(grown, {"replay": None}, None, parent=version)) as told:
        assert not {"--earlier", "--replay"} & set(told)
