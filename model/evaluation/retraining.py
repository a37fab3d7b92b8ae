"""Retraining with a classification head (the paper's Table 4): the network learns expression labels.

A copy of the network in memory is trained and thrown away; its checkpoint stays as it is.
"""

import tempfile
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from model.augmentation import Augmentation, augment
from model.backbone import to_input
from model.crops import take
from model.errors import LabelsError
from model.evaluation.bootstrap import Bootstrap
from model.evaluation.faces import LabelledFaces
from model.evaluation.knn import recognition
from model.events import Events
from model.network import EmbeddingNetwork
from model.optimisation import cosine_rate, parameter_groups
from model.pictures import Pictures, decoded, readable
from model.snapshot import SPLITS, UNKNOWN

# Embeddings have length 1: times this their logits can be sure of something.
SCALE = 16.0
HELD_OUT = 0.2
LEAST_EPOCHS, MOST_EPOCHS, ENOUGH_STEPS = 10, 40, 1200
# Faces named at once; what a CPU has in hand should fit its caches.
AT_ONCE = 64


@dataclass(frozen=True)
class RetrainConfig:
    """Adam with decoupled weight decay, the rate along a cosine; all learns but the network's frozen part.

    `epochs` None: as many as ENOUGH_STEPS take, but LEAST_EPOCHS to MOST_EPOCHS.
    """

    epochs: int | None = None
    faces_per_step: int = 64
    rate: float = 1e-3
    weight_decay: float = 0.05
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)

    def epochs_of(self, faces: int) -> int:
        """How often so many faces are learnt from."""
        if self.epochs:
            return self.epochs
        per_epoch = -(-faces // self.faces_per_step)
        return min(MOST_EPOCHS, max(LEAST_EPOCHS, -(-ENOUGH_STEPS // per_epoch)))


def retrained(
    network: EmbeddingNetwork,
    faces: LabelledFaces,
    pictures: Pictures,
    measured: np.ndarray,
    config: RetrainConfig,
    bootstrap: Bootstrap,
    device: torch.device,
    events: Events,
) -> dict[str, Any]:
    """Recognition (knn.recognition) of held-out faces by the retrained network, `train_faces` and `epochs`.

    It learns from the labelled train faces that are not `measured`; where there are none a fifth of the
    measured people is held out, by the seed. Raises LabelsError if that leaves fewer than two expressions.
    """
    learn, test = learnt_and_held_out(faces, measured, config.seed)
    shown = faces.labels.expression
    codes = np.unique(shown[learn])
    if len(codes) < 2 or not len(test):
        raise LabelsError("--retrain: fewer than two expressions to learn, or no face to hold out")
    crops = _crops(
        pictures, [faces.labels.names[row] for row in (*learn, *test)], network.config.size, events
    )
    classifier = _Classifier(network, len(codes)).to(device)
    places = np.searchsorted(codes, shown[learn])
    _fit(classifier, crops[: len(learn)], places, config, device, events)
    named = codes[_named(classifier, crops[len(learn) :], device)]
    found = recognition(shown[test], named, faces.groups[test], bootstrap)
    return found | {"train_faces": len(learn), "epochs": config.epochs_of(len(learn))}


def learnt_and_held_out(
    faces: LabelledFaces, measured: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows to learn from and rows to measure, none of which share a person."""
    known = np.flatnonzero(faces.labels.expression != UNKNOWN)
    train = np.setdiff1d(known[faces.labels.split[known] == SPLITS["train"]], measured)
    test = np.intersect1d(measured, known)
    groups = faces.groups
    if len(train):
        return train[~np.isin(groups[train], groups[test])], test
    people = np.random.default_rng(seed).permutation(np.unique(groups[test]))
    held_out = np.isin(groups[test], people[: max(1, round(HELD_OUT * len(people)))])
    return test[~held_out], test[held_out]


class _Classifier(nn.Module):
    """The network with one linear layer on its embedding: images (N, 3, S, S) to logits (N, classes)."""

    def __init__(self, network: EmbeddingNetwork, classes: int) -> None:
        super().__init__()
        self.network = network
        self.head = nn.Linear(network.DIMENSIONS, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(SCALE * self.network(images).float())


def _crops(pictures: Pictures, names: list[str], size: int, events: Events) -> np.ndarray:
    """The crops (n, size, size, 3) of these names, in a file without a name: it goes with this process."""
    place = {name: number for number, name in enumerate(pictures.names)}
    order = [place[name] for name in names]
    chosen = replace(pictures, names=names, load=lambda row, size: pictures.load(order[row], size))
    with tempfile.TemporaryFile() as file:
        crops: np.ndarray = np.memmap(file, np.uint8, "w+", shape=(len(names), size, size, 3))
    events.stage("crops", len(names))
    with closing(decoded(chosen, size, chosen.parts())) as coming:
        for part, found in coming:
            crops[part.start : part.stop] = readable(found)
            events.progress(part.stop)
    return crops


def _fit(
    classifier: _Classifier,
    crops: np.ndarray,
    labels: np.ndarray,
    config: RetrainConfig,
    device: torch.device,
    events: Events,
) -> None:
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    optimiser = torch.optim.AdamW(parameter_groups([classifier], config.weight_decay), lr=config.rate)
    per_epoch = -(-len(labels) // config.faces_per_step)
    epochs = config.epochs_of(len(labels))
    steps = epochs * per_epoch
    targets = torch.from_numpy(labels.astype(np.int64)).to(device)
    events.stage("retrain", steps)
    classifier.train()
    for epoch in range(epochs):
        for number, part in enumerate(np.array_split(rng.permutation(len(labels)), per_epoch)):
            step = epoch * per_epoch + number
            rate = cosine_rate(config.rate, step, steps)
            for group in optimiser.param_groups:
                group["lr"] = rate
            images = to_input(take(crops, part, device))
            images = augment(images, config.augmentation, mirrored=rng.random() < 0.5)
            optimiser.zero_grad()
            loss = functional.cross_entropy(classifier(images), targets[part])
            loss.backward()
            optimiser.step()
            events.progress(step + 1, len(part), loss.item(), rate)


@torch.no_grad()
def _named(classifier: _Classifier, crops: np.ndarray, device: torch.device) -> np.ndarray:
    """(n,) the class that each crop is named."""
    classifier.eval()
    rows = np.arange(len(crops))
    pieces = [rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE)]
    found = [classifier(to_input(take(crops, piece, device))).argmax(dim=1).cpu() for piece in pieces]
    return np.asarray(torch.cat(found).numpy())
