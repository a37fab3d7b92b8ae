"""A version of a small data set, and what the network would say of it."""

import json

import pytest

from tests.insight.reports.sample import figures
from tests.training.conftest import client_of, dataset, folders, snapshot, stand_in  # noqa: F401 (fixtures)
from tests.training.registry import make_version


@pytest.fixture
def version(snapshot, settings, tmp_path):  # noqa: F811
    settings.STATE_DIR = tmp_path
    return make_version(snapshot)


@pytest.fixture
def network(stand_in, monkeypatch, tmp_path):  # noqa: F811
    """A script in the network's place; call it with what report is to print."""

    def says(said):
        path = tmp_path / "figures.json"
        path.write_text(json.dumps(said))
        monkeypatch.setenv("FIGURES", str(path))

    says(figures())
    return says
