"""Folders of the test's own, and a person to erase."""

import pytest

from tests.curation.erasing import make_world


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.STATE_DIR = tmp_path
    settings.SNAPSHOTS_DIR = tmp_path / "snapshots"
    settings.RUNS_DIR = tmp_path / "runs"
    return tmp_path


@pytest.fixture
def world(db, admin):
    return make_world(admin)
