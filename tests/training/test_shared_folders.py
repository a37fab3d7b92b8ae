"""Snapshots and checkpoints at hand on the machine that works with them."""

import shutil

import pytest

from annotate.training.models import ModelVersion
from annotate.training.runs import BadSnapshot
from annotate.training.shared_folders import BadCheckpoint, checkpoint_at_hand, snapshot_at_hand


def test_a_snapshot_at_hand_has_its_tables_and_crops(snapshot):
    with snapshot_at_hand(snapshot) as folder:
        assert (folder / "manifest.json").is_file()
        assert len(list(folder.rglob("*.jpg"))) == 24


def test_a_snapshot_that_is_gone_is_named(snapshot, folders):
    shutil.rmtree(folders / "snapshots")
    with pytest.raises(BadSnapshot, match="freeze a new"), snapshot_at_hand(snapshot):
        pass


def test_a_checkpoint_at_hand_is_whole_or_refused(run, folders):
    version = ModelVersion.objects.create(run=run, folder="run-1/checkpoint", evaluation={})
    with pytest.raises(BadCheckpoint, match="backup"), checkpoint_at_hand(version):
        pass
    checkpoint = folders / "runs" / version.folder
    checkpoint.mkdir(parents=True)
    (checkpoint / "config.json").write_text("{}")
    with checkpoint_at_hand(version) as folder:
        assert folder == checkpoint
