"""Training: it starts, learns, leaves the frozen branch alone, and goes on where it was interrupted."""

import csv
import dataclasses

import numpy as np
import pytest
import torch

from model.augmentation import NONE
from model.build import build_network
from model.checkpoint import load_checkpoint
from model.cli import main
from model.crops import load_crops
from model.crowd import CrowdLayer
from model.errors import CheckpointError, TrainingError
from model.events import Events
from model.identity import IdentityConfig
from model.network import NetworkConfig
from model.preparation import Job, prepare
from model.proportions import also_in
from model.run import run_training
from model.sampler import BatchSampler
from model.snapshot import SPLITS, read_snapshot
from model.train_config import TrainConfig
from model.training import Trainer
from tests.model.conftest import drawn_snapshot

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
    return load_crops(snapshot, 32)


def trainer_of(snapshot, crops, crowd=True, team=None, **changes):
    torch.manual_seed(0)
    config = dataclasses.replace(QUICK, **changes)
    network = build_network(NetworkConfig(size=32, order=config.order, dropout=config.dropout))
    layer = CrowdLayer(snapshot.answers.annotators) if crowd else None
    trainer = Trainer(snapshot, crops, network, layer, config, torch.device("cpu"), team=team)
    trainer.keep_features()
    return trainer


def weights(folder):
    network, crowd, _ = load_checkpoint(folder)
    return network.state_dict() | {"crowd": crowd.views.detach()}


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


def test_epochs_follow_from_steps_where_none_are_given(snapshot, crops):
    per_epoch = trainer_of(snapshot, crops).sampler.steps
    assert trainer_of(snapshot, crops, epochs=3, steps=1000).epochs == 3
    assert trainer_of(snapshot, crops, epochs=None, steps=4 * per_epoch + 1).epochs == 5
    assert trainer_of(snapshot, crops, epochs=None).steps >= 2000


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
    assert kept == {"config.json", "identity.safetensors", "log.csv", "network-4.safetensors"}


def test_patience_ends_a_run_and_keeps_its_best(drawn, tmp_path, monkeypatch):
    accuracies = iter([0.5, 0.7, 0.6, 0.7, 0.9])
    validate = Trainer.validate

    def told(self):
        report = validate(self)
        report["strong"]["accuracy"]["mean"] = next(accuracies)
        return report

    monkeypatch.setattr(Trainer, "validate", told)
    report = run(drawn, tmp_path / "out", dataclasses.replace(QUICK, epochs=5, patience=2))
    assert report["strong"]["accuracy"]["mean"] == 0.7
    assert load_checkpoint(tmp_path / "out")[2].epoch == 2
    assert len((tmp_path / "out" / "log.csv").read_text().splitlines()) == 1 + 4


def test_every_epoch_is_a_row_of_the_log(drawn, tmp_path):
    report = run(drawn, tmp_path / "out", dataclasses.replace(QUICK, epochs=2))
    with (tmp_path / "out" / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["strong_mean"]) == pytest.approx(report["strong"]["accuracy"]["mean"], abs=1e-4)
    assert float(rows[1]["strong_one_class"]) == pytest.approx(
        report["strong"]["accuracy"]["ONE_CLASS_TRIPLET"], abs=1e-4
    )
    assert rows[1]["tournament"] == ""


def test_fine_tuning_goes_on_from_its_parent(drawn, tmp_path):
    first = dataclasses.replace(QUICK, epochs=6)
    before = run(drawn, tmp_path / "parent", first)
    still = dataclasses.replace(first, epochs=1, rate=1e-9, seed=5)
    after = run(drawn, tmp_path / "child", still, parent=tmp_path / "parent")
    assert abs(after["strong"]["accuracy"]["mean"] - before["strong"]["accuracy"]["mean"]) < 0.1
    old, new = weights(tmp_path / "parent"), weights(tmp_path / "child")
    assert torch.allclose(old["crowd"], new["crowd"], atol=1e-6)
    assert torch.equal(
        old["deviation.identity.last_linear.weight"], new["deviation.identity.last_linear.weight"]
    )
    assert torch.allclose(old["high_order.last.weight"], new["high_order.last.weight"], atol=1e-6)
    _, _, description = load_checkpoint(tmp_path / "child")
    assert description.parent == {"snapshot": description.snapshot, "epoch": 6}
    with pytest.raises(CheckpointError, match="is another network"):
        run(drawn, tmp_path / "other", dataclasses.replace(still, order=2), parent=tmp_path / "parent")


def test_the_command_fine_tunes_with_replay(drawn, tmp_path, monkeypatch):
    """Its network is the parent's without being told, and a quarter of each step is the parent's triplets."""
    run(drawn, tmp_path / "parent", dataclasses.replace(QUICK, epochs=1, order=2))
    earlier = drawn_snapshot(tmp_path / "earlier" / "snapshot", triplets=300)
    snapshot, batches = read_snapshot(drawn), []
    epoch = BatchSampler.epoch

    def watched(self, rng):
        for batch in epoch(self, rng):
            batches.append(batch)
            yield batch

    monkeypatch.setattr(BatchSampler, "epoch", watched)
    folders = ("--snapshot", drawn, "--output", tmp_path / "child", "--from", tmp_path / "parent")
    mixed = ("--earlier", earlier, "--replay", "0.25", "--epochs", "2", "--device", "cpu")
    steps = ("--faces-per-step", "60", "--triplets-per-step", "80", "--events", tmp_path / "events")
    assert main(["train", *map(str, (*folders, *mixed, *steps))]) == 0
    description = load_checkpoint(tmp_path / "child")[2]
    assert (description.network.order, description.network.size) == (2, 32)
    old = also_in(read_snapshot(earlier), snapshot, np.arange(len(snapshot.triplets.faces)))
    shares = [old[batch.triplets].mean() for batch in batches]
    assert len(shares) >= 4
    assert np.mean(shares) == pytest.approx(0.25, abs=0.04)


def test_a_pull_keeps_the_maps_near_the_identity(snapshot, crops):
    def bias(pull):
        trainer = trainer_of(snapshot, crops, crowd_pull=pull)
        for epoch in range(3):
            trainer.epoch(epoch)
        return trainer.crowd.bias().item()

    assert bias(10.0) < 0.2 * bias(0.0)


def test_the_decoded_crops_of_a_run_have_no_name(drawn, tmp_path, monkeypatch):
    names = []
    epoch = Trainer.epoch

    def looked(self, *rest):
        names.extend(path.name for path in tmp_path.rglob("*crops*"))
        return epoch(self, *rest)

    monkeypatch.setattr(Trainer, "epoch", looked)
    run(drawn, tmp_path / "out", dataclasses.replace(QUICK, epochs=1))
    assert names == []


def test_kept_crops_serve_other_runs_of_their_snapshot_alone(drawn, bare_snapshot, tmp_path):
    short, kept = dataclasses.replace(QUICK, epochs=1), tmp_path / "kept.npy"
    run(drawn, tmp_path / "a", short, crops=kept)
    written = kept.stat().st_mtime_ns
    run(drawn, tmp_path / "b", short, crops=kept)
    assert kept.stat().st_mtime_ns == written
    one, same = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert all(torch.equal(one[name], same[name]) for name in one)
    with pytest.raises(TrainingError, match="another snapshot"):
        run(bare_snapshot, tmp_path / "c", short, crops=kept)


def test_what_cannot_be_resumed_says_why(drawn, tmp_path):
    short = dataclasses.replace(QUICK, epochs=1)
    run(drawn, tmp_path / "out", short)
    with pytest.raises(CheckpointError, match="holds a checkpoint"):
        run(drawn, tmp_path / "out", short)
    with pytest.raises(CheckpointError, match="is finished"):
        run(drawn, tmp_path / "out", short, resume=True)
    with pytest.raises(CheckpointError, match=r"other settings \(order, rate\)"):
        run(drawn, tmp_path / "out", dataclasses.replace(short, order=2, rate=0.1), resume=True)
    with pytest.raises(CheckpointError, match="from another checkpoint"):
        run(drawn, tmp_path / "out", short, resume=True, parent=tmp_path / "out")


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
