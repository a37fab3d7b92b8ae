"""The exported file, run by ONNX Runtime, says what the network says, for any number of faces."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from model.backbone import to_input
from model.build import build_network
from model.checkpoint import Description, load_checkpoint, save_checkpoint
from model.cli import main
from model.network import NetworkConfig

SNAPSHOT = {"name": "drawn", "sha256": "5e" * 32}


def exported(folder, **config):
    """A checkpoint whose two branches differ, if it has two, and its export's path."""
    torch.manual_seed(0)
    network = build_network(NetworkConfig(**config))
    with torch.no_grad():
        for parameter in filter(lambda parameter: parameter.requires_grad, network.parameters()):
            parameter.mul_(1 + 0.2 * torch.rand_like(parameter))
        for module in network.modules():  # statistics of 0 and 1, as new ones are, would hide errors
            if isinstance(module, torch.nn.BatchNorm1d):
                module.running_mean.uniform_(-0.1, 0.1)
                module.running_var.uniform_(0.5, 2)
    save_checkpoint(
        folder / "checkpoint", network, None, Description(network.config, epoch=7, snapshot=SNAPSHOT)
    )
    output = folder / "network.onnx"
    status = main(["export-onnx", "--checkpoint", str(folder / "checkpoint"), "--output", str(output)])
    assert status == 0
    return folder / "checkpoint", output


def assert_same(checkpoint, output, size, batches=(1, 5)):
    network, _, _ = load_checkpoint(checkpoint)
    session = onnxruntime.InferenceSession(output, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    for batch in batches:
        light = np.linspace(1, 0.1, batch)[:, None, None, None]  # noise alone is all the same to FaceNet
        crops = (rng.integers(0, 256, (batch, 3, size, size)) * light).astype(np.uint8)
        with torch.no_grad():
            expected = network(to_input(torch.from_numpy(crops))).numpy()
        [found] = session.run(["embedding"], {"crops": crops})
        assert found.shape == (batch, 16)
        assert np.abs(expected).max() > 0.1
        assert np.abs(found - expected).max() < 1e-5
        assert batch == 1 or np.abs(found[0] - found[-1]).max() > 1e-3  # not one answer for every face


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return exported(tmp_path_factory.mktemp("small"), size=64)


def test_small(small):
    assert_same(*small, 64)


@pytest.mark.parametrize(
    "config", [{"normalize_vectors": True, "order": 5}, {"normalize_embedding": False}, {"method": "fecnet"}]
)
def test_other_builds(tmp_path, config):
    assert_same(*exported(tmp_path, size=32, **config), 32)


@pytest.mark.long
def test_facenet(tmp_path):
    assert_same(*exported(tmp_path, backbone="facenet", size=80), 80)


def test_it_says_where_it_comes_from(small):
    _, output = small
    properties = {entry.key: entry.value for entry in onnx.load(output).metadata_props}
    assert properties == {
        "method": "dln",
        "backbone": "small",
        "size": "64",
        "epoch": "7",
        "snapshot_name": "drawn",
        "snapshot_sha256": SNAPSHOT["sha256"],
    }


def test_one_file_and_nothing_else(small):
    checkpoint, output = small
    assert {path.name for path in output.parent.iterdir()} == {"checkpoint", "network.onnx"}
    assert output.stat().st_size > sum(path.stat().st_size for path in checkpoint.glob("*.safetensors")) * 0.9


def test_errors(tmp_path, small, capsys):
    checkpoint, _ = small
    for folder, output, message in (
        (tmp_path, tmp_path / "x.onnx", "is no checkpoint"),
        (checkpoint, tmp_path / "nowhere" / "x.onnx", f"{tmp_path / 'nowhere'}: no such folder"),
    ):
        assert main(["export-onnx", "--checkpoint", str(folder), "--output", str(output)]) == 1
        assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
