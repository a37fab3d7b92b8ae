"""The page on which an admin launches a run of face manipulation."""

import re

import pytest

from annotate.training import launch_views
from annotate.training.models import Run, RunKind, RunState
from annotate.training.versions import promote
from tests.factories import make_dataset, make_face
from tests.training.registry import make_version

PAGE = "/runs/new/manipulation/"


@pytest.fixture
def client(client_of, admin):
    return client_of(admin)


@pytest.fixture
def version(snapshot):
    return make_version(snapshot)


@pytest.fixture
def sent(monkeypatch):
    """What was put on the gpu queue."""
    sent = []
    to_queue = type("Queue", (), {"delay": lambda **ids: sent.append(ids)})
    monkeypatch.setattr(launch_views, "train_run", to_queue)
    return sent


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def of(snapshot, version, **changes):
    values = {
        "source": f"snapshot:{snapshot.pk}", "embedding": f"version:{version.pk}", "size": 64, "steps": 500,
        "seed": 0, "rate": 0.0005, "faces_per_step": 16, "hold_out": 0.2,
    }  # fmt: skip
    return values | changes


def test_it_opens_with_the_defaults_and_the_active_version(client, admin, snapshot, version):
    make_version(snapshot)
    promote(version, admin, "the first", version.created_at)
    page = client.get(f"{PAGE}?snapshot={snapshot.pk}").content.decode()
    assert f'<option value="snapshot:{snapshot.pk}" selected>' in page
    assert f'<option value="version:{version.pk}" selected>' in page
    assert 'name="steps" value="4000"' in page


def test_it_is_told_confirmed_and_queued(
    client, admin, snapshot, version, sent, django_capture_on_commit_callbacks
):
    told = text_of(client.get(f"{PAGE}forecast/", of(snapshot, version)))
    assert "People to learn from 8 Their faces 16 People held out, to be judged by 4 Steps 500" in told
    page = client.post(PAGE, of(snapshot, version))
    assert "Start this run?" in text_of(page)
    assert f'action="{PAGE}"' in page.content.decode()
    hidden = dict(
        re.findall(r'<input type="hidden" name="(\w+)"(?: value="([^"]*)")?', page.content.decode())
    )
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(PAGE, hidden | {"confirmed": "yes"})
    run = Run.objects.get(kind=RunKind.MANIPULATION)
    assert response.url == f"/runs/{run.pk}/"
    assert sent == [{"run_id": run.pk}]
    assert (run.state, run.created_by, run.parent) == (RunState.QUEUED, admin, version)
    assert (run.config["steps"], run.config["size"]) == (500, 64)
    again = client.get(f"{PAGE}?again={run.pk}").content.decode()
    assert 'name="steps" value="500"' in again
    assert client.get(f"/runs/new/?again={run.pk}").status_code == 404, "The other kind's form"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"size": 70}, "size"), ({"steps": ""}, "steps"), ({"embedding": "version:999"}, "embedding"),
        ({"source": "snapshot:999"}, "source"), ({"rate": 2}, "rate"),
    ],
)  # fmt: skip
def test_what_is_out_of_range_is_refused_beside_its_field(client, snapshot, version, changes, field):
    response = client.post(PAGE, of(snapshot, version, **changes))
    assert response.context["form"].errors.keys() == {field}
    assert not Run.objects.filter(kind=RunKind.MANIPULATION).exists()


def test_a_snapshot_of_lone_faces_is_refused_beside_its_field(client, snapshot, version):
    lone = make_dataset("lone")
    make_face(lone, "a", identity="a")
    values = of(snapshot, version, source=f"dataset:{lone.pk}")
    response = client.post(PAGE, values)
    assert "at least two pictures with different expressions" in response.context["form"].errors["source"][0]
    assert "There can be no such run yet" in text_of(client.get(f"{PAGE}forecast/", values))


def test_without_a_version_it_says_what_to_do(client, snapshot):
    assert "Train an embedding" in text_of(client.get(PAGE))


@pytest.mark.parametrize(
    ("who", "status"), [(None, 302), ("annotator", 403), ("curator", 403), ("admin", 200)]
)
@pytest.mark.parametrize("page", [PAGE, f"{PAGE}forecast/"])
def test_admins_alone_launch(request, client_of, db, page, who, status):
    user = request.getfixturevalue(who) if who else None
    assert client_of(user).get(page).status_code == status
