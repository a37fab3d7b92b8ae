"""A version that can embed, and a manipulator that its embedding guides; neither was trained."""

import pytest

from tests.insight.manipulation.generators import make_real_manipulator
from tests.insight.queries.conftest import client_of, dataset, folders, send, version  # noqa: F401


@pytest.fixture
def manipulator(version, settings):  # noqa: F811
    """It held out two of the six people."""
    return make_real_manipulator(version, settings.RUNS_DIR, held_out=("p4", "p5"))


@pytest.fixture
def face(dataset):  # noqa: F811
    """Finds a face of the data set by its name."""
    return lambda name: dataset.faces.get(key=f"{dataset.name}:{name}")
