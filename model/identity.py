"""Trains a backbone to tell labels apart: the identity branch where FaceNet's own weights are not used.

It sees labels only, no triplet; what a good identity vector is used for is dln.py's.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from model.augmentation import Augmentation, augment
from model.backbone import FEATURES, BackboneName, build_backbone, to_input
from model.crops import take
from model.events import Events
from model.optimisation import cosine_rate, parameter_groups
from model.snapshot import UNKNOWN

LEAST_PEOPLE = 2
LEAST_PICTURES = 2
# Cosines are multiplied by this before the softmax, else they cannot tell many people apart.
SCALE = 16.0


@dataclass(frozen=True)
class IdentityConfig:
    """How the identity backbone is trained: softmax over cosines to one vector a person."""

    epochs: int = 12
    faces_per_step: int = 64
    rate: float = 1e-3
    weight_decay: float = 0.05
    augmentation: Augmentation = field(default_factory=Augmentation)


@dataclass(frozen=True)
class IdentityReport:
    """People and faces learnt from, and how many faces the last epoch assigned to the right person."""

    people: int
    faces: int
    accuracy: float


def learnable(identity: np.ndarray) -> np.ndarray:
    """Indices of the faces whose person is known and has at least LEAST_PICTURES; empty if too few people."""
    known, pictures = np.unique(identity[identity != UNKNOWN], return_counts=True)
    people = known[pictures >= LEAST_PICTURES]
    if len(people) < LEAST_PEOPLE:
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(np.isin(identity, people))


def pretrain_identity(
    crops: np.ndarray,
    identity: np.ndarray,
    backbone: BackboneName,
    size: int,
    config: IdentityConfig,
    seed: int,
    events: Events,
    device: torch.device,
    half: bool = False,
) -> tuple[nn.Module, IdentityReport]:
    """A backbone that tells the people of `crops` (F, S, S, 3) uint8 apart by `identity` (F,).

    Only faces in `learnable(identity)` are used; the caller sees to it that there are some, and that
    held-out people are not among them. `half`: convolutions in bfloat16.
    """
    torch.manual_seed(seed)
    network = build_backbone(backbone, size)
    chosen = learnable(identity)
    people = len(np.unique(identity[chosen]))
    events.stage("identity", config.epochs * -(-len(chosen) // config.faces_per_step))
    accuracy = learn_labels(network, crops, identity, config, seed, events, device, half=half)
    return network.eval(), IdentityReport(people, len(chosen), accuracy)


def learn_labels(
    network: nn.Module,
    crops: np.ndarray,
    labels: np.ndarray,
    config: IdentityConfig,
    seed: int,
    events: Events,
    device: torch.device,
    *,
    stage: str = "identity",
    half: bool = False,
) -> float:
    """Train a backbone to tell the `learnable` faces of `crops` apart by their `labels` (F,).

    The share of them that the last epoch got right. The caller has begun the stage.
    """
    network.to(device).to(memory_format=torch.channels_last)
    chosen = learnable(labels)
    classes, numbered = np.unique(labels[chosen], return_inverse=True)
    head = nn.Linear(FEATURES, len(classes), bias=False).to(device)
    optimiser = torch.optim.AdamW(parameter_groups([network, head], config.weight_decay), lr=config.rate)
    per_epoch = -(-len(chosen) // config.faces_per_step)
    steps = config.epochs * per_epoch
    rng = np.random.default_rng(seed)
    right = 0
    for epoch in range(config.epochs):
        right, total = 0, 0.0
        for number, part in enumerate(np.array_split(rng.permutation(len(chosen)), per_epoch)):
            step = epoch * per_epoch + number
            for group in optimiser.param_groups:
                group["lr"] = cosine_rate(config.rate, step, steps)
            images = to_input(take(crops, chosen[part], device))
            images = augment(images, config.augmentation, mirrored=rng.random() < 0.5)
            loss, hits = _step(network, head, images, torch.from_numpy(numbered[part]).to(device), half)
            optimiser.step()
            right, total = right + hits, total + loss * len(part)
            events.progress(step + 1, len(part), loss, optimiser.param_groups[0]["lr"])
        figures = {"loss": total / len(chosen), "accuracy": right / len(chosen)}
        events.emit("epoch", stage=stage, epoch=epoch + 1, epochs=config.epochs, **figures)
    return right / len(chosen)


def _step(
    network: nn.Module, head: nn.Linear, images: Tensor, labels: Tensor, half: bool
) -> tuple[float, int]:
    """Gradients of one step; its loss and how many faces it had right."""
    network.train()
    network.zero_grad()
    head.zero_grad()
    with torch.autocast(images.device.type, torch.bfloat16, enabled=half):
        vectors = network(images)
    cosines = functional.linear(functional.normalize(vectors.float()), functional.normalize(head.weight))
    loss = functional.cross_entropy(SCALE * cosines, labels)
    loss.backward()
    return loss.item(), int((cosines.argmax(dim=1) == labels).sum())
