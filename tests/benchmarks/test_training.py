"""How fast the network trains, against the obvious loop, and the loss against pytorch-metric-learning's.

The obvious loop: batches of 30 triplets, three forward passes through both branches, float32, pictures
decoded in the loop. Ratios within one run; the rendered development set must be beside the checkout.
"""

import dataclasses
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import TripletMarginLoss

from model.accuracy import report_of
from model.backbone import to_input
from model.build import build_network
from model.crops import load_crop, load_crops
from model.crowd import UNSEEN, CrowdLayer
from model.events import Events
from model.identity import IdentityConfig, pretrain_identity
from model.loss import MARGIN, Judgements, crowd_loss, triplet_loss
from model.network import NetworkConfig
from model.snapshot import SPLITS, UNKNOWN, Answers, read_snapshot
from model.train_config import TrainConfig
from model.training import Trainer
from tests.model import ictfec

SOURCE = Path(__file__).parents[3] / "shared" / "data" / "ictfec"
# Seconds that each way of training has for the accuracy after equal time.
EQUAL_TIME = 90
STEPS = 12
CPU = torch.device("cpu")

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.skipif(not SOURCE.exists(), reason="the ictfec data set is not beside this checkout"),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ictfec") / "snapshot"
    return read_snapshot(ictfec.build(SOURCE, folder, tournaments=True))


@pytest.fixture(scope="module")
def crops(whole):
    return load_crops(whole, 64)


@pytest.fixture(scope="module")
def identity(whole, crops):
    """An identity backbone of three epochs: both ways start from it."""
    people = np.where(whole.faces.split == SPLITS["train"], whole.faces.identity, UNKNOWN)
    with Events(silent=True) as events:
        return pretrain_identity(crops, people, "small", 64, IdentityConfig(epochs=3), 0, events, CPU)[0]


def only(snapshot, rows):
    """The snapshot with these triplets alone, and their answers."""
    table, answers = snapshot.triplets, snapshot.answers
    columns = {field.name: getattr(table, field.name)[rows] for field in dataclasses.fields(table)}
    counts = answers.start[rows + 1] - answers.start[rows]
    start = np.concatenate([[0], np.cumsum(counts)])
    kept = np.concatenate([np.arange(answers.start[row], answers.start[row + 1]) for row in rows])
    own = Answers(start, answers.annotator[kept], answers.odd[kept], answers.weight[kept], answers.annotators)
    return dataclasses.replace(snapshot, triplets=dataclasses.replace(table, **columns), answers=own)


def sets(whole):
    """Name, snapshot: tournament triplets, FEC-like ones, and these at FEC's density of 3.2 a face."""
    train, imported = whole.triplets_of("train"), whole.triplets.imported
    of_fec = train[imported[train]]
    faces = int((whole.faces.split == SPLITS["train"]).sum())
    sparse = np.random.default_rng(0).choice(of_fec, int(3.2 * faces), replace=False)
    yield "tournament triplets", only(whole, train[~imported[train]])
    yield "FEC-like triplets", only(whole, of_fec)
    yield "at 3.2 triplets a face", only(whole, np.sort(sparse))


def network_of(identity, seed=0):
    torch.manual_seed(seed)
    backbone = build_network(NetworkConfig()).deviation.identity
    backbone.load_state_dict(identity.state_dict())
    return build_network(NetworkConfig(), backbone)


def obvious(snapshot, network, seconds=None, steps=None, seed=0):
    """Triplets a second of the obvious loop; it trains `network` for so many steps or seconds."""
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    table, rows = snapshot.triplets, snapshot.triplets_of("train")
    network.train()
    began, done = time.monotonic(), 0
    while time.monotonic() - began < seconds if seconds else done < 30 * steps:
        chosen = rng.choice(rows, 30, replace=False)
        placed = []
        for place in range(3):
            pictures = np.stack([load_crop(snapshot, face, 64) for face in table.faces[chosen, place]])
            placed.append(network(to_input(torch.from_numpy(pictures).permute(0, 3, 1, 2))))
        both = torch.ones(30)
        weight = torch.from_numpy(table.weight[chosen])
        loss = (weight * triplet_loss(*placed, torch.full((30,), MARGIN), both, 5.0)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        done += 30
    return done / (time.monotonic() - began)


def ours(snapshot, crops, network, seconds=None, steps=None, seed=0):
    """Triplets a second of the training engine with its defaults; keeping V_id counts as training."""
    config = dataclasses.replace(TrainConfig(), schedule="constant", epochs=1000, seed=seed)
    began, done = time.monotonic(), 0
    trainer = Trainer(snapshot, crops, network, CrowdLayer(snapshot.answers.annotators), config, CPU)
    trainer.keep_features()
    rng = np.random.default_rng(0)
    typical = np.mean([len(batch.triplets) for batch in trainer.sampler.epoch(rng)])

    class Enough(Exception):
        pass

    def count(*_):
        nonlocal done
        done += 1
        if time.monotonic() - began > seconds if seconds else done == steps:
            raise Enough

    try:
        for epoch in range(config.epochs):
            trainer.epoch(epoch, count)
    except Enough:
        pass
    return typical * done / (time.monotonic() - began)


def accuracy(whole, crops, network):
    network.eval()
    faces = np.flatnonzero(whole.faces.split == SPLITS["val"])
    embeddings = np.zeros((len(crops), 16), dtype=np.float32)
    with torch.no_grad():
        embeddings[faces] = network(to_input(torch.from_numpy(crops[faces]).permute(0, 3, 1, 2))).numpy()
    rows = whole.triplets_of("val")
    return report_of(whole.triplets, embeddings, rows)["strong"]["accuracy"]["mean"]


def test_triplets_a_second(report, whole, crops, identity):
    for name, snapshot in sets(whole):
        slow = obvious(snapshot, network_of(identity), steps=STEPS)
        fast = ours(snapshot, crops, network_of(identity), steps=STEPS)
        report(
            f"{name}: {fast:.0f} triplets/s against {slow:.0f} of the obvious loop: {fast / slow:.1f} times"
        )


def test_accuracy_after_equal_time(report, whole, crops, identity):
    snapshot = dict(sets(whole))["FEC-like triplets"]
    reached = {}
    for name, train in (("obvious", obvious), ("ours", lambda s, n, seconds: ours(s, crops, n, seconds))):
        network = network_of(identity)
        train(snapshot, network, seconds=EQUAL_TIME)
        reached[name] = accuracy(whole, crops, network)
    figures = ", ".join(f"{name} {value:.3f}" for name, value in reached.items())
    report(f"strong val triplets ordered right after {EQUAL_TIME} s: {figures}")
    assert reached["ours"] > reached["obvious"]


def test_the_loss_against_pytorch_metric_learnings(report):
    """The same one-term hinge on squared distances of the same 2,560 triplets, and its gradient."""
    rng = np.random.default_rng(0)
    embeddings = torch.nn.functional.normalize(torch.randn(640, 16))
    a, p, n = torch.from_numpy(np.array([rng.choice(640, 3, replace=False) for _ in range(2560)])).T
    everyone = torch.ones(2560)
    said = Judgements(
        a,
        p,
        n,
        torch.full((2560,), UNSEEN),
        everyone,
        MARGIN * everyone,
        0 * everyone,
        torch.arange(2560),
        2560,
    )
    distance = LpDistance(normalize_embeddings=False, p=2, power=2)
    labels = torch.arange(640)

    def seconds(loss_of):
        taken = []
        for _ in range(60):
            leaf = embeddings.clone().requires_grad_()
            began = time.perf_counter()
            loss_of(leaf).backward()
            taken.append(time.perf_counter() - began)
        return float(np.median(taken))

    theirs = TripletMarginLoss(margin=MARGIN, distance=distance)
    own = seconds(lambda leaf: crowd_loss(leaf, said))
    other = seconds(lambda leaf: theirs(leaf, labels, indices_tuple=(a, p, n)))
    figures = f"{own * 1e3:.2f} ms, pytorch-metric-learning {other * 1e3:.2f} ms"
    report(f"loss and gradient: {figures}: {own / other:.2f}")
    assert own < other
