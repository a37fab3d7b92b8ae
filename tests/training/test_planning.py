"""What is refused before it is queued, with the field named; and that a plan is what then comes."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings

from annotate.training.freezing import freeze_snapshot
from annotate.training.models import ModelVersion, Run, RunState
from annotate.training.planning import check_run, network_of, plan_run
from annotate.training.run_config import BadSetting, RunConfig
from annotate.training.runs import queue_run
from annotate.training.shared_folders import BadSnapshot
from tests.factories import make_imported_triplet
from tests.training.checkpoints import write_checkpoint, write_tensors


@pytest.fixture
def version(run):
    """That a run on the same snapshot left."""
    version = ModelVersion.objects.create(run=run, folder="earlier/checkpoint", evaluation={})
    write_checkpoint(Path(settings.RUNS_DIR) / version.folder)
    return version


def folder_of(version):
    return Path(settings.RUNS_DIR) / version.folder


def harm_table(folder):
    with (folder / "triplets.csv").open("a") as file:
        file.write("\n")


def harm_manifest(folder):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sha256": "0" * 64}))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (shutil.rmtree, "no whole snapshot"),
        (harm_table, "torn or changed"),
        (harm_manifest, "holds 00000000"),
    ],
)
def test_a_snapshot_that_is_not_what_it_was_is_refused(snapshot, folders, harm, said):
    harm(folders / "snapshots" / snapshot.folder)
    with pytest.raises(BadSnapshot, match=said):
        queue_run(snapshot, {}, None)
    assert not Run.objects.exists()


def test_a_face_that_was_erased_meanwhile_is_refused(snapshot, dataset, django_assert_num_queries):
    with django_assert_num_queries(1):
        check_run(snapshot, RunConfig(), None)
    dataset.imported_triplets.all().delete()
    dataset.faces.filter(key__in=["drawn:calm-03", "drawn:glad-03"]).delete()
    with pytest.raises(BadSnapshot, match=r"2 of its faces are not .*drawn:calm-03"):
        queue_run(snapshot, {}, None)
    assert not Run.objects.exists()


def test_a_snapshot_without_triplets_to_train_on_is_refused(dataset):
    dataset.imported_triplets.filter(split="train").delete()
    with pytest.raises(BadSnapshot, match="no triplet has all its faces in the train split"):
        queue_run(freeze_snapshot(name="val only", dataset=dataset), {}, None)


def torn(folder):
    path = folder / "network.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def of_another_format(folder):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (shutil.rmtree, "holds no whole checkpoint"),
        (of_another_format, "config.json has format 2, and only 1 can be read"),
        (lambda folder: (folder / "config.json").write_text("{"), "not a checkpoint's description"),
        (torn, "network.safetensors is torn"),
        (lambda folder: (folder / "identity.safetensors").unlink(), "identity.safetensors is missing"),
        (lambda folder: (folder / "identity.safetensors").write_bytes(b"\xff" * 40), "is torn"),
        (lambda folder: (folder / "identity.safetensors").write_bytes(b"\0" * 40), "not a file of weights"),
        (
            lambda folder: write_tensors(
                folder / "network.safetensors", {"high_order.last.weight": [16, 16]}
            ),
            "not a network of order 3",
        ),
        (
            lambda folder: write_tensors(folder / "identity.safetensors", {"conv2d_1a.conv.weight": [1]}),
            "not the frozen branch of a small backbone",
        ),
    ],
)
def test_a_parent_that_nothing_can_go_on_from_is_refused(snapshot, version, harm, said):
    harm(folder_of(version))
    before = Run.objects.count()
    with pytest.raises(BadSetting, match=said) as refused:
        queue_run(snapshot, {}, None, parent=version)
    assert refused.value.field == "parent"
    assert Run.objects.count() == before


def test_a_run_has_its_parents_network(snapshot, version):
    write_checkpoint(folder_of(version), order=2, normalize_vectors=True)
    run = queue_run(snapshot, {"seed": 4}, None, parent=version)
    settings_ = {
        name: run.config[name] for name in ("backbone", "size", "order", "normalize_vectors", "seed")
    }
    assert settings_ == {"backbone": "small", "size": 64, "order": 2, "normalize_vectors": True, "seed": 4}
    for asked, field in (
        ({"order": 3}, "order"),
        ({"backbone": "facenet", "size": 160}, "backbone"),
        ({"size": 80}, "size"),
    ):
        with pytest.raises(BadSetting, match="does not fit version") as refused:
            queue_run(snapshot, asked, None, parent=version)
        assert refused.value.field == field


@pytest.mark.parametrize("backbone", ["small", "facenet"])
def test_a_checkpoint_that_the_network_wrote_is_whole(version, backbone):
    from model.build import build_network
    from model.checkpoint import Description, save_checkpoint
    from model.network import NetworkConfig

    config = NetworkConfig(backbone=backbone, size=80, order=2)
    shutil.rmtree(folder_of(version))
    save_checkpoint(folder_of(version), build_network(config), None, Description(config))
    assert network_of(version) == {"backbone": backbone, "size": 80, "order": 2, "normalize_vectors": False}


def test_what_the_parent_knows_already_is_replayed_if_there_is_any(snapshot, dataset, version):
    faces = [dataset.faces.get(image=f"{name}.jpg") for name in ("calm-00", "calm-05", "glad-03")]
    make_imported_triplet(faces, kind="TWO_CLASS_TRIPLET")
    grown = freeze_snapshot(name="grown", dataset=dataset)
    assert plan_run(grown, RunConfig(), version).triplets == 17
    dataset.imported_triplets.exclude(pk=dataset.imported_triplets.latest("pk").pk).delete()
    Run.objects.filter(pk=version.run_id).update(snapshot=freeze_snapshot(name="other", dataset=dataset))
    version.refresh_from_db()
    with pytest.raises(BadSetting, match="none of the triplets are in the earlier snapshot") as refused:
        queue_run(snapshot, {}, None, parent=version)
    assert refused.value.field == "replay"
    assert queue_run(snapshot, {"replay": None}, None, parent=version).state == RunState.QUEUED
    assert queue_run(grown, {}, None, parent=version).state == RunState.QUEUED


def test_a_plan_is_kept_but_not_over_what_it_depends_on(snapshot, folders):
    config = RunConfig(epochs=3)
    first = plan_run(snapshot, config, None)
    assert (first.epochs, first.train_faces, first.triplets) == (3, 16, 16)
    assert plan_run(snapshot, replace(config, epochs=5), None).epochs == 5
    with (folders / "snapshots" / snapshot.folder / "faces.csv").open("a") as file:
        file.write("torn")
    assert plan_run(snapshot, replace(config, rate=0.5), None) == first
    with pytest.raises(BadSnapshot, match="torn or changed"):
        check_run(snapshot, config, None)
