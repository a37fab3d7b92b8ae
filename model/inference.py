"""Embeds faces with a trained network: crops in, 16-d vectors out. The crowd layer plays no part here.

Which pictures, and their decoding, is pictures.py's; the files that are written embedding_files.py's.
"""

import hashlib
import os
from contextlib import closing, nullcontext
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch

from model.backbone import to_input
from model.checkpoint import Description, load_checkpoint
from model.device import chosen_device
from model.embedding_files import KeptParts, Part, key_of
from model.errors import ImagesError, ModelError
from model.events import Events
from model.network import EmbeddingNetwork
from model.pictures import PART, Crop, Pictures, decoded, pictures_of, readable
from model.snapshot import SPLITS, Snapshot

# Crops that pass through the network together. What a CPU has in hand should fit its caches: with 256 the
# small backbone embeds a fifth fewer a second.
ON_CPU, ON_GPU = 64, 256


class Embedder:
    """A network ready to embed crops of `size` px a side, `at_once` at a time, to so many `dimensions`."""

    def __init__(self, network: EmbeddingNetwork, description: Description, device: torch.device) -> None:
        self.description = description
        self.size = network.config.size
        self.dimensions = network.DIMENSIONS
        self.at_once = ON_CPU if device.type == "cpu" else ON_GPU
        self._device = device
        self._network = network.eval().to(device).to(memory_format=torch.channels_last)

    @classmethod
    def load(cls, checkpoint: Path, device: str | None = None) -> Self:
        """From a checkpoint folder, on the GPU if there is one. Raises CheckpointError or DeviceError."""
        network, _, description = load_checkpoint(checkpoint)
        return cls(network, description, chosen_device(device))

    @cached_property
    def digest(self) -> str:
        """A hash of the network's build and weights: equal for equal embeddings of the same crops."""
        digest = hashlib.sha256(repr(self._network.config).encode())
        for name, tensor in self._network.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    @torch.no_grad()
    def embed(self, crops: np.ndarray) -> np.ndarray:
        """E_exp (N, 16) float32 of aligned crops, uint8 RGB (N, size, size, 3), or of a mapped file's."""
        embeddings = np.empty((len(crops), self.dimensions), dtype=np.float32)
        for start in range(0, len(crops), self.at_once):
            rows = slice(start, start + self.at_once)
            part = torch.from_numpy(np.array(crops[rows])).to(self._device)
            found = self._network(to_input(part.permute(0, 3, 1, 2)))
            embeddings[rows] = found.float().cpu().numpy()
        return embeddings


class Embedded(NamedTuple):
    """Names and E_exp (N, 16) in the same order; `rejects`: why the pictures passed over have none."""

    names: list[str]
    embeddings: np.ndarray
    rejects: list[str]


def embed_pictures(
    embedder: Embedder,
    pictures: Pictures,
    keep: KeptParts | None = None,
    *,
    skip_unreadable: bool = False,
    part_length: int = PART,
    events: Events | None = None,
) -> Embedded:
    """Embed part by part, with a progress bar. Of all pictures only names and vectors are held in memory.

    `keep`: parts done are kept there and, by a later call, taken from there; dropping them is the
    caller's. Raises the ModelError of the first picture that cannot be read, saying what is kept, unless
    `skip_unreadable`; ImagesError if that leaves none.
    """
    parts = pictures.parts(part_length)
    keys = {part: _key(embedder, pictures, part) for part in parts} if keep else {}
    done = {part: found for part, key in keys.items() if keep and (found := keep.load(key))}
    if not skip_unreadable:
        done = {part: found for part, found in done.items() if not found.rejects}
    todo = [part for part in parts if part not in done]
    count = sum(map(len, done))
    # Without events of the caller's own there is the bar alone.
    telling = nullcontext(events) if events else Events(Path(os.devnull))
    with telling as told, closing(decoded(pictures, embedder.size, todo)) as coming:
        told.stage("embed", len(pictures.names), count)
        for part, crops in coming:
            try:
                done[part] = _embed_part(embedder, part, crops, skip_unreadable)
            except ModelError as error:
                raise type(error)(f"{error}{_advice(keep, count)}") from None
            if keep:
                keep.store(keys[part], done[part])
            count += len(part)
            told.progress(count)
    return _together(pictures, [done[part] for part in parts])


def embed_snapshot(embedder: Embedder, snapshot: Snapshot, events: Events | None = None) -> np.ndarray:
    """E_exp (F, 16) of all faces of a snapshot, in their order, with a progress bar. Raises SnapshotError."""
    return embed_pictures(embedder, pictures_of(snapshot), events=events).embeddings


def split_as_trained(snapshot: Snapshot, description: Description) -> Snapshot:
    """The snapshot with the identities that training held out as its val split, if it names no val faces."""
    if not description.held_out or (snapshot.faces.split == SPLITS["val"]).any():
        return snapshot
    return snapshot.held_out(description.held_out)


def _key(embedder: Embedder, pictures: Pictures, part: range) -> str:
    names = (pictures.names[number] for number in part)
    return key_of([embedder.digest, *names, *map(pictures.stamp, part)])


def _embed_part(embedder: Embedder, part: range, crops: list[Crop], skip_unreadable: bool) -> Part:
    passed_over = {number: crop for number, crop in zip(part, crops, strict=True) if _unreadable(crop)}
    rejects = tuple(map(str, passed_over.values()))
    if not rejects or not skip_unreadable:
        return Part(np.array(part, dtype=np.int64), embedder.embed(readable(crops)))
    rows = np.array([number for number in part if number not in passed_over], dtype=np.int64)
    if not len(rows):
        return Part(rows, np.empty((0, embedder.dimensions), dtype=np.float32), rejects)
    return Part(rows, embedder.embed(readable([crop for crop in crops if not _unreadable(crop)])), rejects)


def _unreadable(crop: Crop) -> bool:
    return isinstance(crop, ModelError)


def _advice(keep: KeptParts | None, count: int) -> str:
    if not keep:
        return ""
    kept = f"; {count} pictures are embedded already and kept in {keep.folder}" if count else ""
    return f" (--skip-unreadable passes over it{kept})"


def _together(pictures: Pictures, parts: list[Part]) -> Embedded:
    rejects = [reject for part in parts for reject in part.rejects]
    rows = np.concatenate([part.rows for part in parts])
    if not len(rows):
        raise ImagesError(f"none of {len(rejects)} pictures can be read; the first: {rejects[0]}")
    names = [pictures.names[row] for row in rows]
    return Embedded(names, np.concatenate([part.embeddings for part in parts]), rejects)
