"""Measures the 3DMM baseline on a snapshot; the landmark detector is trained first where there is none yet.

python -m tests.model.threedmm shapes.npz var/ictfec-snapshot var/landmarks.safetensors
"""

import argparse
import json
import time
from pathlib import Path

import torch

from model.accuracy import report
from model.morphable import LandmarkShapes, displacement_metric, read_shapes
from model.snapshot import read_snapshot
from model.threedmm import threedmm_vectors


def measure(shapes_file: Path, snapshot_folder: Path, detector_file: Path, split: str = "val") -> dict:
    """Triplet accuracy of the plain coefficients and of the landmarks' displacements; CPU seconds a face,
    in which a detector's training counts if it was not there."""
    snapshot = read_snapshot(snapshot_folder)
    start = time.process_time()
    coefficients = threedmm_vectors(snapshot, shapes_file, detector_file, split)
    seconds = (time.process_time() - start) / max(1, int(coefficients.any(axis=1).sum()))
    shapes = read_shapes(shapes_file)
    moved = coefficients @ displacement_metric(LandmarkShapes.of(shapes))
    return {
        "coefficients": report(snapshot, coefficients, split),
        "displacements": report(snapshot, moved, split),
        "cpu_seconds_a_face": round(seconds, 3),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("shapes", "snapshot", "detector"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(json.dumps(measure(arguments.shapes, arguments.snapshot, arguments.detector), indent=1))
