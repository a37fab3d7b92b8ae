"""A checkpoint rebuilds its network by itself, holds the frozen branch once, and is whole or refused."""

import json

import pytest
import torch
from safetensors import safe_open

from model.build import build_network
from model.checkpoint import Description, load_checkpoint, save_checkpoint
from model.crowd import CrowdLayer
from model.errors import CheckpointError
from model.network import NetworkConfig


@pytest.fixture
def trained():
    torch.manual_seed(0)
    config = NetworkConfig(size=32, order=4, normalize_vectors=True, normalize_embedding=False, dropout=0.1)
    network = build_network(config)
    with torch.no_grad():
        for parameter in network.deviation.face.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    crowd = CrowdLayer(["user:1", "fec:7"])
    crowd.maps.data.normal_()
    return network.eval(), crowd


def describe(network, crowd, epoch=3):
    return Description(
        network.config, crowd.annotators if crowd else (), epoch, {"rate": 0.1}, {"sha256": "f00"}, ("x",), {}
    )


def test_round_trip(trained, tmp_path):
    network, crowd = trained
    save_checkpoint(tmp_path / "c", network, crowd, describe(network, crowd))
    again, again_crowd, description = load_checkpoint(tmp_path / "c")
    images = torch.randn(5, 3, 32, 32)
    assert torch.equal(network(images), again(images))
    assert torch.equal(crowd.maps, again_crowd.maps)
    assert description == describe(network, crowd)
    assert not again.training


def test_without_crowd_layer(trained, tmp_path):
    network, _ = trained
    save_checkpoint(tmp_path, network, None, describe(network, None))
    assert load_checkpoint(tmp_path)[1] is None


def test_the_frozen_branch_is_saved_once(trained, tmp_path):
    network, crowd = trained
    for epoch in (1, 2, 3):
        save_checkpoint(tmp_path, network, crowd, describe(network, crowd, epoch))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.json",
        "identity.safetensors",
        "network-3.safetensors",
    ]
    names = []
    for path in tmp_path.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            names += [f"{path.stem}:{name}" for name in file.keys()]  # noqa: SIM118
    branches = [name for name in names if name.endswith("last_linear.weight")]
    assert sorted(branches) == [
        "identity:last_linear.weight",
        "network-3:deviation.face.last_linear.weight",
    ]


def test_a_crash_while_saving_leaves_the_old_checkpoint(trained, tmp_path, monkeypatch):
    network, crowd = trained
    save_checkpoint(tmp_path, network, crowd, describe(network, crowd, 1))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.high_order.last.weight.data.zero_()
    monkeypatch.setattr("model.checkpoint.replace_text", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        save_checkpoint(tmp_path, network, crowd, describe(network, crowd, 2))
    again, _, description = load_checkpoint(tmp_path)
    assert description.epoch == 1
    assert all(torch.equal(before[name], tensor) for name, tensor in again.state_dict().items())


def test_what_is_no_checkpoint(trained, tmp_path):
    network, crowd = trained
    with pytest.raises(CheckpointError, match=r"is no checkpoint: it has no config.json"):
        load_checkpoint(tmp_path)
    save_checkpoint(tmp_path, network, crowd, describe(network, crowd))
    config = json.loads((tmp_path / "config.json").read_text())

    def refused(match, **changes):
        (tmp_path / "config.json").write_text(json.dumps(config | changes))
        with pytest.raises(CheckpointError, match=match):
            load_checkpoint(tmp_path)

    refused("format 9", format=9)
    refused("not a checkpoint's description", network={"colour": 1})
    refused("do not fit", network=config["network"] | {"order": 2})
    refused("not readable", files=config["files"] | {"network": "network-9.safetensors"})
    (tmp_path / "config.json").write_text(json.dumps(config))
    weights = tmp_path / "network-3.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"network-3.safetensors: not readable"):
        load_checkpoint(tmp_path)
