"""Runs of face manipulation: queued, trained by a script that stands in for the network, entered, shown."""

import re

import pytest
from django.utils import timezone

from annotate.faces.models import Face
from annotate.training import manipulation_planning
from annotate.training.freezing import freeze_snapshot
from annotate.training.manipulation_config import ManipulationConfig
from annotate.training.models import Manipulator, ModelVersion, Run, RunKind, RunState
from annotate.training.notices import how_it_ended
from annotate.training.pace import last_pace
from annotate.training.run_config import BadSetting, RunConfig
from annotate.training.runs import CannotResume, cancel_run, queue_run, resume_run
from annotate.training.shared_folders import BadSnapshot, run_folder
from annotate.training.snapshot_alteration import alter_snapshot
from annotate.training.tasks import train_run
from tests.factories import make_dataset, make_face
from tests.training.registry import make_manipulator, make_version

pytestmark = pytest.mark.usefixtures("stand_in")


@pytest.fixture
def version(snapshot):
    return make_version(snapshot)


@pytest.fixture
def asked(snapshot, version, admin):
    return queue_run(snapshot, ManipulationConfig(), admin, parent=version)


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_a_run_becomes_a_manipulator_and_no_version(asked, version):
    train_run(run_id=asked.pk)
    run = Run.objects.get(pk=asked.pk)
    assert (run.state, run.error, run.kind) == (RunState.SUCCEEDED, "", RunKind.MANIPULATION)
    made = Manipulator.objects.get(run=run)
    assert made.judgement["nearer_to_expression"]["share"] == 0.95
    assert (run_folder(run) / "checkpoint" / "manipulator.json").exists()
    assert list(ModelVersion.objects.all()) == [version]
    assert [point["nearer_to_identity"] for point in run.events if point["kind"] == "epoch"] == [0.91, 0.91]
    assert how_it_ended(run) == "has succeeded: 95.0 %"
    train_run(run_id=asked.pk)
    assert Manipulator.objects.count() == 1, "A message that comes twice"


def test_killed_it_goes_on_from_its_checkpoint(asked, monkeypatch):
    monkeypatch.setenv("KILLED_AT", "1")
    train_run(run_id=asked.pk)
    asked.refresh_from_db()
    assert (asked.state, asked.losses) == (RunState.QUEUED, 1)
    train_run(run_id=asked.pk)
    asked.refresh_from_db()
    assert asked.state == RunState.SUCCEEDED
    assert (run_folder(asked) / "epochs").read_text().split() == ["0", "1"]


def test_a_failure_says_why(asked, monkeypatch):
    monkeypatch.setenv("FAIL", "manipulate train:said")
    train_run(run_id=asked.pk)
    asked.refresh_from_db()
    assert (asked.state, asked.error) == (RunState.FAILED, "the snapshot is torn")
    assert not Manipulator.objects.exists()
    assert resume_run(asked.pk, timezone.now()).state == RunState.QUEUED


def test_what_nobody_could_judge_is_entered_all_the_same(asked, monkeypatch, client_of, curator):
    monkeypatch.setenv("FAIL", "manipulate judge:said")
    train_run(run_id=asked.pk)
    asked.refresh_from_db()
    assert asked.state == RunState.SUCCEEDED
    page = text_of(client_of(curator).get(f"/runs/{asked.pk}/"))
    assert "It was not judged. the snapshot is torn" in page
    assert how_it_ended(asked) == "has succeeded"


def test_a_killed_judging_is_done_again(asked, monkeypatch):
    monkeypatch.setenv("FAIL", "manipulate judge:killed")
    train_run(run_id=asked.pk)
    asked.refresh_from_db()
    assert (asked.state, asked.losses) == (RunState.QUEUED, 1)
    monkeypatch.delenv("FAIL")
    train_run(run_id=asked.pk)
    asked.refresh_from_db()
    assert asked.state == RunState.SUCCEEDED
    assert (run_folder(asked) / "epochs").read_text().split() == ["0"], "What is trained is not trained again"


def test_its_page_shows_what_came_of_it(asked, client_of, curator):
    train_run(run_id=asked.pk)
    page = text_of(client_of(curator).get(f"/runs/{asked.pk}/"))
    assert "Nearer to the target’s expression than the source was 95.0 % ± 2.0" in page
    assert "Guided by Version" in page
    assert "held-out pairs, %" in page
    listed = text_of(client_of(curator).get("/runs/"))
    assert f"face manipulation, 64 px, by version {asked.parent_id} 95.0 %" in listed


def test_its_pace_is_no_embeddings_and_the_other_way_round(asked, run):
    train_run(run_id=asked.pk)
    pace = last_pace(ManipulationConfig(), has_parent=True)
    assert (pace.run, pace.step_faces) == (asked, 16)
    assert last_pace(ManipulationConfig(size=96), has_parent=True) is None
    assert last_pace(RunConfig.from_json(run.config), has_parent=False) is None


def test_it_needs_an_embedding_and_people_with_several_pictures(snapshot, version, db):
    with pytest.raises(BadSetting) as refused:
        queue_run(snapshot, ManipulationConfig(), None)
    assert refused.value.field == "parent"
    Face.objects.filter(dataset=snapshot.dataset).update(identity="")
    lone = freeze_snapshot(name="lone", dataset=snapshot.dataset)
    with pytest.raises(BadSnapshot, match="nobody with several pictures"):
        queue_run(lone, ManipulationConfig(), None, parent=version)
    assert not Run.objects.filter(kind=RunKind.MANIPULATION).exists()


def test_people_are_counted_as_the_network_will_take_them(snapshot):
    """Eight people of two pictures train and four are held out; one picture more is of nobody."""
    found = manipulation_planning.people_of(snapshot, 0.2)
    assert (found.train, found.train_faces, found.held_out, found.held_out_faces) == (8, 16, 4, 8)
    make_face(snapshot.dataset, "stray")
    assert manipulation_planning.people_of(snapshot.dataset, 0.2).alone == 1
    Face.objects.update(split="train")
    found = manipulation_planning.people_of(snapshot.dataset, 0.25)
    assert (found.train, found.train_faces, found.held_out) == (9, 18, 3)


def test_an_erasure_marks_what_learnt_and_ends_what_would_go_on(asked, snapshot, version):
    own = make_manipulator(version)
    apart = make_dataset("apart")
    for person in ("x", "y"):
        for name in ("calm", "glad"):
            make_face(apart, f"{person}-{name}", identity=person)
    other = make_manipulator(make_version(freeze_snapshot(name="apart", dataset=apart)))
    cancel_run(asked.pk, timezone.now())
    keys = set(Face.objects.filter(dataset=snapshot.dataset, identity="p1").values_list("key", flat=True))
    alter_snapshot(snapshot.pk, keys, timezone.now())
    assert Manipulator.objects.get(pk=own.pk).erased_at is not None
    assert Manipulator.objects.get(pk=other.pk).erased_at is None
    with pytest.raises(CannotResume):
        resume_run(asked.pk, timezone.now())


def test_labelled_faces_need_no_triplet(db, version):
    """As RaFD's: no triplet, several expressions of each person. No embedding can be trained on them."""
    labelled = make_dataset("labelled")
    for person in ("x", "y"):
        for name in ("calm", "glad"):
            make_face(labelled, f"{person}-{name}", identity=person, expression=name)
    frozen = freeze_snapshot(name="labelled", dataset=labelled)
    assert frozen.counts["triplets"] == 0
    queue_run(frozen, ManipulationConfig(), None, parent=version)
    with pytest.raises(BadSnapshot, match="no triplet"):
        queue_run(frozen, {}, None)


@pytest.mark.parametrize("changes", [{}, {"size": 96}, {"seed": 3}, {"steps": 9}, {"rate": 1e-4}])
def test_settings_come_back_as_they_were_stored(changes):
    config = ManipulationConfig(**changes)
    assert ManipulationConfig.from_json(config.as_json()) == config


@pytest.mark.parametrize("bad", [{"size": 70}, {"size": 16}, {"steps": 0}, {"rate": True}, {"order": 3}])
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(BadSetting) as refused:
        ManipulationConfig.from_json(bad)
    assert refused.value.field == next(iter(bad))


def test_scripts_get_the_list_and_the_figures(client_of, version, annotator, curator, admin):
    made = make_manipulator(version, expression=0.934)
    assert client_of(None).get("/api/manipulators").status_code in (401, 403)
    assert client_of(annotator).get("/api/manipulators").status_code == 403
    for user in (curator, admin):
        [told] = client_of(user).get("/api/manipulators").json()["manipulators"]
        assert (told["id"], told["version"], told["nearer_to_expression"]) == (made.pk, version.pk, 0.934)
        assert (told["pairs"], told["size"], told["erased_at"]) == (24, 64, None)
