"""How long somebody waits for made faces, at the default sizes (64 px): the first answer loads the networks,
the next ones find them in the worker's memory."""

import statistics
import time

import pytest
import torch

from annotate.insight.network import Networks
from annotate.training.models import Manipulator
from model.build import build_network
from model.checkpoint import Description, save_checkpoint
from model.inference import Embedder
from model.manipulation.files import About, save_manipulator
from model.manipulation.generator import Generator, GeneratorConfig
from model.network import NetworkConfig
from tests.factories import draw_face
from tests.training.conftest import dataset, folders, snapshot  # noqa: F401
from tests.training.registry import make_manipulator, make_version

pytestmark = pytest.mark.benchmark
ANSWERS = 9


@pytest.fixture
def manipulator(snapshot, settings) -> Manipulator:  # noqa: F811
    """One of default size that nobody trained: it takes as long."""
    torch.manual_seed(0)
    version = make_version(snapshot)
    folder = settings.RUNS_DIR / version.folder
    for path in folder.iterdir():
        path.unlink()
    config = NetworkConfig()
    save_checkpoint(folder, build_network(config), None, Description(config))
    made = make_manipulator(version)
    about = About(GeneratorConfig(), embedding={"digest": Embedder.load(folder, "cpu").digest})
    save_manipulator(settings.RUNS_DIR / made.folder, Generator(GeneratorConfig()), about)
    return made


def test_the_next_answer_is_quick(manipulator):
    networks, took = Networks(), []
    crops = [draw_face(place / 10 - 0.9, 100 + 6 * place) for place in range(20)]
    for place in range(ANSWERS + 1):
        began = time.perf_counter()
        networks.interpolation(manipulator, crops[place], crops[place + 5], 9)
        took.append(time.perf_counter() - began)
    began = time.perf_counter()
    networks.grid(manipulator, crops[:6], crops[6:14])
    grid = time.perf_counter() - began
    next_ones = statistics.median(took[1:])
    print(
        f"\nnine steps of one face: first answer {took[0]:.2f} s, then a median of {next_ones:.2f} s; "
        f"a grid of 6 x 8 {grid:.2f} s; {torch.get_num_threads()} threads"
    )
    assert next_ones < 5.0
