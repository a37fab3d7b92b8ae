"""Grids and interpolations, made by a worker with a real, untrained generator: what is kept, what goes."""

import io
import os
import time
from datetime import timedelta

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.utils import timezone
from PIL import Image

from annotate.curation.erasing import ask_for_erasure, erase
from annotate.faces.models import Face, Split
from annotate.insight import manipulation_worker
from annotate.insight.manipulation_worker import drawn
from annotate.insight.manipulations import (
    MOST_SOURCES,
    ManipulationRefused,
    ask_for_grid,
    ask_for_interpolation,
    read,
    sweep_manipulations,
)
from annotate.insight.models import Interpolation, ManipulationGrid
from annotate.insight.queries import remove
from annotate.insight.tasks import make_grid, make_interpolation
from tests.insight.manipulation.generators import SIDE, make_real_manipulator

NOTE = "Synthetic faces"


@pytest.fixture
def made(folders):
    """The made pictures that lie in storage."""
    return lambda: sorted(path.name for path in (folders / "faces" / "_manipulations").glob("*"))


def picture_of(name):
    return Image.open(io.BytesIO(read(name)))


def asked_grid(manipulator, by, **faces):
    grid = ask_for_grid(manipulator, by, timezone.now(), **faces)
    make_grid(job_id=grid.pk)
    grid.refresh_from_db()
    return grid


def asked_interpolation(manipulator, source, target, by):
    asked, _ = ask_for_interpolation(manipulator, source, target, by, timezone.now())
    make_interpolation(job_id=asked.pk)
    asked.refresh_from_db()
    return asked


def test_a_grid_has_each_source_with_each_expression(manipulator, curator, face):
    sources = [face("p0-glum").pk, face("p1-glad").pk]
    targets = [face("p2-glad").pk, face("p3-glum").pk, face("p4-glad").pk]
    grid = asked_grid(manipulator, curator, sources=sources, targets=targets)
    assert (grid.error, grid.side) == ("", SIDE)
    sheet = picture_of(grid.sheet)
    assert sheet.size == (3 * SIDE, 2 * SIDE)
    cells = np.asarray(sheet).reshape(2, SIDE, 3, SIDE, 3).swapaxes(1, 2)
    assert not np.array_equal(cells[0, 0], cells[1, 0]), "Another person"
    picture = picture_of(grid.picture)
    assert picture.size[0] > 4 * SIDE, "The real faces stand beside them"
    for one in (sheet, picture):
        assert one.format == "PNG"
        assert NOTE in one.text["Comment"]
        assert set(one.info) == {"Comment"}, "Nothing else goes out with it"


def test_without_faces_it_draws_those_who_were_held_out(manipulator, curator, dataset):
    grid = asked_grid(manipulator, curator)
    assert grid.error == ""
    assert {one.face.identity for one in grid.faces.select_related("face")} == {"p4", "p5"}
    dataset.faces.filter(identity__in=["p4", "p5"]).update(identity="")
    assert "Choose some" in asked_grid(manipulator, curator).error


def test_where_the_snapshot_held_people_out_it_draws_these(version, curator, dataset, settings):
    dataset.faces.filter(identity__in=["p0", "p1"]).update(split=Split.VAL)
    manipulator = make_real_manipulator(version, settings.RUNS_DIR)
    grid = asked_grid(manipulator, curator)
    assert {one.face.identity for one in grid.faces.select_related("face")} == {"p0", "p1"}


def test_a_draw_has_other_people_and_each_expression():
    faces = [
        Face(pk=10 * person + place, identity=f"p{person}", expression=expression)
        for person in range(9)
        for place, expression in enumerate(("calm", "glad", "glum"))
    ]
    sources, targets = drawn(faces, 0)
    by_number = {face.pk: face for face in faces}
    assert len({by_number[pk].identity for pk in sources}) == len(sources) == 6
    assert {by_number[pk].expression for pk in targets[:3]} == {"calm", "glad", "glum"}
    assert len(set(targets)) == len(targets) == 8
    assert not set(sources) & set(targets)
    assert drawn(faces, 0) == (sources, targets)
    assert drawn(faces, 1) != (sources, targets)


def test_a_grid_of_one_side_or_too_many_is_refused(manipulator, curator, face):
    one = face("p0-glum").pk
    with pytest.raises(ManipulationRefused, match="Choose a target"):
        ask_for_grid(manipulator, curator, timezone.now(), sources=[one])
    with pytest.raises(ManipulationRefused, match="at most"):
        ask_for_grid(manipulator, curator, timezone.now(), sources=[one] * (MOST_SOURCES + 1), targets=[one])
    with pytest.raises(ManipulationRefused, match="erased"):
        ask_for_grid(manipulator, curator, timezone.now(), sources=[one], targets=[one, 10**9])
    assert not ManipulationGrid.objects.exists()


def test_an_interpolation_goes_from_one_expression_to_the_other_and_is_made_once(manipulator, curator, face):
    source, target = face("p0-glum"), face("p1-glad")
    asked = asked_interpolation(manipulator, source, target, curator)
    assert asked.error == ""
    sheet = picture_of(asked.sheet)
    assert sheet.size == (9 * SIDE, SIDE)
    assert NOTE in sheet.text["Comment"]
    assert ask_for_interpolation(manipulator, source, target, curator, timezone.now()) == (asked, False)
    assert ask_for_interpolation(manipulator, target, source, curator, timezone.now())[1]


def test_the_second_answer_needs_nothing_loaded(manipulator, curator, face, monkeypatch):
    """The generator and the embedder stay in the worker's memory."""
    asked_interpolation(manipulator, face("p0-glum"), face("p1-glad"), curator)

    def gone(of):
        raise AssertionError("It is loaded again")

    monkeypatch.setattr("annotate.insight.network.manipulator_at_hand", gone)
    monkeypatch.setattr("annotate.insight.network.checkpoint_at_hand", gone)
    assert asked_interpolation(manipulator, face("p0-glum"), face("p2-glad"), curator).error == ""


def test_a_manipulator_of_another_embedding_says_so(manipulator, curator, face, settings, version):
    for path in (settings.RUNS_DIR / manipulator.folder).iterdir():
        path.unlink()
    asked = asked_interpolation(manipulator, face("p0-glum"), face("p1-glad"), curator)
    assert "no whole checkpoint of manipulator" in asked.error


def test_an_erasure_takes_all_that_was_made_of_her(manipulator, curator, admin, face, made, dataset):
    hers, others = face("p0-glum"), [face("p1-glad"), face("p2-glad"), face("p3-glad")]
    asked_grid(manipulator, curator, sources=[hers.pk], targets=[others[0].pk])
    asked_grid(manipulator, curator, sources=[others[0].pk], targets=[hers.pk, others[1].pk])
    kept = asked_grid(manipulator, curator, sources=[others[0].pk], targets=[others[1].pk])
    asked_interpolation(manipulator, hers, others[0], curator)
    asked_interpolation(manipulator, others[0], hers, curator)
    stays = asked_interpolation(manipulator, others[0], others[1], curator)
    assert len(made()) == 12
    asked = ask_for_erasure(
        dataset=dataset, identity="p0", reason="Withdrew her consent", admin=admin, at=timezone.now()
    )
    assert erase(asked.pk, wait=lambda seconds: None)
    assert list(ManipulationGrid.objects.all()) == [kept]
    assert list(Interpolation.objects.all()) == [stays]
    names = {name.rpartition("/")[2] for one in (kept, stays) for name in (one.sheet, one.picture)}
    assert set(made()) == names
    manipulator.refresh_from_db()
    assert manipulator.erased_at is not None


def test_what_is_erased_while_it_is_made_leaves_nothing(manipulator, curator, face, made, monkeypatch):
    asked, _ = ask_for_interpolation(manipulator, face("p0-glum"), face("p1-glad"), curator, timezone.now())
    store = manipulation_worker.store

    def too_late(making, **made):
        Interpolation.objects.all().delete()
        store(making, **made)

    monkeypatch.setattr(manipulation_worker, "store", too_late)
    make_interpolation(job_id=asked.pk)
    assert made() == []


def test_what_was_made_of_a_sent_picture_goes_with_it(manipulator, curator, face, send, made):
    picture = send()
    asked = asked_interpolation(manipulator, picture.faces.get(), face("p1-glad"), curator)
    assert asked.error == ""
    assert len(made()) == 2
    remove(picture)
    assert made() == []
    assert not Interpolation.objects.exists()


def test_a_day_later_they_are_swept_and_so_is_what_nobody_knows(manipulator, curator, face, made, folders):
    asked_interpolation(manipulator, face("p0-glum"), face("p1-glad"), curator)
    grid = asked_grid(manipulator, curator, sources=[face("p0-glum").pk], targets=[face("p1-glad").pk])
    stray = folders / "faces" / "_manipulations" / "stray.png"
    stray.write_bytes(b"left by a killed worker")
    os.utime(stray, (time.time() - 7_200,) * 2)
    assert sweep_manipulations(timezone.now()) == 0
    assert not stray.exists()
    assert len(made()) == 4
    assert sweep_manipulations(timezone.now() + timedelta(hours=25)) == 1
    assert len(made()) == 2
    assert default_storage.exists(grid.sheet), "Grids stay until somebody deletes them"
