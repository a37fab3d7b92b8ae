"""FECNet: only its head learns, its embeddings have length 1, and it is saved and read back like the DLN."""

import dataclasses

import pytest
import torch

from model.backbone import SMALLEST_SIZE, build_backbone, feature_maps
from model.build import build_network
from model.checkpoint import Description, load_checkpoint, save_checkpoint
from model.fecnet import DenseBlock, FECNet
from model.network import EMBEDDING, NetworkConfig
from tests.model.test_training import QUICK, run

CONFIG = NetworkConfig(method="fecnet", size=32)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build_network(CONFIG)


def test_embeddings_have_length_one(network):
    embeddings = network.eval()(torch.randn(5, 3, 32, 32))
    assert embeddings.shape == (5, EMBEDDING)
    assert torch.allclose(embeddings.norm(dim=1), torch.ones(5))


def test_each_layer_of_the_dense_block_sees_all_maps_before_it():
    torch.manual_seed(0)
    block = DenseBlock(4, 3).eval()
    maps = torch.randn(2, 4, 5, 5)
    expected = [maps]
    for layer in block.layers:
        expected.append(layer(torch.cat(expected, dim=1)))
    assert torch.equal(block(maps), torch.cat(expected, dim=1))


@pytest.mark.parametrize(("backbone", "side"), [("small", 8), ("facenet", 8)])
def test_the_trunk_ends_where_maps_still_have_a_place(backbone, side):
    size = {"small": 64, "facenet": 160}[backbone]
    trunk, channels = feature_maps(build_backbone(backbone, size), backbone)
    with torch.no_grad():
        assert trunk.eval()(torch.zeros(1, 3, size, size)).shape == (1, channels, side, side)
    with torch.no_grad():
        trunk(torch.zeros(1, 3, SMALLEST_SIZE[backbone], SMALLEST_SIZE[backbone]))


def test_only_the_head_learns(network):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    network.train()
    (network(torch.randn(8, 3, 32, 32))[:, 0].sum()).backward()
    optimiser.step()
    after = network.state_dict()
    trunk = [name for name in before if name.startswith(FECNet.FROZEN)]
    assert trunk
    assert all(torch.equal(before[name], after[name]) for name in trunk)
    assert not torch.equal(before["head.0.weight"], after["head.0.weight"])


def test_round_trip(network, tmp_path):
    save_checkpoint(tmp_path, network, None, Description(CONFIG))
    again, crowd, description = load_checkpoint(tmp_path)
    images = torch.randn(4, 3, 32, 32)
    assert crowd is None
    assert description.network.method == "fecnet"
    assert torch.equal(network.eval()(images), again(images))


def test_it_learns_and_is_validated_as_the_dln_is(drawn, tmp_path):
    report = run(drawn, tmp_path / "out", dataclasses.replace(QUICK, method="fecnet", epochs=8, crowd=False))
    assert report["strong"]["accuracy"]["mean"] > 0.45
