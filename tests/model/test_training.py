"""Training: it starts, learns, leaves the frozen branch alone, and goes on where it was interrupted."""

import dataclasses

import numpy as np
import pytest
import torch

from model.augmentation import NONE
from model.checkpoint import load_checkpoint
from model.crops import load_crops
from model.crowd import CrowdLayer
from model.errors import CheckpointError, TrainingError
from model.events import Events
from model.identity import IdentityConfig
from model.network import NetworkConfig, build_network
from model.run import Job, prepare, run_training
from model.snapshot import SPLITS, read_snapshot
from model.training import TrainConfig, Trainer

QUICK = TrainConfig(
    size=32,
    epochs=4,
    faces_per_step=40,
    triplets_per_step=60,
    augmentation=NONE,
    identity=IdentityConfig(epochs=2, augmentation=NONE),
)


@pytest.fixture(scope="module")
def snapshot(drawn):
    return read_snapshot(drawn)


@pytest.fixture(scope="module")
def crops(snapshot):
    return torch.from_numpy(load_crops(snapshot, 32)).permute(0, 3, 1, 2)


def trainer_of(snapshot, crops, crowd=True, **changes):
    torch.manual_seed(0)
    config = dataclasses.replace(QUICK, **changes)
    network = build_network(NetworkConfig(size=32, order=config.order, dropout=config.dropout))
    layer = CrowdLayer(snapshot.answers.annotators) if crowd else None
    trainer = Trainer(snapshot, crops, network, layer, config)
    trainer.keep_identity_vectors()
    return trainer


def weights(folder):
    network, crowd, _ = load_checkpoint(folder)
    return network.state_dict() | {"crowd": crowd.maps.detach()}


def run(snapshot, output, config=QUICK, **settings):
    job = Job(snapshot=snapshot, output=output, config=config, device="cpu", **settings)
    with Events(output.with_suffix(".events")) as events:
        return run_training(job, events)


@pytest.mark.parametrize("crowd", [True, False])
@pytest.mark.parametrize("sharpness", [None, 5.0])
def test_loss_falls_from_the_first_epoch(snapshot, crops, crowd, sharpness):
    trainer = trainer_of(snapshot, crops, crowd, sharpness=sharpness, epochs=4)
    losses = [trainer.epoch(epoch).loss for epoch in range(3)]
    assert losses[1] < losses[0]
    assert losses[2] < losses[0]


def test_training_starts_though_every_deviation_is_zero(snapshot, crops):
    trainer = trainer_of(snapshot, crops)
    before = trainer.validate()
    assert before["strong"]["accuracy"]["mean"] == 0  # all embeddings equal: all ties, and ties are wrong
    trainer.epoch(0)
    assert trainer.validate()["strong"]["accuracy"]["mean"] > 0


def test_the_frozen_branch_is_bit_identical_after_training(snapshot, crops):
    trainer = trainer_of(snapshot, crops, identity_vectors="augmented")
    identity = trainer.network.deviation.identity
    before = {name: tensor.clone() for name, tensor in identity.state_dict().items()}
    trainer.epoch(0)
    trainer.epoch(1)
    assert all(torch.equal(before[name], tensor) for name, tensor in identity.state_dict().items())


def test_it_can_learn_a_handful_of_triplets_by_heart(snapshot, crops):
    few = dataclasses.replace(snapshot.triplets, faces=snapshot.triplets.faces.copy())
    split = np.full_like(snapshot.faces.split, SPLITS["val"])
    split[few.faces[snapshot.triplets_of("train")[:12]]] = SPLITS["train"]
    small = dataclasses.replace(snapshot, faces=dataclasses.replace(snapshot.faces, split=split))
    trainer = trainer_of(small, crops, epochs=40, dropout=0.0)
    trainer.epoch(0)
    accuracies = [trainer.epoch(epoch).train_accuracy for epoch in range(1, 40)]
    assert np.mean(accuracies[-3:]) > 0.95


def test_it_generalises_to_new_people(drawn, tmp_path):
    report = run(drawn, tmp_path / "out", dataclasses.replace(QUICK, epochs=8))
    assert report["strong"]["accuracy"]["mean"] > 0.7


def test_the_same_seed_gives_the_same_weights_and_another_does_not(drawn, tmp_path):
    short = dataclasses.replace(QUICK, epochs=1)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(drawn, tmp_path / name, dataclasses.replace(short, seed=seed))
    one, same, other = (weights(tmp_path / name) for name in "abc")
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(drawn, tmp_path, monkeypatch, optimiser):
    config = dataclasses.replace(QUICK, optimiser=optimiser)
    run(drawn, tmp_path / "whole", config)
    whole_epoch = Trainer.epoch

    def interrupted(self, epoch, progress=None):
        if epoch == 2:
            raise KeyboardInterrupt
        return whole_epoch(self, epoch, progress)

    monkeypatch.setattr(Trainer, "epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(drawn, tmp_path / "halved", config)
    monkeypatch.undo()
    assert (tmp_path / "halved" / "resume.json").exists()
    run(drawn, tmp_path / "halved", config, resume=True)
    whole, halved = weights(tmp_path / "whole"), weights(tmp_path / "halved")
    assert all(torch.equal(whole[name], halved[name]) for name in whole)
    kept = {path.name for path in (tmp_path / "halved").iterdir()}
    assert kept == {"config.json", "identity.safetensors", "network-4.safetensors"}


def test_what_cannot_be_resumed_says_why(drawn, tmp_path):
    short = dataclasses.replace(QUICK, epochs=1)
    run(drawn, tmp_path / "out", short)
    with pytest.raises(CheckpointError, match="holds a checkpoint"):
        run(drawn, tmp_path / "out", short)
    with pytest.raises(CheckpointError, match="is finished"):
        run(drawn, tmp_path / "out", short, resume=True)
    with pytest.raises(CheckpointError, match=r"other settings \(order, rate\)"):
        run(drawn, tmp_path / "out", dataclasses.replace(short, order=2, rate=0.1), resume=True)


def test_without_val_faces_identities_are_held_out(drawn_without_val, tmp_path):
    snapshot = read_snapshot(drawn_without_val)
    split, held_out, notes = prepare(snapshot, QUICK)
    assert len(held_out) == 4
    assert notes == ["no val faces: 4 of 20 identities are held out"]
    people = np.array(snapshot.faces.identities)[snapshot.faces.identity]
    assert set(people[split.faces.split == SPLITS["val"]]) == set(held_out)
    run(drawn_without_val, tmp_path / "out", dataclasses.replace(QUICK, epochs=1))
    _, _, description = load_checkpoint(tmp_path / "out")
    assert description.held_out == held_out


def test_without_identities_or_answers_it_trains_all_the_same(bare_snapshot, tmp_path):
    run(bare_snapshot, tmp_path / "out", dataclasses.replace(QUICK, epochs=1))
    _, crowd, _ = load_checkpoint(tmp_path / "out")
    assert crowd is None
    events = (tmp_path / "out.events").read_text()
    assert "accuracy is not measured" in events
    assert "the identity branch stays untrained" in events


def test_no_triplet_to_train_on(snapshot, crops):
    none = dataclasses.replace(
        snapshot, faces=dataclasses.replace(snapshot.faces, split=np.ones_like(snapshot.faces.split))
    )
    with pytest.raises(TrainingError, match="no triplet has all its faces in the train split"):
        trainer_of(none, crops)


def test_a_loss_that_is_no_number_ends_the_run(snapshot, crops):
    trainer = trainer_of(snapshot, crops)
    trainer.network.high_order.last.weight.data.fill_(float("nan"))
    with pytest.raises(TrainingError, match="the loss is nan at step 1"):
        trainer.epoch(0)
