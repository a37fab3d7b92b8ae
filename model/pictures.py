"""What is to be embedded, a folder's pictures or a snapshot's faces, decoded part by part.

The next part is decoded while the caller works on one, and no more: memory does not grow with the number
of pictures. How one picture is decoded is crops.py's.
"""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import cast

import numpy as np

from model.alignment import FaceAligner
from model.crops import DECODERS, load_aligned, load_crop, load_image
from model.errors import ImagesError, ModelError
from model.snapshot import Snapshot

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
# At 224 px a part of crops takes 77 MB.
PART = 512

# A crop, or why there is none.
Crop = np.ndarray | ModelError


@dataclass(frozen=True)
class Pictures:
    """`load(number, size)` gives a crop, uint8 (size, size, 3), or raises a ModelError that names the file.

    `stamp(number)` is another text whenever that crop may be another; `threads` may load at once.
    """

    names: Sequence[str]
    stamp: Callable[[int], str]
    load: Callable[[int, int], np.ndarray]
    threads: int = DECODERS

    def parts(self, length: int = PART) -> list[range]:
        """The numbers of all pictures, in order, cut into parts."""
        whole = range(len(self.names))
        return [whole[start : start + length] for start in range(0, len(whole), length)]


def pictures_in(folder: Path, *, align: bool = False) -> Pictures:
    """The pictures in a folder or below it, by their paths relative to it, sorted.

    They are aligned crops, unless `align` finds and aligns their one face first. Raises ImagesError if
    there are none.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise ImagesError(f"{folder}: no pictures ({', '.join(sorted(SUFFIXES))})")
    return pictures_at(folder, [path.relative_to(folder).as_posix() for path in paths], align=align)


def pictures_at(folder: Path, names: Sequence[str], *, align: bool = False) -> Pictures:
    """The pictures of these names, which are paths relative to the folder, in this order; as pictures_in."""
    paths = [folder / name for name in names]

    def stamp(number: int) -> str:
        try:
            state = paths[number].stat()
        except OSError:  # loading it says so
            return "missing"
        return f"{align} {state.st_size} {state.st_mtime_ns}"

    if not align:
        return Pictures(names, stamp, lambda number, size: load_image(paths[number], size))
    aligner = cache(FaceAligner)
    return Pictures(
        names, stamp, lambda number, size: load_aligned(paths[number], size, aligner()), threads=1
    )


def pictures_of(snapshot: Snapshot) -> Pictures:
    """The crops of all faces of a snapshot, by their keys, in their order."""
    faces = snapshot.faces
    return Pictures(faces.keys, faces.hashes.__getitem__, lambda face, size: load_crop(snapshot, face, size))


def decoded(pictures: Pictures, size: int, parts: Sequence[range]) -> Generator[tuple[range, list[Crop]]]:
    """Each part with its crops, uint8 (size, size, 3), or an error in the place of one that has none.

    Close it if you stop before its end."""

    def attempt(number: int) -> Crop:
        try:
            return pictures.load(number, size)
        except ModelError as error:
            return error

    def begin(part: range) -> list[Future[Crop]]:
        return [pool.submit(attempt, number) for number in part]

    pool = ThreadPoolExecutor(pictures.threads)  # Pillow decodes outside Python's lock
    try:
        coming = begin(parts[0]) if parts else []
        for part, after in zip_longest(parts, parts[1:], fillvalue=range(0)):
            waiting, coming = coming, begin(after)
            yield part, [future.result() for future in waiting]
    finally:  # a caller who stops does not wait for the rest of the part
        pool.shutdown(cancel_futures=True)


def readable(crops: Sequence[Crop]) -> np.ndarray:
    """A part's crops as one array, uint8 (n, size, size, 3). Raises the first error among them."""
    for crop in crops:
        if isinstance(crop, ModelError):
            raise crop
    return np.stack(cast(Sequence[np.ndarray], crops))
