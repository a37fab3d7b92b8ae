"""Deviation and high-order module: eq. 1 and 2 against plain loops, and a frozen branch that stays."""

import numpy as np
import pytest
import torch
from torch import nn

from model.build import build_network
from model.dln import Deviation, HighOrder
from model.network import EMBEDDING, NetworkConfig
from tests.model.naive import high_order


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build_network(NetworkConfig(size=32))


def images(count, seed=0):
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("normalize_embedding", [True, False])
def test_high_order_equals_a_plain_loop(order, training, normalize_embedding):
    torch.manual_seed(order)
    module = HighOrder(order, normalize_embedding=normalize_embedding).double().train(training)
    for norm in [*module.norms, *([module.placed.norm] if normalize_embedding else [])]:
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    deviations = torch.randn(7, 512, dtype=torch.float64)
    expected = high_order(module, deviations.numpy(), training)
    assert np.abs(module(deviations).detach().numpy() - expected).max() < 1e-10


@pytest.mark.parametrize("normalize", [True, False])
def test_deviation_is_face_minus_identity(normalize):
    torch.manual_seed(0)
    face, identity = nn.Linear(4, 5).double(), nn.Linear(4, 5).double()
    deviation = Deviation(face, identity, normalize=normalize)
    pictures = torch.randn(3, 4, dtype=torch.float64)
    for picture, found in zip(pictures, deviation(pictures), strict=True):
        vectors = [(m.weight @ picture + m.bias).detach().numpy() for m in (face, identity)]
        if normalize:
            vectors = [vector / np.sqrt((vector**2).sum()) for vector in vectors]
        assert np.abs(vectors[0] - vectors[1] - found.detach().numpy()).max() < 1e-10


def test_known_identity_vectors_change_nothing(network):
    network.eval()
    pictures = images(4)
    torch.nn.init.normal_(network.deviation.face.last_linear.weight)
    known = network.deviation.identity_vectors(pictures)
    assert torch.equal(network(pictures), network(pictures, known))


def test_gradients_of_the_high_order_module():
    torch.manual_seed(0)
    module = HighOrder(3).double()
    deviations = torch.randn(4, 512, dtype=torch.float64)[:, :].requires_grad_()
    narrow = deviations[:, :6].detach().requires_grad_()

    def forward(part):
        return module(torch.cat([part, deviations[:, 6:].detach()], dim=1))

    assert torch.autograd.gradcheck(forward, (narrow,))


@pytest.mark.parametrize("order", [0, 6, -1])
def test_orders_beyond_five_are_refused(order):
    with pytest.raises(ValueError, match="1 to 5"):
        HighOrder(order)


def test_a_new_network_has_no_deviation_in_eval_mode(network):
    network.eval()
    deviations = network.deviation(images(6))
    assert torch.equal(deviations, torch.zeros_like(deviations))
    embeddings = network(images(6))
    assert torch.allclose(embeddings, embeddings[:1].expand_as(embeddings), atol=1e-6)


def test_a_new_network_has_a_deviation_in_train_mode(network):
    network.train()
    assert network.deviation(images(6)).abs().max() > 0.01
    assert network(images(6)).std(dim=0).min() > 0.01


@pytest.mark.parametrize("training", [True, False])
def test_a_batch_without_deviation_gives_finite_values_and_gradients(training):
    module = HighOrder(5, normalize_embedding=True).train(training)
    deviations = torch.zeros(8, 512, requires_grad=True)
    embeddings = module(deviations)
    embeddings.square().sum().backward()
    assert embeddings.shape == (8, EMBEDDING)
    assert torch.isfinite(embeddings).all()
    assert torch.isfinite(deviations.grad).all()
    for norm in module.norms:
        assert torch.isfinite(norm.running_var).all()


def test_train_keeps_the_identity_branch_in_eval_mode(network):
    for mode in (True, False, True):
        network.train(mode)
        assert not any(module.training for module in network.deviation.identity.modules())
        assert network.deviation.face.training is mode


def test_identity_branch_takes_no_gradient_and_does_not_move(network):
    before = {name: tensor.clone() for name, tensor in network.deviation.identity.state_dict().items()}
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    network.train()
    for step in range(100):
        loss = network(images(8, step)).square().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    after = network.deviation.identity.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not torch.equal(network.deviation.face.last_linear.weight, after["last_linear.weight"])


def test_size_below_what_the_backbone_can_take():
    with pytest.raises(ValueError, match="at least 75 px"):
        build_network(NetworkConfig(backbone="facenet", size=64))
