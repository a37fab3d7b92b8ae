"""Pictures in, one uint8 array out: every crop decoded once, at the size that the network sees.

The only place where training and embedding decode pictures, so both see the same pixels.
"""

import hashlib
import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from model.alignment import AlignmentError, FaceAligner
from model.errors import ImagesError, SnapshotError
from model.snapshot import Faces, Snapshot

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
    faces = snapshot.faces
    shape = (len(faces.keys), size, size, 3)
    crops: np.ndarray = (
        np.empty(shape, dtype=np.uint8)
        if store is None
        else np.lib.format.open_memmap(store, mode="w+", dtype=np.uint8, shape=shape)
    )

    def load(face: int) -> None:
        crops[face] = _load(snapshot.folder, faces, face, size)

    _in_threads(load, len(faces.keys), progress)
    return crops


def load_images(
    paths: Sequence[Path], size: int, progress: Callable[[int], None] | None = None
) -> np.ndarray:
    """Aligned crops from picture files, uint8 (N, size, size, 3). Raises ImagesError naming the file."""
    crops = np.empty((len(paths), size, size, 3), dtype=np.uint8)

    def load(number: int) -> None:
        try:
            crops[number] = decode(paths[number].read_bytes(), size)
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise ImagesError(f"{paths[number]}: not a readable picture ({error})") from None

    _in_threads(load, len(paths), progress)
    return crops


def load_aligned(
    paths: Sequence[Path], size: int, progress: Callable[[int], None] | None = None
) -> np.ndarray:
    """As `load_images`, of photographs whose one face is found and aligned first."""
    aligner = FaceAligner()
    crops = np.empty((len(paths), size, size, 3), dtype=np.uint8)
    for number, path in enumerate(paths):
        try:
            with Image.open(path) as image:
                crops[number] = np.asarray(aligner.align(image, size))
        except AlignmentError as error:
            raise ImagesError(f"{path}: {error}") from None
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise ImagesError(f"{path}: not a readable picture ({error})") from None
        if progress is not None:
            progress(number + 1)
    return crops


def _load(folder: Path, faces: Faces, face: int, size: int) -> np.ndarray:
    path = folder / faces.crops[face]
    where = f"{folder / 'faces.csv'}, line {face + 2}"
    try:
        data = path.read_bytes()
    except OSError:
        raise SnapshotError(f"{where}: crop {path} cannot be read") from None
    if hashlib.sha256(data).hexdigest() != faces.hashes[face]:
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
