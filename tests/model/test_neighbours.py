"""`neighbours`: what a computation by hand finds, from each place that faces may come from."""

import json
import shutil

import numpy as np
import pytest
import torch

from model.build import build_network
from model.checkpoint import Description, save_checkpoint
from model.cli import main
from model.network import NetworkConfig
from model.stored_embeddings import read_embeddings


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Nobody trained it; its branches differ, or all embeddings would be one."""
    torch.manual_seed(0)
    network = build_network(NetworkConfig(size=32))
    with torch.no_grad():
        for parameter in network.deviation.face.parameters():
            parameter.mul_(1 + 0.5 * torch.rand_like(parameter))
    folder = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(folder, network, None, Description(NetworkConfig(size=32)))
    return folder


@pytest.fixture
def images(drawn, tmp_path):
    """Six people of the drawn snapshot, two pictures each, as files of names of their own."""
    folder = tmp_path / "images"
    folder.mkdir()
    for person in range(6):
        for number in (0, 5):
            [crop] = (drawn / "crops").glob(f"p{person}-{number}.*")
            shutil.copy(crop, folder / f"p{person}-{number}{crop.suffix}")
    return folder


@pytest.fixture
def labels(images, tmp_path):
    rows = [f"{path.name},{path.stem[:2]},m{path.stem[3:]}" for path in sorted(images.iterdir())]
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(["image,identity,expression", *rows]) + "\n")
    return path


@pytest.fixture
def ask(checkpoint, capsys):
    """What the command prints: its JSON, and what it says beside it."""

    def ask(*arguments, status=0):
        capsys.readouterr()
        assert main(["neighbours", "--checkpoint", str(checkpoint), *map(str, arguments)]) == status
        said = capsys.readouterr()
        return (json.loads(said.out) if status == 0 else None), said.err

    return ask


def by_hand(images, checkpoint, tmp_path, query):
    stored = tmp_path / "stored.npz"
    assert (
        main(["embed", "--checkpoint", str(checkpoint), "--images", str(images), "--output", str(stored)])
        == 0
    )
    names, vectors = read_embeddings(stored)
    apart = np.linalg.norm(vectors - vectors[names.index(query)], axis=1)
    return stored, [names[row] for row in np.argsort(apart)], np.sort(apart)


def test_a_folder_a_file_and_the_naive_computation_agree(ask, images, labels, checkpoint, tmp_path):
    query = sorted(images.iterdir())[3]
    stored, names, apart = by_hand(images, checkpoint, tmp_path, query.name)
    for source in (["--images", images], ["--embeddings", stored]):
        said, _ = ask("--query", query, *source, "--labels", labels, "-n", 5)
        [answer] = said["queries"]
        assert [one["name"] for one in answer["neighbours"]] == names[1:6]
        assert [one["distance"] for one in answer["neighbours"]] == pytest.approx(apart[1:6], abs=1e-4)
        assert said["searched"] == 12
        for one in answer["neighbours"]:
            assert (one["identity"], f"{one['identity']}-{one['expression'][1:]}") == (
                one["name"][:2], one["name"].rpartition(".")[0],
            )  # fmt: skip


def test_other_people_only(ask, images, labels):
    queries = sorted(images.iterdir())[:4]
    said, warned = ask(
        "--query", *queries, "--images", images, "--labels", labels, "--other-identities", "-n", 50
    )
    assert [one["query"] for one in said["queries"]] == [str(path) for path in queries]
    for answer in said["queries"]:
        assert len(answer["neighbours"]) == 10
        assert answer["identity"] not in {one["identity"] for one in answer["neighbours"]}
    assert (said["notes"], warned.count("note:")) == ([], 0)
    stranger = images.parent / "stranger.jpg"
    shutil.copy(queries[0], stranger)
    said, warned = ask(
        "--query", stranger, "--images", images, "--labels", labels, "--other-identities", "-n", 50
    )
    assert len(said["queries"][0]["neighbours"]) == 12
    assert "nobody was left out" in said["notes"][0]
    assert "nobody was left out" in warned


def test_the_faces_of_a_snapshot(ask, drawn):
    crop = next((drawn / "crops").glob("p3-2.*"))
    said, _ = ask("--query", crop, "--snapshot", drawn, "--other-identities")
    [answer] = said["queries"]
    assert (answer["identity"], answer["expression"]) == ("p3", "m2")
    assert len(answer["neighbours"]) == 10
    assert all(one["identity"] != "p3" and one["expression"] for one in answer["neighbours"])


@pytest.mark.long
def test_with_align_a_query_without_a_face_is_a_mistake(ask, images):
    _, said = ask("--query", next(images.iterdir()), "--images", images, "--align", status=1)
    assert "no face found" in said


def test_mistakes_are_one_line(ask, images, tmp_path):
    some = next(images.iterdir())
    for arguments in (
        ["--query", tmp_path / "gone.jpg", "--images", images],
        ["--query", some, "--images", tmp_path / "nothing"],
        ["--query", some, "--embeddings", tmp_path / "gone.npz"],
    ):
        _, said = ask(*arguments, status=1)
        assert said.strip().splitlines()[-1].startswith("error: ")
