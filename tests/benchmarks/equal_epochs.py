"""Accuracy after equally many epochs: the training engine against the obvious loop, seed by seed; an hour.

    python -m tests.benchmarks.equal_epochs --epochs 2 --seeds 3

An epoch is as many triplets as there are: 1,300 steps of the obvious loop, two dozen of the engine.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from model.crops import load_crops
from model.events import Events
from model.identity import IdentityConfig, pretrain_identity
from model.snapshot import SPLITS, UNKNOWN, read_snapshot
from model.train_config import TrainConfig
from model.training import Trainer
from tests.benchmarks.test_training import CPU, SOURCE, accuracy, network_of, obvious, ours, sets
from tests.model import ictfec


def compare(folder: Path, epochs: int, seeds: int) -> None:
    whole = read_snapshot(ictfec.build(SOURCE, folder, tournaments=True))
    crops = load_crops(whole, 64)
    people = np.where(whole.faces.split == SPLITS["train"], whole.faces.identity, UNKNOWN)
    snapshot = dict(sets(whole))["FEC-like triplets"]
    for seed in range(seeds):
        with Events(silent=True) as events:
            learnt, _ = pretrain_identity(
                crops, people, "small", 64, IdentityConfig(epochs=3), seed, events, CPU
            )
        engine = Trainer(snapshot, crops, network_of(learnt), None, TrainConfig(), CPU)
        for name, train, steps in (
            ("obvious", obvious, -(-len(snapshot.triplets_of("train")) // 30)),
            ("ours", lambda s, n, **options: ours(s, crops, n, **options), engine.sampler.steps),
        ):
            network, began = network_of(learnt, seed), time.process_time()
            train(snapshot, network, steps=epochs * steps, seed=seed)
            took = time.process_time() - began
            share = 100 * accuracy(whole, crops, network)
            print(
                f"seed {seed}, {name}: {share:.1f} % after {epochs} x {steps} steps, {took:.0f} CPU s",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder) / "snapshot", given.epochs, given.seeds)


if __name__ == "__main__":
    main()
