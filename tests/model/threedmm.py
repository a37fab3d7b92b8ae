"""Measures the 3DMM baseline on a snapshot; the landmark detector is trained first where there is none yet.

python -m tests.model.threedmm shapes.npz var/ictfec-snapshot var/landmarks.safetensors
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

from model.accuracy import report
from model.alignment import CROP_SIZE
from model.crops import load_crop
from model.landmark_training import trained_detector
from model.landmarks import expression_coefficients
from model.morphable import LandmarkShapes, displacement_metric, read_shapes
from model.snapshot import read_snapshot


def measure(shapes_file: Path, snapshot_folder: Path, detector_file: Path, split: str = "val") -> dict:
    """Triplet accuracy of the plain coefficients and of the landmarks' displacements; CPU seconds a face."""
    shapes = read_shapes(shapes_file)
    detector = trained_detector(shapes, detector_file, progress=_tell)
    snapshot = read_snapshot(snapshot_folder)
    faces = np.unique(snapshot.triplets.faces[snapshot.triplets_of(split)])
    crops = np.stack([load_crop(snapshot, face, CROP_SIZE) for face in faces])
    start = time.process_time()
    found = expression_coefficients(crops, shapes, detector)
    seconds = (time.process_time() - start) / len(faces)
    coefficients = np.zeros((len(snapshot.faces.keys), found.shape[1]), dtype=np.float32)
    coefficients[faces] = found
    moved = coefficients @ displacement_metric(LandmarkShapes.of(shapes))
    return {
        "coefficients": report(snapshot, coefficients, split),
        "displacements": report(snapshot, moved, split),
        "cpu_seconds_a_face": round(seconds, 3),
    }


def _tell(what: str, done: int, total: int) -> None:
    print(f"{what} {done}/{total}", end="\r", file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("shapes", "snapshot", "detector"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(json.dumps(measure(arguments.shapes, arguments.snapshot, arguments.detector), indent=1))
