"""Machines that share nothing but a bucket: a real S3 server; a script stands in for the network."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from django.conf import settings as django_settings
from django.core.files.storage import default_storage

from annotate.training import run_store
from annotate.training.freezing import ask_for_snapshot, freeze_snapshot, make_asked_snapshot
from annotate.training.models import Embedding, Freeze, ModelVersion, Run, RunState
from annotate.training.run_store import RunStore
from annotate.training.runs import queue_run
from annotate.training.scratch import scratch_folder, sweep
from annotate.training.shared_folders import (
    BadCheckpoint,
    BadSnapshot,
    checkpoint_at_hand,
    log_tail,
    snapshot_at_hand,
)
from annotate.training.tasks import train_run
from model.build import build_network
from model.checkpoint import Description, load_checkpoint, save_checkpoint
from model.network import NetworkConfig
from model.snapshot import read_snapshot
from tests.bucket import left_on
from tests.training.drawn import drawn_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def frozen(on_machine, db):
    """A snapshot that machine A has made."""
    on_machine("a")
    return freeze_snapshot(name="frozen", dataset=drawn_dataset())


def test_what_one_freezes_another_reads(frozen, on_machine, shared_bucket, client_of, curator):
    assert left_on(on_machine("a")) == []
    kinds = {key.split("/")[0] for key in shared_bucket.objects()}
    assert kinds == {"faces", "snapshots"}
    there = on_machine("b")
    with snapshot_at_hand(frozen) as folder:
        assert there in folder.parents
        assert read_snapshot(folder).sha256 == frozen.sha256
        assert len(list(folder.rglob("*.jpg"))) == 24
    assert left_on(there) == []
    answer = client_of(curator).get(f"/snapshots/{frozen.pk}/triplets.csv")
    stored = shared_bucket.objects()[f"snapshots/{frozen.folder}/triplets.csv"]
    assert b"".join(answer.streaming_content) == stored


@pytest.mark.usefixtures("stand_in")
@pytest.mark.long
def test_a_run_goes_on_elsewhere(frozen, on_machine, shared_bucket, monkeypatch):
    run = queue_run(frozen, {}, None)
    monkeypatch.setenv("KILLED_AT", "2")
    first = on_machine("b")
    train_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.losses) == (RunState.QUEUED, 1)
    assert left_on(first) == []

    monkeypatch.delenv("KILLED_AT")
    second = on_machine("c")
    train_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.SUCCEEDED, "")
    assert left_on(second) == []
    assert [event["step"] for event in run.events if event["kind"] == "step"] == [10, 20, 30, 40]

    version = ModelVersion.objects.get()
    assert Embedding.objects.filter(model_version=version).count() == 24
    on_machine("d")
    said = log_tail(run, 30)
    assert said.index("from epoch 0") < said.index("from epoch 2")
    with checkpoint_at_hand(version) as folder:
        assert (folder / "config.json").is_file()
    assert not [key for key in shared_bucket.objects() if key.startswith("runs/") and "resume" in key]


def test_a_checkpoint_that_is_not_there_is_refused(frozen, on_machine):
    version = ModelVersion.objects.create(
        run=queue_run(frozen, {}, None), folder="run-0/checkpoint", evaluation={}
    )
    with pytest.raises(BadCheckpoint, match="backup"), checkpoint_at_hand(version):
        pass


def test_a_lost_picture_or_table_is_named(frozen, on_machine):
    default_storage.delete("drawn/glad-03.jpg")
    with pytest.raises(BadSnapshot, match="glad-03"), snapshot_at_hand(frozen):
        pass
    on_machine("b")
    shutil.rmtree(on_machine("a"), ignore_errors=True)
    frozen.folder = "never-made"
    with pytest.raises(BadSnapshot, match="no whole snapshot"):
        queue_run(frozen, {}, None)


def test_a_bucket_that_does_not_answer_is_named(frozen, settings, on_machine, shared_bucket):
    freeze = ask_for_snapshot(name="more", dataset=frozen.dataset, campaign=None, created_by=None)
    shared_bucket.name = "no-such-bucket"
    shared_bucket.put_into(settings)
    with pytest.raises(BadSnapshot, match="no-such-bucket"):
        queue_run(frozen, {}, None)
    assert make_asked_snapshot(freeze.pk) is None
    assert "no-such-bucket" in Freeze.objects.get().error, "and not that a picture is missing"


@pytest.fixture
def writing(on_machine, tmp_path):
    """A run's folder in which checkpoints are written; call it with the epoch."""
    on_machine("a")
    folder = tmp_path / "run-1"
    network = build_network(NetworkConfig(size=32))

    def write(epoch):
        with torch.no_grad():
            network.deviation.face.last_linear.weight.fill_(epoch)
        save_checkpoint(folder / "checkpoint", network, None, Description(network.config, epoch=epoch))

    write.folder = folder
    return write


def brought(tmp_path):
    folder = tmp_path / "brought"
    shutil.rmtree(folder, ignore_errors=True)
    RunStore("run-1").bring(folder)
    network, _, description = load_checkpoint(folder / "checkpoint")
    assert (network.deviation.face.last_linear.weight == description.epoch).all()
    return description.epoch


def test_every_state_that_is_brought_is_whole_while_the_next_is_written(writing, tmp_path):
    over = threading.Event()

    def go_on():
        epoch = 2
        while not over.is_set():
            writing(epoch := epoch + 1)

    writing(1)
    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        store, seen = RunStore("run-1"), []
        for _ in range(5):
            store.put(writing.folder)
            seen.append(brought(tmp_path))
    finally:
        over.set()
        thread.join()
    assert seen == sorted(seen)
    assert seen[-1] > seen[0]


def gone(key, content):
    raise OSError("gone")


def test_a_put_that_breaks_off_leaves_the_state_before_it(writing, tmp_path, monkeypatch, shared_bucket):
    writing(1)
    store = RunStore("run-1")
    store.put(writing.folder)
    whole = len(shared_bucket.objects())
    writing(2)
    monkeypatch.setattr(
        run_store.bucket, "write", lambda key, content: (_ for _ in ()).throw(OSError("gone"))
    )
    with pytest.raises(OSError, match="gone"):
        store.put(writing.folder)
    assert brought(tmp_path) == 1
    monkeypatch.undo()
    again = RunStore("run-1")
    assert len(shared_bucket.objects()) > whole
    again.put(writing.folder)
    again.remove_strays()
    assert brought(tmp_path) == 2
    assert len(shared_bucket.objects()) == whole


def test_who_has_lost_the_run_changes_nothing_of_it(writing, tmp_path):
    writing(1)
    stale = RunStore("run-1")
    stale.put(writing.folder)
    writing(2)
    RunStore("run-1").put(writing.folder)
    writing(3)
    stale.put(writing.folder, may=lambda: False)
    assert brought(tmp_path) == 2


def test_what_could_not_be_said_for_a_while_is_said_later(writing, tmp_path):
    """As when the database is away for a minute, so that nobody knows whose the run is."""
    writing(1)
    store = RunStore("run-1")
    store.put(writing.folder)
    writing(2)
    store.put(writing.folder, may=lambda: False)
    assert brought(tmp_path) == 1
    store.put(writing.folder)
    assert brought(tmp_path) == 2


def test_what_a_killed_worker_left_goes_before_the_next_work(on_machine):
    machine = on_machine("a")
    program = (
        "import django, sys, time; django.setup(); from pathlib import Path; "
        "from django.conf import settings; settings.STATE_DIR = Path(sys.argv[1]); "
        "from annotate.training.scratch import scratch_folder; "
        "made = scratch_folder(); folder = made.__enter__(); (folder / 'face.jpg').touch(); "
        "print(folder, flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, machine], stdout=subprocess.PIPE, text=True,
        cwd=django_settings.BASE_DIR,
    )  # fmt: skip
    held = Path(holder.stdout.readline().strip())
    with scratch_folder() as mine:
        assert (held / "face.jpg").exists(), "it is in use"
        sweep()
        assert mine.exists()
        holder.kill()
        holder.wait()
        with scratch_folder():
            assert not held.exists()
            assert mine.exists()
    assert left_on(machine) == []


def test_a_run_of_which_nothing_is_there_begins_anew(frozen, on_machine):
    run = queue_run(frozen, {}, None)
    assert log_tail(run, 10) == ""
    assert Run.objects.get().state == RunState.QUEUED
