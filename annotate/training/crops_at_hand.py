"""The stored crops of some faces as plain files on this machine, for as long as an errand works with them.

Copies of faces must not outlive an erasure: whoever makes them holds erasures off (`while_nobody_is_erased`).
What a killed process left is removed by the next that works here, and by an erasure.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage

from annotate.faces.models import Face

# Storage elsewhere answers slowly, but many at once.
READERS = 8


@dataclass(frozen=True)
class Crops:
    """`folder` holds a picture for each of the faces, named after its id; `missing`: the others' keys."""

    folder: Path
    missing: list[str]


def work_folder() -> Path:
    """Where copies lie, each worker's in a folder of its own."""
    return Path(settings.RUNS_DIR) / "errands"


def remove_left_copies(keep: Collection[int] = ()) -> None:
    """Remove what killed workers left, but for those of these errands. An erasure keeps none: none is at work
    then."""
    for path in work_folder().glob("crops-*"):
        if path.name not in {f"crops-{errand_id}" for errand_id in keep}:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def crops_at_hand(faces: Sequence[Face], errand_id: int) -> Iterator[Crops]:
    """The pictures of these faces; what an earlier worker left of this errand goes."""
    folder = work_folder() / f"crops-{errand_id}"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "crops").mkdir(parents=True, mode=0o700)
    try:
        with ThreadPoolExecutor(READERS) as readers:
            there = list(readers.map(lambda face: _copy(face, folder / "crops"), faces))
        missing = [face.key for face, is_there in zip(faces, there, strict=True) if not is_there]
        yield Crops(folder / "crops", missing)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
