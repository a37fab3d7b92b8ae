"""Each term of the losses by itself: where it is 0, what it tolerates, what its gradient reaches."""

import numpy as np
import pytest
import torch

from model.manipulation import losses
from model.manipulation.config import Weights
from model.manipulation.discriminator import Discriminator
from model.manipulation.generator import Generator, GeneratorConfig
from model.manipulation.guide import load_guide
from model.manipulation.trainer import ManipulationTrainer
from tests.model.manipulation.conftest import CPU, tiny

TERMS = ("adversarial", "embedding", "reading", "identity", "itself", "pair", "keep")


def only(term):
    return Weights(**{name: float(name == term) for name in TERMS})


def trainer(faces, sights, dln, **settings):
    guide, _ = load_guide(dln, CPU)
    return ManipulationTrainer(*faces, sights, guide, tiny(**settings), CPU)


@pytest.mark.parametrize("term", TERMS)
def test_each_term_teaches_the_generator_and_nothing_else(faces, sights, dln, term):
    training = trainer(faces, sights, dln, weights=only(term))
    guide = {name: tensor.clone() for name, tensor in training.guide.state_dict().items()}
    discriminator = {name: t.clone() for name, t in training.discriminator.state_dict().items()}
    drawn = next(training._draw(0))
    sources, targets = ((crops.float() - 127.5) / 128 for crops in (drawn.sources, drawn.targets))
    for group in training.optimisers[0].param_groups:
        group["lr"] = 1e-3
    _, terms = training._teach_generator(drawn, sources, targets)
    assert terms["loss"].item() == pytest.approx(terms[term].item())
    reached = [p.grad is not None and bool(p.grad.abs().sum() > 0) for p in training.generator.parameters()]
    # A new flow field is 0 whatever the layers under it do, and so is what they are told of it.
    assert all(reached), f"{reached.count(False)} parameters learn nothing from {term}"
    assert all(p.grad is None for p in training.discriminator.parameters())
    assert all(torch.equal(t, discriminator[n]) for n, t in training.discriminator.state_dict().items())
    assert all(torch.equal(t, guide[n]) for n, t in training.guide.state_dict().items())
    assert all(p.grad is None for p in training.guide.parameters())


def test_the_discriminator_learns_from_what_was_made_without_teaching_the_generator(faces, sights, dln):
    training = trainer(faces, sights, dln)
    before = {name: t.clone() for name, t in training.generator.state_dict().items()}
    drawn = next(training._draw(0))
    sources = (drawn.sources.float() - 127.5) / 128
    for group in training.optimisers[1].param_groups:
        group["lr"] = 1e-3
    first = training._teach_discriminator(drawn, sources, sources.flip(2))
    for _ in range(15):
        last = training._teach_discriminator(drawn, sources, sources.flip(2))
    assert last["discriminator"] < first["discriminator"]
    assert last["reader"] < first["reader"]
    assert all(torch.equal(t, before[name]) for name, t in training.generator.state_dict().items())


def test_embedding_loss_is_two_for_two_at_random():
    one, other = torch.randn(2, 4000, 16, generator=torch.Generator().manual_seed(0))
    assert losses.embedding_loss(one, one) == 0
    assert losses.embedding_loss(one, other) == pytest.approx(2, abs=0.05)


def test_identity_loss_asks_for_the_direction():
    people = torch.eye(3, 8)
    assert losses.identity_loss(5 * people, people) == pytest.approx(0, abs=1e-6)
    assert losses.identity_loss(people.roll(1, 0), people) == pytest.approx(1)


def test_pair_loss_tolerates_another_place_nearby_and_another_light():
    real = torch.randn(2, 32, 8, 8, generator=torch.Generator().manual_seed(0))
    assert losses.pair_loss(real, real) == pytest.approx(0, abs=1e-5)
    assert losses.pair_loss(3 * real, real) == pytest.approx(0, abs=1e-5)
    moved = losses.pair_loss(real.roll((1, -1), (2, 3)), real)
    assert moved < 0.35, "only the border has lost its like"
    assert losses.pair_loss(real.roll(3, 3), real) > 2 * moved


def test_pair_loss_equals_a_plain_search():
    made, real = torch.randn(2, 2, 6, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = []
    for n, y, x in np.ndindex(2, 4, 4):
        near = [
            torch.cosine_similarity(made[n, :, v, u], real[n, :, y, x], dim=0).item()
            for v in range(max(0, y - 1), min(4, y + 2))
            for u in range(max(0, x - 1), min(4, x + 2))
        ]
        # Beyond the border there is nothing, which is like nothing: a likeness of 0.
        edge = y in (0, 3) or x in (0, 3)
        found.append(1 - max([*near, 0.0] if edge else near))
    assert losses.pair_loss(made, real).item() == pytest.approx(np.mean(found))


def test_the_discriminator_counts_a_real_face_of_another_expression_as_wrong():
    torch.manual_seed(0)
    network = Discriminator(GeneratorConfig(size=32, width=16))
    faces, own, wanted = torch.randn(4, 3, 32, 32), torch.randn(4, 16), torch.randn(4, 16)
    loss = losses.discriminator_loss(network(faces, own), network(faces, own), network(faces, wanted))
    loss.backward()
    assert network.small.project.weight.grad.abs().sum() > 0
    assert network.read.weight.grad is None, "reading is taught by its own loss"


def test_a_new_generator_gives_the_source_back():
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(size=32, width=16))
    faces, wanted = torch.rand(4, 3, 32, 32) * 2 - 1, torch.randn(4, 16)
    made = generator(faces, wanted)
    assert made.shape == faces.shape
    assert (made - faces).abs().mean() < 0.15
    assert made.abs().max() <= 1
