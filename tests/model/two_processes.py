"""Trains two epochs as one process or, under torchrun, as one of several; the first writes the weights.

python -m tests.model.two_processes SNAPSHOT OUTPUT.npz. Dropout is off and the backbone's batch norms are in
eval mode, so that the number of processes must not matter; in float64, so that rounding cannot grow.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from model.crops import load_crops
from model.processes import Team
from model.snapshot import read_snapshot
from tests.model.test_training import trainer_of


def main(folder: Path, output: Path) -> None:
    torch.set_num_threads(1)
    team = Team.of_environment()
    snapshot = read_snapshot(folder)
    # Plain SGD: AdamW makes whole steps of gradients that are rounding errors alone.
    settings = {
        "dropout": 0.0,
        "faces_per_step": 41,
        "optimiser": "sgd",
        "rate": 0.01,
        "precision": "float32",
    }
    trainer = trainer_of(snapshot, load_crops(snapshot, 32), team=team, **settings)
    network = trainer.network.double()
    trainer.crowd.double()
    vectors = network.vectors
    network.vectors = lambda images, kept: vectors(images.double(), kept.double())
    face = network.deviation.face.eval()
    # Two branches that are alike in eval mode would leave nothing to train on.
    torch.nn.init.normal_(face.last_linear.weight, std=0.1)
    face.train = lambda mode=True: face
    losses: list[float] = []
    for epoch in range(2):
        trainer.epoch(epoch, lambda step, images, loss, rate: losses.append(loss))
    if team.rank == 0:
        state = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
        np.savez(output, losses=losses, maps=trainer.crowd.maps.detach().numpy(), **state)
    team.leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
