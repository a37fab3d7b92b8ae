"""A version as a file: it loads and embeds as the one on the server does, and takes no memory to send."""

import io
import json
import tracemalloc
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from django.conf import settings

from annotate.training import version_download
from annotate.training.models import ModelVersion
from annotate.training.shared_folders import BadCheckpoint, checkpoint_at_hand
from annotate.training.version_download import PIECE_BYTES, zipped
from annotate.training.versions import promote
from model.backbone import build_backbone
from model.build import build_network
from model.checkpoint import Description, load_checkpoint, save_checkpoint
from model.crops import decode
from model.inference import Embedder
from model.network import NetworkConfig
from tests.factories import draw_face
from tests.training.registry import make_version


@pytest.fixture
def version(snapshot):
    """With a real checkpoint, of random weights, and what a run leaves beside it."""
    version = make_version(snapshot)
    folder = Path(settings.RUNS_DIR) / version.folder
    (folder / "config.json").unlink()
    torch.manual_seed(1)
    config = NetworkConfig(size=32)
    network = build_network(config, build_backbone("small", 32))
    save_checkpoint(folder, network, None, Description(config, epoch=3))
    (folder / "state-3.pt").write_bytes(b"the optimiser's")
    return version


def downloaded(response):
    return zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))


def test_what_is_downloaded_embeds_as_the_version_does(version, curator, client_of, tmp_path):
    response = client_of(curator).get(f"/versions/{version.pk}/download")
    assert f'filename="semblance-version-{version.pk}.zip"' in response["Content-Disposition"]
    with downloaded(response) as file:
        assert file.testzip() is None
        root = f"semblance-version-{version.pk}"
        names = ["config.json", "identity.safetensors", "network-3.safetensors", "card.md"]
        assert file.namelist() == [f"{root}/{name}" for name in names]
        file.extractall(tmp_path)
    _, _, description = load_checkpoint(tmp_path / root)
    assert description.epoch == 3
    crops = decode(draw_face(0.5, 200), 32)[None]
    ours, theirs = (
        Embedder.load(folder, "cpu").embed(crops)
        for folder in (Path(settings.RUNS_DIR) / version.folder, tmp_path / root)
    )
    assert np.array_equal(ours, theirs)
    assert ours.shape == (1, 16)
    assert f"# Model version {version.pk}" in (tmp_path / root / "card.md").read_text()


def test_large_weights_take_no_memory(version):
    large = Path(settings.RUNS_DIR) / version.folder / "network-3.safetensors"
    with large.open("r+b") as file:
        file.truncate(64 << 20)
    list(zipped(version))
    tracemalloc.start()
    sizes = [len(piece) for piece in zipped(version)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(sizes) > 64 << 20
    assert max(sizes) < 2 * PIECE_BYTES
    assert peak < 16 << 20


def test_the_checkpoint_is_let_go_of_where_nobody_reads_on(version, curator, client_of, monkeypatch):
    held = []

    @contextmanager
    def at_hand(of):
        held.append(of)
        try:
            with checkpoint_at_hand(of) as folder:
                yield folder
        finally:
            held.remove(of)

    monkeypatch.setattr(version_download, "checkpoint_at_hand", at_hand)
    pieces = zipped(version)
    assert held == [version]
    pieces.close()
    assert held == []
    client_of(curator).head(f"/versions/{version.pk}/download").close()
    assert held == []


@pytest.mark.parametrize("harm", ["config.json", "identity.safetensors", "torn"])
def test_a_harmed_checkpoint_is_said_on_the_page(version, curator, client_of, harm):
    folder = Path(settings.RUNS_DIR) / version.folder
    if harm == "torn":
        (folder / "config.json").write_text('{"files":')
    else:
        (folder / harm).unlink()
    answer = client_of(curator).get(f"/versions/{version.pk}/download", follow=True)
    assert answer.redirect_chain
    assert "message-error" in answer.content.decode()


def test_names_in_the_configuration_lead_nowhere_else(version):
    config = Path(settings.RUNS_DIR) / version.folder / "config.json"
    values = json.loads(config.read_text())
    (config.parent.parent / "secret").write_text("s")
    values["files"]["identity"] = "../secret"
    config.write_text(json.dumps(values))
    with pytest.raises(BadCheckpoint, match="lacks"):
        zipped(version)


@pytest.mark.parametrize("path", ["card/", "card.md", "download"])
def test_who_may_take_it_away(version, annotator, curator, admin, client_of, path):
    for user, status in ((None, 302), (annotator, 403), (curator, 200), (admin, 200)):
        assert client_of(user).get(f"/versions/{version.pk}/{path}").status_code == status
    assert client_of(admin).get(f"/versions/{version.pk + 1}/{path}").status_code == 404


def test_the_card_as_a_page_and_as_a_file(version, curator, client_of):
    client = client_of(curator)
    page = client.get(f"/versions/{version.pk}/card/").content.decode()
    assert "<h2>Model version" in page
    assert "<table>" in page
    answer = client.get(f"/versions/{version.pk}/card.md")
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    assert answer.content.decode().startswith(f"# Model version {version.pk}\n")


def test_the_list_for_scripts(version, annotator, curator, client_of):
    child = make_version(version.run.snapshot, parent=version)
    client = client_of(curator)
    assert client.get("/api/versions").json()["active"] is None
    promote(child, None, "", version.created_at)
    answer = client.get("/api/versions").json()
    assert answer["active"] == child.pk
    first, second = answer["versions"]
    assert (first["id"], first["parent"], first["is_active"]) == (child.pk, version.pk, True)
    assert second["held_out"] == {"accuracy": 0.75, "triplets": 8}
    assert second["validation"] == {"accuracy": None, "triplets": 0}
    assert client.get(second["download"]).status_code == client.get(second["card"]).status_code == 200
    assert client_of(annotator).get("/api/versions").status_code == 403
    assert client_of(None).get("/api/versions").status_code in (401, 403)
    assert client.post("/api/versions").status_code == 405
    assert ModelVersion.objects.count() == 2
