"""The frozen DLN as training asks it: what it finds, and gradients through both of its branches."""

import numpy as np
import pytest
import torch

from model.backbone import to_input
from model.crops import take
from model.inference import Embedder
from model.manipulation.guide import load_guide
from model.manipulation.trainer import ManipulationTrainer
from tests.model.manipulation.conftest import CPU, SIZE, tiny


@pytest.fixture(scope="module")
def guide(dln):
    return load_guide(dln, CPU)[0]


def test_it_finds_the_embeddings_of_the_checkpoint(guide, dln, faces, sights):
    embedder = Embedder.load(dln, "cpu")
    found = sights.embeddings.numpy()
    assert np.allclose(found[0], embedder.embed(faces[1]), atol=1e-4)
    assert np.allclose(found[1], embedder.embed(faces[1][:, :, ::-1]), atol=1e-4)
    larger = torch.rand(2, 3, 2 * SIZE, 2 * SIZE)
    assert guide(larger).embeddings.shape == (2, 16)


def test_its_gradient_passes_through_both_branches(dln, faces):
    """Against a finite difference: without the identity branch the slope would be another one."""
    exact = load_guide(dln, CPU)[0].double()
    images = to_input(take(faces[1], np.arange(3), CPU)).double()
    torch.manual_seed(0)
    way, weights = torch.randn_like(images), torch.randn(3, 16, dtype=torch.float64)

    def value(step):
        return (exact(images + step * way).embeddings * weights).sum()

    images.requires_grad_()
    value(0.0).backward()
    slope = (images.grad * way).sum()
    with torch.no_grad():
        plain = (value(1e-5) - value(-1e-5)) / 2e-5
    assert slope.item() == pytest.approx(plain.item(), rel=1e-4)


def test_training_does_not_thaw_it(guide):
    guide.train()
    assert not any(module.training for module in guide.network.modules())
    assert not any(parameter.requires_grad for parameter in guide.network.parameters())


def test_people_are_the_mean_of_their_train_pictures(sights, faces):
    who = faces[0].faces.identity
    people = sights.people(who, np.flatnonzero(who == 2))
    mean = sights.identities[who == 2].mean(dim=0)
    assert torch.allclose(people[2], mean / mean.norm(), atol=1e-6)
    assert people[3].abs().sum() == 0


def test_half_precision_trains_as_well(guide, faces, sights):
    training = ManipulationTrainer(*faces, sights, guide, tiny(precision="bf16", steps=1), CPU)
    result = training.epoch(0)
    assert np.isfinite([result.loss, *result.terms.values()]).all()
    assert training.average.to_whole.convolution.weight.dtype == torch.float32
