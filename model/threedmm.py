"""The 3DMM baseline on a snapshot: each face's expression coefficients, fitted with nothing learnt from it.

The fit is morphable.py's; where pose and landmarks come from is landmarks.py's.
"""

import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from model.alignment import CROP_SIZE
from model.crops import load_crop
from model.landmark_training import trained_detector
from model.landmarks import expression_coefficients
from model.morphable import read_shapes
from model.snapshot import Snapshot

_AT_ONCE = 64


def threedmm_vectors(snapshot: Snapshot, shapes_file: Path, detector_file: Path, split: str) -> np.ndarray:
    """Expression coefficients (F, E) float32 of the faces in this split's triplets; the other rows are 0.

    The detector is trained on renderings of the shapes, minutes long, and kept in `detector_file` unless
    it is there. Raises ShapesError, DetectorError or SnapshotError.
    """
    shapes = read_shapes(shapes_file)
    detector = trained_detector(shapes, detector_file, progress=_tell)
    faces = np.unique(snapshot.triplets.faces[snapshot.triplets_of(split)])
    vectors = np.zeros((len(snapshot.faces.keys), len(shapes.expression)), dtype=np.float32)
    for start in tqdm(range(0, len(faces), _AT_ONCE), desc="fit", file=sys.stderr):
        part = faces[start : start + _AT_ONCE]
        crops = np.stack([load_crop(snapshot, face, CROP_SIZE) for face in part])
        vectors[part] = expression_coefficients(crops, shapes, detector)
    return vectors


def _tell(what: str, done: int, total: int) -> None:
    print(f"{what} {done}/{total}", end="\r", file=sys.stderr)
