"""Fixtures for tests that start whole installations."""

import tempfile
from pathlib import Path

import pytest

from config import environment


def new_place() -> Path:
    """A new folder, removed when the test session ends.

    Not pytest's tmp_path: each pytest session that starts shuts the folder above those to other users,
    and so to the user under whom a PostgreSQL runs that root has started.
    """
    place = Path(tempfile.mkdtemp(dir=environment.state_dir()))
    place.chmod(0o711)
    return place


@pytest.fixture
def place():
    return new_place()


@pytest.fixture(scope="module")
def kept_state():
    """One state folder for most of a module's tests: setting it up takes longer than they do."""
    return new_place() / "state"
