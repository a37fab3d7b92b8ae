"""Manipulators that nobody trained, small ones, for tests in which a worker makes faces."""

from __future__ import annotations

from pathlib import Path

import torch

from annotate.training.models import Manipulator, ModelVersion
from model.inference import Embedder
from model.manipulation.files import About, save_manipulator
from model.manipulation.generator import Generator, GeneratorConfig
from tests.training.registry import make_manipulator

SIDE = 32


def make_real_manipulator(
    version: ModelVersion, runs: Path, *, held_out: tuple[str, ...] = ()
) -> Manipulator:
    """One that makes faces by this version's embedding: of what, nobody can say."""
    torch.manual_seed(0)
    manipulator = make_manipulator(version)
    config = GeneratorConfig(SIDE, 16, 16)
    digest = Embedder.load(runs / version.folder, "cpu").digest
    about = About(config, embedding={"digest": digest}, held_out=held_out)
    save_manipulator(runs / manipulator.folder, Generator(config), about)
    return manipulator
