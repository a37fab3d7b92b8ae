"""Floors: what distances of plain pictures score, with nothing learnt. An embedding must stand above them.

Vectors only; they are measured as any embedding is (accuracy.py).
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from skimage.color import rgb2gray
from skimage.feature import hog

from model.pictures import Pictures, decoded, pictures_of, readable
from model.snapshot import Snapshot


def pixel_vectors(crops: np.ndarray) -> np.ndarray:
    """The RGB values themselves, 0 to 1: float32 (N, 3 S S) of crops, uint8 (N, S, S, 3)."""
    return crops.reshape(len(crops), -1).astype(np.float32) / 255


def hog_vectors(crops: np.ndarray) -> np.ndarray:
    """Histograms of oriented gradients (Dalal and Triggs 2005) of the grey crops, uint8 (N, S, S, 3).

    9 unsigned orientations, cells of 8 x 8 px, blocks of 2 x 2 cells normalised by L2-Hys: float32
    (N, 36 (S/8 - 1)^2), so 1,764 values at 64 px.
    """
    return np.stack(
        [
            hog(
                rgb2gray(crop),
                orientations=9,
                pixels_per_cell=(8, 8),
                cells_per_block=(2, 2),
                block_norm="L2-Hys",
            ).astype(np.float32)
            for crop in crops
        ]
    )


@dataclass(frozen=True)
class Floor:
    """The side in px of the crops that it looks at, and crops to vectors."""

    size: int
    vectors: Callable[[np.ndarray], np.ndarray]


FLOORS = {"pixels": Floor(32, pixel_vectors), "hog": Floor(64, hog_vectors)}


def floor_vectors(snapshot: Snapshot, kind: str) -> np.ndarray:
    """Vectors (F, D) float32 of all faces in their order, per FLOORS: 12 KB (pixels) or 7 KB (hog) a face.

    Raises SnapshotError, naming the face's line, for a crop that cannot be read.
    """
    return floor_of_pictures(pictures_of(snapshot), kind)


def floor_of_pictures(pictures: Pictures, kind: str) -> np.ndarray:
    """As `floor_vectors`, of any pictures (N,). Raises the ModelError of the first that cannot be read."""
    floor, found = FLOORS[kind], []
    with closing(decoded(pictures, floor.size, pictures.parts())) as parts:
        for _, crops in parts:
            found.append(floor.vectors(readable(crops)))
    return np.concatenate(found)
