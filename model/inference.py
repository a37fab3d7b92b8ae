"""Embeds faces with a trained network: crops in, 16-d vectors out. The crowd layer plays no part here.

Also writes the three file formats of embeddings, each chosen by its suffix.
"""

import csv
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from tqdm import tqdm

from model.backbone import to_input
from model.checkpoint import Description, load_checkpoint
from model.crops import load_aligned, load_crops, load_images
from model.device import chosen_device
from model.errors import ImagesError
from model.network import EMBEDDING, DeviationLearningNetwork
from model.snapshot import SPLITS, Snapshot

SUFFIXES = (".npz", ".npy", ".csv")
PICTURES = {".jpg", ".jpeg", ".png", ".webp"}


class Embedder:
    """A network ready to embed. `size` is the side in px that its crops must have."""

    def __init__(
        self, network: DeviationLearningNetwork, description: Description, device: torch.device
    ) -> None:
        self.description = description
        self.size = network.config.size
        self._device = device
        self._network = network.eval().to(device).to(memory_format=torch.channels_last)

    @classmethod
    def load(cls, checkpoint: Path, device: str | None = None) -> Self:
        """From a checkpoint folder, on the GPU if there is one. Raises CheckpointError or DeviceError."""
        network, _, description = load_checkpoint(checkpoint)
        return cls(network, description, chosen_device(device))

    @torch.no_grad()
    def embed(
        self, crops: np.ndarray, at_once: int = 256, progress: Callable[[int], None] | None = None
    ) -> np.ndarray:
        """E_exp (N, 16) float32 of aligned crops, uint8 RGB (N, size, size, 3)."""
        embeddings = np.empty((len(crops), EMBEDDING), dtype=np.float32)
        for start in range(0, len(crops), at_once):
            part = torch.from_numpy(np.ascontiguousarray(crops[start : start + at_once])).to(self._device)
            found = self._network(to_input(part.permute(0, 3, 1, 2)))
            embeddings[start : start + at_once] = found.float().cpu().numpy()
            if progress is not None:
                progress(min(start + at_once, len(crops)))
        return embeddings


def write_embeddings(path: Path, names: Sequence[str], embeddings: np.ndarray) -> None:
    """Write names and vectors in the same order, by suffix; the file is whole or not there.

    .npz: arrays `names` (unicode) and `embeddings` (N, 16) float32. .npy: the vectors alone, the names one
    a line in <file>.names.txt. .csv: header name, e0, ... e15. Raises ImagesError for another suffix.
    """
    part = path.with_name(f".{path.name}.part")
    if path.suffix == ".npz":
        with part.open("wb") as file:
            np.savez(file, names=np.array(names, dtype=np.str_), embeddings=embeddings)
    elif path.suffix == ".npy":
        with part.open("wb") as file:
            np.save(file, embeddings)
        path.with_name(f"{path.name}.names.txt").write_text(
            "".join(f"{n}\n" for n in names), encoding="utf-8"
        )
    elif path.suffix == ".csv":
        with part.open("w", newline="", encoding="utf-8") as text:
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(["name", *(f"e{number}" for number in range(embeddings.shape[1]))])
            for name, vector in zip(names, embeddings, strict=True):
                writer.writerow([name, *(f"{value:.6f}" for value in vector)])
    else:
        raise ImagesError(f"{path}: its suffix is none of {', '.join(SUFFIXES)}")
    part.replace(path)


def embed_snapshot(embedder: Embedder, snapshot: Snapshot) -> np.ndarray:
    """E_exp (F, 16) of all faces of a snapshot, in their order, with a progress bar. Raises SnapshotError."""
    with _bar(2 * len(snapshot.faces.keys)) as bar:
        crops = load_crops(snapshot, embedder.size, _updating(bar, 0))
        return embedder.embed(crops, progress=_updating(bar, len(crops)))


def embed_folder(embedder: Embedder, folder: Path, *, align: bool = False) -> tuple[list[str], np.ndarray]:
    """Names (paths relative to `folder`, sorted) and E_exp (N, 16) of the pictures in a folder or below it.

    They are aligned crops, unless `align` finds and aligns their one face first. Raises ImagesError.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    if not paths:
        raise ImagesError(f"{folder}: no pictures ({', '.join(sorted(PICTURES))})")
    with _bar(2 * len(paths)) as bar:
        load = load_aligned if align else load_images
        crops = load(paths, embedder.size, _updating(bar, 0))
        embeddings = embedder.embed(crops, progress=_updating(bar, len(crops)))
    return [path.relative_to(folder).as_posix() for path in paths], embeddings


def split_as_trained(snapshot: Snapshot, description: Description) -> Snapshot:
    """The snapshot with the identities that training held out as its val split, if it names no val faces."""
    if not description.held_out or (snapshot.faces.split == SPLITS["val"]).any():
        return snapshot
    return snapshot.held_out(description.held_out)


def _bar(total: int) -> tqdm:
    return tqdm(total=total, desc="embed", file=sys.stderr, mininterval=0.5)


def _updating(bar: tqdm, before: int) -> Callable[[int], None]:
    def update(done: int) -> None:
        bar.update(before + done - bar.n)

    return update
