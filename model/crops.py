"""Pictures in, one uint8 array out: every crop decoded once, at the size that the network sees.

The only place where training and embedding decode pictures, so both see the same pixels.
"""

import hashlib
import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from model.alignment import AlignmentError, FaceAligner
from model.errors import ImagesError, SnapshotError
from model.snapshot import Snapshot

DECODERS = 4


def decode(data: bytes, size: int) -> np.ndarray:
    """A picture file's bytes as uint8 RGB (size, size, 3). Raises OSError or ValueError if it is none."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (size, size))  # JPEG: decode at a fraction of its size, never below ours
        rgb = image.convert("RGB")
    return np.asarray(rgb.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0))


def load_crops(
    snapshot: Snapshot, size: int, progress: Callable[[int], None] | None = None, store: Path | None = None
) -> np.ndarray:
    """The crops of all faces, uint8 (F, size, size, 3), in faces.csv's order.

    Kept in memory, or in the file `store` and mapped from there. Raises SnapshotError, naming the face's
    line, for a crop that is missing, unreadable, or not the one that its hash promises. `progress` is
    called with the number of crops decoded so far.
    """
    count = len(snapshot.faces.keys)
    shape = (count, size, size, 3)
    crops: np.ndarray = np.empty(shape, dtype=np.uint8) if store is None else _mapped(store, shape)

    def load(face: int) -> None:
        crops[face] = load_crop(snapshot, face, size)

    _in_threads(load, count, progress)
    return crops


def _mapped(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    crops: np.ndarray = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    # On a full disk this is an error; a page of the map that finds no place later would end the process.
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return crops


def take(crops: np.ndarray, faces: np.ndarray, device: torch.device) -> Tensor:
    """The crops (F, S, S, 3) of these faces as the network's input takes them: uint8 (n, 3, S, S), on device.

    From a mapped file only these are read. Channels are last in memory, as convolutions like them.
    """
    part = torch.from_numpy(crops[faces])
    if device.type == "cuda":
        part = part.pin_memory().to(device, non_blocking=True)
    return part.permute(0, 3, 1, 2)


def load_image(path: Path, size: int) -> np.ndarray:
    """An aligned crop from a picture file, uint8 (size, size, 3). Raises ImagesError naming the file."""
    try:
        return decode(path.read_bytes(), size)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise ImagesError(f"{path}: not a readable picture ({error})") from None


def load_aligned(path: Path, size: int, aligner: FaceAligner) -> np.ndarray:
    """As `load_image`, of a photograph whose one face is found and aligned first."""
    try:
        with Image.open(path) as image:
            return np.asarray(aligner.align(image, size))
    except AlignmentError as error:
        raise ImagesError(f"{path}: {error}") from None
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise ImagesError(f"{path}: not a readable picture ({error})") from None


def load_crop(snapshot: Snapshot, face: int, size: int) -> np.ndarray:
    """One face's crop, uint8 (size, size, 3). Raises SnapshotError as `load_crops`."""
    path = snapshot.folder / snapshot.faces.crops[face]
    where = f"{snapshot.folder / 'faces.csv'}, line {face + 2}"
    try:
        data = path.read_bytes()
    except OSError:
        raise SnapshotError(f"{where}: crop {path} cannot be read") from None
    if hashlib.sha256(data).hexdigest() != snapshot.faces.hashes[face]:
        raise SnapshotError(f"{where}: crop {path} is not the one that crop_sha256 promises")
    try:
        return decode(data, size)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise SnapshotError(f"{where}: crop {path} is not a readable picture ({error})") from None


def _in_threads(load: Callable[[int], None], count: int, progress: Callable[[int], None] | None) -> None:
    with ThreadPoolExecutor(DECODERS) as pool:  # Pillow decodes outside Python's lock
        for done, _ in enumerate(pool.map(load, range(count), chunksize=16), 1):
            if progress is not None:
                progress(done)
