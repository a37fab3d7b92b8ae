"""Embedding part by part gives the vectors of one by one, whatever is interrupted, changed or unreadable."""

import os
import threading
import time
from contextlib import closing

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model.backbone import to_input
from model.build import build_network
from model.checkpoint import Description, load_checkpoint, save_checkpoint
from model.embedding_files import KeptParts
from model.errors import ImagesError, SnapshotError
from model.inference import Embedder, embed_pictures, embed_snapshot
from model.network import NetworkConfig
from model.pictures import Pictures, decoded, pictures_in, pictures_of
from model.snapshot import read_snapshot

SIZE = 32
CPU = torch.device("cpu")


def network(seed):
    """Its branches differ, or all embeddings would be one."""
    torch.manual_seed(seed)
    network = build_network(NetworkConfig(size=SIZE))
    with torch.no_grad():
        for parameter in network.deviation.face.parameters():
            parameter.mul_(1 + 0.5 * torch.rand_like(parameter))
    return network


@pytest.fixture(scope="module")
def embedder():
    return Embedder(network(0), Description(NetworkConfig(size=SIZE)), CPU)


@pytest.fixture
def folder(tmp_path):
    """Ten pictures, in two folders."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    for number in range(10):
        name = f"{number}.png" if number < 6 else f"more/{number}.png"
        Image.fromarray(rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)).save(folder / name)
    return folder


def one_by_one(embedder, folder, names):
    vectors = []
    for name in names:
        crop = torch.from_numpy(np.asarray(Image.open(folder / name)).copy())
        with torch.no_grad():
            vectors.append(embedder._network(to_input(crop.permute(2, 0, 1)[None])).numpy())
    return np.concatenate(vectors)


def counted(pictures, loaded):
    """The same pictures; the numbers of those that are decoded are added to `loaded`."""

    def load(number, size):
        loaded.append(number)
        return pictures.load(number, size)

    return Pictures(pictures.names, pictures.stamp, load, pictures.threads)


def embed_and_count(embedder, folder, keep, **options):
    loaded = []
    found = embed_pictures(embedder, counted(pictures_in(folder), loaded), keep, part_length=3, **options)
    return found, sorted(loaded)


def test_parts_give_what_one_by_one_gives(embedder, folder):
    found = embed_pictures(embedder, pictures_in(folder), part_length=3)
    assert found.names == [*(f"{n}.png" for n in range(6)), *(f"more/{n}.png" for n in range(6, 10))]
    assert found.rejects == []
    assert np.allclose(found.embeddings, one_by_one(embedder, folder, found.names), atol=1e-5)
    assert np.abs(found.embeddings[0] - found.embeddings[1]).max() > 1e-3


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))), st.data())
def test_any_parts_and_any_unreadable(embedder, drawn_bad, data):
    count, bad = drawn_bad
    length = data.draw(st.integers(1, 5))
    crops = np.random.default_rng(count).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)

    def load(number, size):
        if number in bad:
            raise ImagesError(f"picture {number}")
        return crops[number]

    pictures = Pictures([str(number) for number in range(count)], str, load)
    good = [number for number in range(count) if number not in bad]
    if not good:
        with pytest.raises(ImagesError, match=f"none of {count} pictures can be read; the first: picture 0"):
            embed_pictures(embedder, pictures, skip_unreadable=True, part_length=length)
        return
    found = embed_pictures(embedder, pictures, skip_unreadable=True, part_length=length)
    assert found.names == [str(number) for number in good]
    assert found.rejects == [f"picture {number}" for number in sorted(bad)]
    assert np.allclose(found.embeddings, embedder.embed(crops[good]), atol=1e-5)
    if bad:
        with pytest.raises(ImagesError, match=f"^picture {min(bad)}$"):
            embed_pictures(embedder, pictures, part_length=length)


def test_an_interrupted_call_goes_on(embedder, folder, tmp_path):
    keep = KeptParts(tmp_path / "e.npz")
    pictures = pictures_in(folder)

    def interrupted(number, size):
        if number == 7:
            raise KeyboardInterrupt
        return pictures.load(number, size)

    with pytest.raises(KeyboardInterrupt):
        embed_pictures(embedder, Pictures(pictures.names, pictures.stamp, interrupted), keep, part_length=3)
    assert keep.folder == tmp_path / ".e.npz.parts"
    found, loaded = embed_and_count(embedder, folder, keep)
    assert loaded == [6, 7, 8, 9]
    assert np.array_equal(found.embeddings, embed_pictures(embedder, pictures, part_length=3).embeddings)
    assert embed_and_count(embedder, folder, keep)[1] == []
    keep.drop()
    assert not keep.folder.exists()


def test_what_changed_is_embedded_anew(embedder, folder, tmp_path):
    keep = KeptParts(tmp_path / "e.npz")
    before, _ = embed_and_count(embedder, folder, keep)
    Image.new("RGB", (SIZE, SIZE), "red").save(folder / "4.png")
    after, loaded = embed_and_count(embedder, folder, keep)
    assert loaded == [3, 4, 5]
    changed = np.abs(after.embeddings - before.embeddings).max(axis=1) > 1e-6
    assert changed.nonzero()[0].tolist() == [4]
    # Another network, and one that was read from a checkpoint of the same weights.
    other = Embedder(network(1), embedder.description, CPU)
    assert embed_and_count(other, folder, keep)[1] == list(range(10))
    save_checkpoint(tmp_path / "c", network(0), None, Description(NetworkConfig(size=SIZE)))
    again = Embedder(load_checkpoint(tmp_path / "c")[0], embedder.description, CPU)
    assert embed_and_count(again, folder, keep)[1] == []
    # A picture more moves the later ones to other parts.
    os.link(folder / "0.png", folder / "5b.png")
    assert embed_and_count(embedder, folder, keep)[1] == [6, 7, 8, 9, 10]


def test_parts_of_crops_are_not_those_of_photographs(embedder, folder):
    stamps = [pictures_in(folder, align=align).stamp(0) for align in (False, True)]
    assert stamps[0] != stamps[1]


@pytest.mark.parametrize("damage", [lambda data: data[:100], lambda data: b"", lambda data: b"x" * len(data)])
def test_a_damaged_part_is_embedded_anew(embedder, folder, tmp_path, damage):
    keep = KeptParts(tmp_path / "e.npz")
    before, _ = embed_and_count(embedder, folder, keep)
    part = min(keep.folder.iterdir())
    part.write_bytes(damage(part.read_bytes()))
    after, loaded = embed_and_count(embedder, folder, keep)
    assert len(loaded) in (1, 3)
    assert np.array_equal(after.embeddings, before.embeddings)


def test_an_unreadable_picture_says_what_is_kept(embedder, folder, tmp_path):
    (folder / "4.png").write_bytes(b"no picture")
    keep = KeptParts(tmp_path / "e.npz")
    with pytest.raises(ImagesError) as caught:
        embed_and_count(embedder, folder, keep)
    message = str(caught.value)
    assert message.startswith(f"{folder / '4.png'}: not a readable picture")
    assert f"3 pictures are embedded already and kept in {keep.folder}" in message
    assert "--skip-unreadable passes over it" in message
    found, loaded = embed_and_count(embedder, folder, keep, skip_unreadable=True)
    assert loaded == list(range(3, 10))
    assert "4.png" not in found.names
    assert len(found.names) == len(found.embeddings) == 9
    assert len(found.rejects) == 1
    assert found.rejects[0].startswith(f"{folder / '4.png'}: not a readable picture")
    # Kept as it was; but who does not skip is told again.
    again, loaded = embed_and_count(embedder, folder, keep, skip_unreadable=True)
    assert (again.names, again.rejects, loaded) == (found.names, found.rejects, [])
    with pytest.raises(ImagesError, match=r"4\.png"):
        embed_and_count(embedder, folder, keep)


def test_a_snapshots_faces(embedder, drawn, tmp_path):
    snapshot = read_snapshot(drawn)
    vectors = embed_snapshot(embedder, snapshot)
    assert vectors.shape == (120, 16)
    single = embedder.embed(pictures_of(snapshot).load(77, SIZE)[None])
    assert np.allclose(vectors[77], single[0], atol=1e-5)


def test_a_snapshots_crop_that_is_another(embedder, mixed_snapshot):
    Image.new("RGB", (64, 64), "red").save(mixed_snapshot / "crops" / "f4.jpg")
    with pytest.raises(SnapshotError, match=r"line 6: .*f4\.jpg is not the one that crop_sha256 promises$"):
        embed_snapshot(embedder, read_snapshot(mixed_snapshot))


def test_arrays_in_files_larger_than_memory(embedder, tmp_path):
    crops = np.random.default_rng(0).integers(0, 256, (100, SIZE, SIZE, 3), dtype=np.uint8)
    np.save(tmp_path / "crops.npy", crops)
    mapped = np.load(tmp_path / "crops.npy", mmap_mode="r")
    assert embedder.at_once < len(crops)
    assert np.allclose(embedder.embed(mapped), embedder.embed(crops), atol=1e-5)


def watched(loaded, busy=lambda number: None):
    def load(number, size):
        busy(number)
        loaded.append(number)
        return np.zeros((size, size, 3), dtype=np.uint8)

    return Pictures([str(number) for number in range(40)], str, load)


def test_the_next_part_is_decoded_meanwhile_and_no_more():
    loaded = []
    pictures = watched(loaded)
    with closing(decoded(pictures, SIZE, pictures.parts(8))) as parts:
        for number, (part, crops) in enumerate(parts):
            assert (part, len(crops)) == (range(8 * number, 8 * number + 8), 8)
            expected = set(range(min(40, 8 * number + 16)))
            deadline = time.monotonic() + 10
            while set(loaded) != expected and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(0.01)
            assert set(loaded) == expected


def test_who_stops_does_not_wait_for_the_rest():
    loaded, go = [], threading.Event()
    pictures = watched(loaded, lambda number: go.wait(10) if number >= 8 else None)
    parts = decoded(pictures, SIZE, pictures.parts(8))
    next(parts)
    threading.Timer(0.05, go.set).start()
    parts.close()
    assert len(loaded) <= 8 + pictures.threads
