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
        image.draft("L", image.size)  # decodes no colours
        grey = image.convert("L")
    # Both hashes look at few pixels; reducing a crop once to the larger's 32 px is half of the time.
    small = grey.reduce(max(1, grey.width // 32))
    shares = np.array(grey.histogram()) / (grey.width * grey.height)
    levels = np.arange(256)
    brightness = float(shares @ levels)
    return Measures(
        phash=_as_bigint(imagehash.phash(small)),
        dhash=_as_bigint(imagehash.dhash(small)),
        sharpness=round(_laplacian_variance(np.asarray(grey).astype(np.int16)), 3),
        brightness=round(brightness, 3),
        contrast=round(float(shares @ (levels - brightness) ** 2) ** 0.5, 3),
    )


def _as_bigint(found: imagehash.ImageHash) -> int:
    """The 64 bits as PostgreSQL's signed bigint."""
    return int(np.packbits(found.hash.flatten()).view(">i8")[0])


def _laplacian_variance(pixels: np.ndarray) -> float:
    """Of how much each inner pixel differs from its four neighbours."""
    sides = pixels[:-2, 1:-1] + pixels[2:, 1:-1] + pixels[1:-1, :-2] + pixels[1:-1, 2:]
    return float((sides - 4 * pixels[1:-1, 1:-1]).astype(np.float32).var())
