"""Embedding against the plain forward pass of both branches, and against forms that run the two as one."""

import copy
import statistics

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state
from torch.nn import functional

from model.backbone import SmallBackbone, to_input
from model.build import build_network
from model.checkpoint import Description
from model.inference import ON_CPU, Embedder, embed_pictures
from model.network import NetworkConfig
from model.pictures import Pictures

pytestmark = pytest.mark.benchmark

# Backbone, side in px, faces, rounds.
CASES = [("small", 64, 512, 21), ("facenet", 160, 16, 5)]


@pytest.fixture(params=CASES, ids=["small", "facenet"])
def case(request):
    """A network whose branches differ, its crops, and how often to measure."""
    name, size, faces, rounds = request.param
    torch.manual_seed(0)
    network = build_network(NetworkConfig(backbone=name, size=size)).eval().requires_grad_(False)
    for parameter in network.deviation.face.parameters():
        parameter.mul_(1 + 0.2 * torch.rand_like(parameter))
    crops = np.random.default_rng(0).integers(0, 256, (faces, size, size, 3), dtype=np.uint8)
    return network.to(memory_format=torch.channels_last), crops, rounds


def medians(forms, rounds, seconds):
    """Each form's median seconds; they take turns, so that what else the machine does falls on all."""
    took = {name: [] for name in forms}
    for _ in range(rounds + 1):
        for name, form in forms.items():
            with seconds() as one, torch.no_grad():
                form()
            took[name] += one
    return {name: statistics.median(times[1:]) for name, times in took.items()}


def test_embedding_keeps_the_rate_of_the_network(case, seconds, report):
    """Crops already decoded: as an array, and as pictures in parts."""
    network, crops, rounds = case
    embedder = Embedder(network, Description(network.config), torch.device("cpu"))
    batches = torch.from_numpy(crops).split(embedder.at_once)
    inputs = [to_input(batch.permute(0, 3, 1, 2)) for batch in batches]
    names = [str(number) for number in range(len(crops))]
    pictures = Pictures(names, str, lambda number, size: crops[number])
    forms = {
        "plain": lambda: [network(batch) for batch in inputs],
        "array": lambda: embedder.embed(crops),
        "parts": lambda: embed_pictures(embedder, pictures),
    }
    took = medians(forms, rounds, seconds)
    for name, time in took.items():
        report(
            f"{network.config.backbone} {network.config.size} px, {name}: {len(crops) / time:.1f} faces/s, "
            f"{took['plain'] / time:.2f} of the plain forward pass"
        )
    assert took["plain"] / took["array"] > 0.9
    assert took["plain"] / took["parts"] > 0.9


def test_both_branches_as_one(case, seconds, report):
    """Two calls, one of stacked weights (vmap), and, for `small`, one network of grouped convolutions."""
    network, crops, rounds = case
    face, identity = network.deviation.face, network.deviation.identity
    images = to_input(torch.from_numpy(crops[:ON_CPU]).permute(0, 3, 1, 2))
    forms = {"two calls": lambda: face(images) - identity(images), "vmap": stacked(face, identity, images)}
    if isinstance(face, SmallBackbone):
        forms["grouped convolutions"] = grouped(face, identity, images)
    for form in forms.values():
        assert torch.allclose(form(), forms["two calls"](), atol=1e-5)
    took = medians(forms, rounds, seconds)
    for name, time in took.items():
        report(
            f"{network.config.backbone} {network.config.size} px, {name}: {len(images) / time:.1f} faces/s, "
            f"{took['two calls'] / time:.2f} of two calls"
        )


def stacked(face: nn.Module, identity: nn.Module, images: Tensor):
    weights, buffers = stack_module_state([face, identity])
    shape = copy.deepcopy(face).to("meta")
    both = torch.func.vmap(lambda w, b, x: functional_call(shape, (w, b), (x,)), in_dims=(0, 0, None))

    def form() -> Tensor:
        vectors = both(weights, buffers, images)
        return vectors[0] - vectors[1]

    return form


def grouped(face: SmallBackbone, identity: SmallBackbone, images: Tensor):
    """Each layer's convolutions beside each other; what follows the convolutions stays two calls."""
    layers = []
    for place in range(0, len(face.trunk), 3):
        weight = torch.cat([branch.trunk[place].weight for branch in (face, identity)])
        norms = [branch.trunk[place + 1] for branch in (face, identity)]
        norm = nn.BatchNorm2d(len(weight)).eval().requires_grad_(False)
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(norm, name).copy_(torch.cat([getattr(one, name) for one in norms]))
        layers.append((weight, norm, 2 if place else 1))

    def form() -> Tensor:
        maps = images
        for weight, norm, groups in layers:
            maps = functional.conv2d(maps, weight, stride=2, padding=1, groups=groups)
            maps = functional.relu_(norm(maps))
        halves = maps.chunk(2, dim=1)
        own, other = (
            branch.last_bn(branch.last_linear(half.flatten(1)))
            for branch, half in zip((face, identity), halves, strict=True)
        )
        return own - other

    return form
