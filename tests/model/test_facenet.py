"""FaceNet as a backbone, its weights found, missing or damaged. No test here downloads anything."""

import subprocess
import sys

import pytest
import torch

from model.backbone import build_backbone
from model.build import build_network
from model.errors import WeightsMissing
from model.facenet_weights import FILE_NAME, load_facenet_weights
from model.network import NetworkConfig


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No cache, no network; MODEL_WEIGHTS_DIR is an empty folder."""

    def no_network(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("model.facenet_weights.urlopen", no_network)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("MODEL_WEIGHTS_DIR", str(tmp_path / "weights"))
    (tmp_path / "weights").mkdir()
    return tmp_path


@pytest.fixture(scope="module")
def facenet():
    torch.manual_seed(0)
    return build_backbone("facenet", 80)


def as_downloaded(facenet):
    """The published file also has the classifier's weights."""
    return facenet.state_dict() | {"logits.weight": torch.zeros(8631, 512), "logits.bias": torch.zeros(8631)}


def test_missing_weights_say_which_file_goes_where(nowhere, facenet):
    with pytest.raises(WeightsMissing) as caught:
        load_facenet_weights(facenet)
    message = str(caught.value)
    assert "20180402-114759-vggface2.pt (107 MB" in message
    assert str(nowhere / "weights") in message
    assert "MODEL_WEIGHTS_DIR" in message
    assert "--backbone small" in message
    assert "\n" not in message


@pytest.mark.parametrize("place", ["weights", "cache/checkpoints"])
def test_weights_are_found(nowhere, facenet, place):
    (nowhere / place).mkdir(parents=True, exist_ok=True)
    torch.save(as_downloaded(facenet), nowhere / place / FILE_NAME)
    other = build_backbone("facenet", 80)
    load_facenet_weights(other)
    assert torch.equal(other.last_linear.weight, facenet.last_linear.weight)


def test_damaged_weights(nowhere, facenet):
    (nowhere / "weights" / FILE_NAME).write_bytes(b"<html>not found</html>")
    with pytest.raises(WeightsMissing, match=r"vggface2.pt is not a readable"):
        load_facenet_weights(facenet)


def test_it_gives_vectors_before_their_normalisation(facenet):
    vectors = facenet.eval()(torch.randn(2, 3, 80, 80))
    assert vectors.shape == (2, 512)
    assert (vectors.norm(dim=1) - 1).abs().min() > 0.01


def test_a_whole_network_on_facenet():
    network = build_network(NetworkConfig(backbone="facenet", size=80, normalize_vectors=True))
    images = torch.randn(2, 3, 80, 80)
    assert torch.count_nonzero(network.eval().deviation(images)) == 0
    network.train()(images).sum().backward()
    assert network.deviation.face.conv2d_1a.conv.weight.grad is not None
    assert network.deviation.identity.conv2d_1a.conv.weight.grad is None


def test_importing_the_package_loads_neither_torch_nor_facenet():
    heavy = "{'torch', 'facenet_pytorch'} & set(sys.modules)"
    code = f"import sys, model, model.alignment, model.cli; print({heavy})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
