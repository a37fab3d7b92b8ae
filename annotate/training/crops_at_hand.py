"""The stored crops of some faces as plain files on this machine, for as long as an errand works with them.

Copies of faces must not outlive an erasure: whoever makes them holds erasures off (`while_nobody_is_erased`).
What a killed process left is removed by the next work on this machine, and by an erasure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.core.files.storage import default_storage

from annotate.faces.models import Face
from annotate.training.scratch import scratch_folder

# Storage elsewhere answers slowly, but many at once.
READERS = 8


@dataclass(frozen=True)
class Crops:
    """`folder` holds a picture for each of the faces, named after its id; `missing`: the others' keys."""

    folder: Path
    missing: list[str]


@contextmanager
def crops_at_hand(faces: Sequence[Face]) -> Iterator[Crops]:
    """The pictures of these faces, in a folder that may be written beside."""
    with scratch_folder() as parent:
        folder = parent / "crops"
        folder.mkdir()
        with ThreadPoolExecutor(READERS) as readers:
            there = list(readers.map(lambda face: _copy(face, folder), faces))
        missing = [face.key for face, is_there in zip(faces, there, strict=True) if not is_there]
        yield Crops(folder, missing)


def _copy(face: Face, folder: Path) -> bool:
    """False where storage has not the picture that was imported."""
    try:
        with default_storage.open(face.crop) as file:
            data = file.read()
    except FileNotFoundError:
        return False
    if hashlib.sha256(data).hexdigest() != face.crop_sha256:
        return False
    # A key may be no file name; an id is, and an erased face's is never given to another.
    (folder / f"{face.pk}.jpg").write_bytes(data)
    return True
