"""What can be measured on a crop: hashes that are near for near pictures, and how good the picture is.

No Django: the importers' processes measure here, and so does the task that makes up for older faces.
"""

from __future__ import annotations

import io
from typing import NamedTuple

import imagehash
import numpy as np
from PIL import Image


class Measures(NamedTuple):
    """As the columns of a face. `detection` and `source_side` are known to the import alone."""

    phash: int | None = None
    dhash: int | None = None
    sharpness: float | None = None
    brightness: float | None = None
    contrast: float | None = None
    detection: float | None = None
    source_side: float | None = None


NO_MEASURES = Measures()


def measure(jpeg: bytes) -> Measures:
    """The measures of a stored crop. Raises OSError where it is no picture."""
    with Image.open(io.BytesIO(jpeg)) as image:
        grey = image.convert("L")
    pixels = np.asarray(grey, dtype=np.float32)
    return Measures(
        phash=_as_bigint(imagehash.phash(grey)),
        dhash=_as_bigint(imagehash.dhash(grey)),
        sharpness=round(float(_laplacian(pixels).var()), 3),
        brightness=round(float(pixels.mean()), 3),
        contrast=round(float(pixels.std()), 3),
    )


def _as_bigint(found: imagehash.ImageHash) -> int:
    """The 64 bits as PostgreSQL's signed bigint."""
    return int(np.packbits(found.hash.flatten()).view(">i8")[0])


def _laplacian(pixels: np.ndarray) -> np.ndarray:
    """How much each inner pixel differs from its four neighbours."""
    inner = pixels[1:-1, 1:-1]
    return pixels[:-2, 1:-1] + pixels[2:, 1:-1] + pixels[1:-1, :-2] + pixels[1:-1, 2:] - 4 * inner
