"""`python -m model map` from embeddings or pictures to places, a plot and figures; and what it refuses."""

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image
from pyarrow import parquet
from sklearn.manifold import trustworthiness

from model.build import build_network
from model.checkpoint import Description, save_checkpoint
from model.embedding_files import write_embeddings
from model.network import NetworkConfig
from tests.model.test_cli import model

NAMES = [f"f{number:02}" for number in range(60)]


def vectors():
    """Six expressions with ten faces each."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(6, 16))
    return (np.repeat(centres, 10, axis=0) + 0.2 * rng.normal(size=(60, 16))).astype(np.float32)


@pytest.fixture
def embeddings(tmp_path):
    path = tmp_path / "embeddings.npz"
    write_embeddings(path, NAMES, vectors())
    return path


def mapped(*arguments):
    done = model("map", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_tsne_keeps_neighbours_and_says_so(embeddings, tmp_path):
    out = tmp_path / "map.csv"
    said = mapped("--embeddings", embeddings, "--output", out)
    rows = rows_of(out)
    assert [row["name"] for row in rows] == NAMES
    places = np.array([[row["x"], row["y"]] for row in rows], dtype=float)
    assert abs(places.mean()) < 1e-3
    assert said["trustworthiness"] == pytest.approx(
        trustworthiness(vectors(), places, n_neighbors=15), abs=1e-3
    )
    assert said["trustworthiness"] > 0.9
    assert said["continuity"] > 0.9
    assert (said["n"], said["of"], said["method"], said["measured_on"]) == (60, 60, "tsne", 60)
    # So few points have no 30 effective neighbours.
    assert said["settings"] == {"perplexity": 59 / 3, "seed": 0, "threads": 1}


def test_the_same_seed_gives_the_same_map_and_formats_agree(embeddings, tmp_path):
    options = ("--embeddings", embeddings, "--perplexity", "5", "--seed", "3")
    mapped(*options, "--output", tmp_path / "one.npz")
    mapped(*options, "--output", tmp_path / "two.parquet", "--events", "-")
    with np.load(tmp_path / "one.npz") as file:
        names, places = file["names"].tolist(), file["places"]
    table = parquet.read_table(tmp_path / "two.parquet")
    assert table["name"].to_pylist() == names == NAMES
    assert np.array_equal(np.stack([table["x"], table["y"]], axis=1), places)


def test_progress_comes_before_the_figures(embeddings, tmp_path):
    done = model("map", "--embeddings", embeddings, "--output", tmp_path / "map.csv", "--events", "-")
    *events, said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["stage"] for event in events if event["event"] == "stage"] == ["map"]
    steps = [event["step"] for event in events if event["event"] == "progress"]
    assert steps == sorted(steps)
    assert steps[-1] == 100
    assert said["n"] == 60


def test_of_more_points_a_sample_is_drawn(embeddings, tmp_path):
    out = tmp_path / "map.csv"
    said = mapped("--embeddings", embeddings, "--output", out, "--at-most", 20, "--seed", 1)
    assert (said["n"], said["of"]) == (20, 60)
    names = [row["name"] for row in rows_of(out)]
    assert len(set(names)) == 20
    assert names == sorted(names)


def test_a_plot_is_coloured_by_labels(embeddings, tmp_path):
    labels = tmp_path / "labels.csv"
    rows = "".join(f"{name},p{place % 7},e{place // 10}\n" for place, name in enumerate(NAMES[:-5]))
    labels.write_text("name,identity,expression\n" + rows)
    plot = tmp_path / "map.png"
    options = ("--embeddings", embeddings, "--output", tmp_path / "map.csv", "--plot", plot)
    mapped(*options, "--labels", labels)
    coloured = np.asarray(Image.open(plot).convert("RGB"))
    mapped(*options)
    plain = np.asarray(Image.open(plot).convert("RGB"))
    assert np.ptp(coloured.astype(int), axis=2).max() > 100
    assert np.ptp(plain.astype(int), axis=2).max() < 30


def test_pictures_are_embedded_first(tmp_path):
    torch.manual_seed(0)
    config = NetworkConfig(size=32)
    network = build_network(config)
    with torch.no_grad():
        for parameter in network.deviation.face.parameters():
            parameter.mul_(1 + 0.5 * torch.rand_like(parameter))
    save_checkpoint(tmp_path / "c", network, None, Description(config))
    rng = np.random.default_rng(0)
    (tmp_path / "pictures").mkdir()
    for number in range(8):
        pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{number}.png")
    out = tmp_path / "map.csv"
    options = ("--images", tmp_path / "pictures", "--output", out)
    said = mapped("--checkpoint", tmp_path / "c", *options, "--device", "cpu")
    assert said["n"] == 8
    assert [row["name"] for row in rows_of(out)] == [f"{number}.png" for number in range(8)]
    refused = model("map", *options)
    assert refused.returncode == 1
    assert "--checkpoint is missing" in refused.stderr


def test_what_can_not_be_laid_out_is_refused(tmp_path):
    same, few = tmp_path / "same.npz", tmp_path / "few.npz"
    write_embeddings(same, NAMES, np.ones((60, 16), dtype=np.float32))
    write_embeddings(few, NAMES[:3], vectors()[:3])
    for path, reason in ((same, "the training collapsed"), (few, "too few for a map")):
        done = model("map", "--embeddings", path, "--output", tmp_path / "map.csv")
        assert (done.returncode, reason in done.stderr) == (1, True)
    done = model("map", "--embeddings", few, "--output", tmp_path / "map.txt")
    assert "its suffix is none of" in done.stderr
    assert not list(tmp_path.glob("*map*"))


@pytest.mark.long
def test_umap_keeps_neighbours_too(embeddings, tmp_path):
    options = ("--embeddings", embeddings, "--method", "umap", "--neighbours", "10", "--seed", "2")
    said = mapped(*options, "--output", tmp_path / "one.csv")
    assert said["settings"] == {"neighbours": 10, "min_dist": 0.1, "seed": 2, "threads": 1}
    # Groups of ten have neighbours beyond themselves; by chance it would be about a half.
    assert said["trustworthiness"] > 0.75
    mapped(*options, "--output", tmp_path / "two.csv")
    assert (tmp_path / "one.csv").read_text() == (tmp_path / "two.csv").read_text()
