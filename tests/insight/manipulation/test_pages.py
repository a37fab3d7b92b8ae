"""The pages of manipulators: what each role gets, what is asked for there, what is refused."""

import re

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from annotate.insight import manipulation_views, manipulator_views
from annotate.insight.manipulations import ask_for_grid, ask_for_interpolation
from annotate.insight.models import Interpolation, ManipulationGrid
from annotate.insight.tasks import make_grid, make_interpolation
from tests.training.registry import make_manipulator

LIST = "/explore/manipulators/"


@pytest.fixture
def queued(monkeypatch):
    """What was put on the queue is done at once."""
    for module, name, task in (
        (manipulator_views, "make_grid", make_grid),
        (manipulation_views, "make_interpolation", make_interpolation),
    ):
        monkeypatch.setattr(module, name, type("Queue", (), {"delay": staticmethod(task)}))


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_the_list_says_how_each_was_judged_and_without_any_what_to_do(client_of, curator, admin, version):
    assert "No manipulator yet" in text_of(client_of(curator).get(LIST))
    assert "Train the first one" in text_of(client_of(admin).get(LIST))
    make_manipulator(version, expression=0.934)
    page = text_of(client_of(curator).get(LIST))
    assert "93.4 % 91.0 %" in page
    shown = client_of(curator).get(f"{LIST}?source=7").content.decode()
    assert "/try/?source=7" in shown
    assert "on this face" in shown


def test_a_grid_from_the_click_to_the_picture(
    client_of, curator, manipulator, queued, django_capture_on_commit_callbacks
):
    client, page = client_of(curator), f"{LIST}{manipulator.pk}/"
    assert "None has been made yet" in text_of(client.get(page))
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(f"{page}grid/").url == page
    shown = client.get(page).content.decode()
    grid = ManipulationGrid.objects.get()
    sources, targets = (grid.faces.filter(is_target=is_target).count() for is_target in (False, True))
    assert shown.count("<svg") == sources * targets > 0
    assert 'aria-label="p' in shown
    sheet = client.get(f"/explore/manipulation-grids/{grid.pk}/sheet.png")
    assert sheet.status_code == 200
    assert (sheet["Content-Type"], sheet["Cache-Control"]) == ("image/png", "private, no-store")
    picture = client.get(f"/explore/manipulation-grids/{grid.pk}/picture.png")
    assert "synthetic" in picture["Content-Disposition"]
    assert client.get(f"/explore/manipulation-grids/{grid.pk}/other.png").status_code == 404
    client.post(f"/explore/manipulation-grids/{grid.pk}/delete/")
    assert not ManipulationGrid.objects.exists()


def test_faces_are_chosen_one_by_one(
    client_of, curator, manipulator, face, queued, django_capture_on_commit_callbacks
):
    client, page = client_of(curator), f"{LIST}{manipulator.pk}/grid/"
    source, target = face("p0-glum"), face("p1-glad")
    shown = client.get(page).content.decode()
    assert f"?source={source.pk}" in shown
    shown = client.get(f"{page}?source={source.pk}&target={target.pk}").content.decode()
    assert f"source={source.pk}&amp;target={target.pk}&amp;target={face('p2-glum').pk}" in shown
    with django_capture_on_commit_callbacks(execute=True):
        client.post(page, {"source": [source.pk], "target": [target.pk, face("p2-glum").pk]})
    grid = ManipulationGrid.objects.get()
    assert [one.face for one in grid.faces.filter(is_target=False)] == [source]
    assert grid.faces.filter(is_target=True).count() == 2
    assert "Choose a target, too" in text_of(client.post(page, {"source": [source.pk]}))


def test_the_filter_finds_faces(client_of, curator, manipulator):
    client, page = client_of(curator), f"{LIST}{manipulator.pk}/try/"
    assert client.get(page).content.decode().count("as the source") == 12
    assert client.get(f"{page}?expression=glad&pick=target").content.decode().count("as the target") == 6
    assert client.get(f"{page}?identity=p3").content.decode().count("as the source") == 2
    assert client.get(f"{page}?name=p3-gl").content.decode().count("as the source") == 2
    assert "No face like this" in text_of(client.get(f"{page}?identity=nobody"))
    assert "correct the filter" in text_of(client.get(f"{page}?dataset=none"))
    assert client.get(f"{page}?split=val").content.decode().count("as the source") == 0


def test_a_face_takes_on_another_expression(
    client_of, curator, manipulator, face, queued, django_capture_on_commit_callbacks
):
    client, page = client_of(curator), f"{LIST}{manipulator.pk}/try/"
    source, target = face("p0-glum"), face("p1-glad")
    assert "as the target" in client.get(f"{page}?source={source.pk}").content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(page, {"source": source.pk, "target": target.pk})
    asked = Interpolation.objects.get()
    assert answer.url == f"/explore/manipulations/{asked.pk}/"
    shown = client.get(answer.url).content.decode()
    assert 'data-frames="9"' in shown
    assert "data-live-url" not in shown
    assert "synthetic" in shown
    assert client.get(f"{answer.url}picture.png").status_code == 200
    assert client.post(page, {"source": source.pk}).status_code == 400
    assert client.post(page, {"source": source.pk, "target": target.pk}).url == answer.url, "Made once"


def test_what_failed_says_why_and_is_tried_again(client_of, curator, manipulator, face):
    target = face("p1-glad")
    asked, _ = ask_for_interpolation(manipulator, face("p0-glum"), target, curator, timezone.now())
    default_storage.delete(target.crop)
    make_interpolation(job_id=asked.pk)
    page = client_of(curator).get(f"/explore/manipulations/{asked.pk}/")
    assert f"The picture of face {target.key} is missing from storage" in text_of(page)
    assert "Try again" in text_of(page)
    again = {"source": face("p0-glum").pk, "target": target.pk}
    answer = client_of(curator).post(f"{LIST}{manipulator.pk}/try/", again)
    assert answer.url != f"/explore/manipulations/{asked.pk}/"


def test_what_is_not_made_yet_says_so_and_has_no_picture(client_of, curator, manipulator, face):
    client = client_of(curator)
    asked, _ = ask_for_interpolation(manipulator, face("p0-glum"), face("p1-glad"), curator, timezone.now())
    assert "It waits for a free worker" in text_of(client.get(f"/explore/manipulations/{asked.pk}/"))
    assert client.get(f"/explore/manipulations/{asked.pk}/sheet.png").status_code == 404
    grid = ask_for_grid(manipulator, curator, timezone.now())
    assert "It waits for a free worker" in text_of(client.get(f"{LIST}{manipulator.pk}/"))
    assert client.get(f"/explore/manipulation-grids/{grid.pk}/sheet.png").status_code == 404


def test_a_sent_picture_is_its_senders_alone(client_of, curator, admin, manipulator, face, send):
    query = send().faces.get()
    page = f"{LIST}{manipulator.pk}/try/"
    assert f'value="{query.pk}"' in client_of(curator).get(page).content.decode()
    assert "None yet." in text_of(client_of(admin).get(page))
    assert client_of(admin).post(page, {"query": query.pk, "target": face("p1-glad").pk}).status_code == 400
    answer = client_of(curator).post(page, {"query": query.pk, "target": face("p1-glad").pk})
    asked = Interpolation.objects.get()
    make_interpolation(job_id=asked.pk)
    assert client_of(curator).get(answer.url).status_code == 200
    for path in ("", "live/", "sheet.png", "picture.png"):
        assert client_of(admin).get(f"{answer.url}{path}").status_code == 404


@pytest.mark.parametrize(
    ("who", "status"), [(None, 302), ("annotator", 403), ("curator", 200), ("admin", 200)]
)
def test_who_gets_what(request, client_of, curator, manipulator, face, who, status):
    asked, _ = ask_for_interpolation(manipulator, face("p0-glum"), face("p1-glad"), curator, timezone.now())
    make_interpolation(job_id=asked.pk)
    grid = ask_for_grid(manipulator, curator, timezone.now())
    make_grid(job_id=grid.pk)
    client = client_of(request.getfixturevalue(who) if who else None)
    one, made, grids = (
        f"{LIST}{manipulator.pk}/",
        f"/explore/manipulations/{asked.pk}/",
        "/explore/manipulation-grids/",
    )
    pages = [
        LIST,
        one,
        f"{one}grid/",
        f"{one}try/",
        made,
        f"{made}live/",
        f"{made}sheet.png",
        f"{made}picture.png",
    ]
    pages += [f"{grids}{grid.pk}/live/", f"{grids}{grid.pk}/sheet.png", f"{grids}{grid.pk}/picture.png"]
    assert [client.get(page).status_code for page in pages] == [status] * len(pages)
    deeds = [f"{one}grid/", f"{one}try/", f"{grids}{grid.pk}/delete/"]
    wanted = 302 if status == 200 else status
    got = [
        client.post(deed, {"source": face("p0-glum").pk, "target": face("p2-glad").pk}).status_code
        for deed in deeds
    ]
    assert got == [wanted] * len(deeds)
