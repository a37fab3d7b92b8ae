"""What `python -m model report` may print, and reports that are made without it."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from annotate.faces.models import Dataset
from annotate.insight.models import Extent, Measured, Report
from annotate.insight.reports import ask_for_report, enter_report
from annotate.training import jobs
from annotate.training.models import ModelVersion


def figure(value: float, half: float = 0.02) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


def figures(recognised: float = 0.6, leak: float = 0.3, *, half: float = 0.02) -> dict[str, Any]:
    """Of two expressions, with one k and 200, and triplets of one type."""
    knn = {
        str(k): {
            "accuracy": figure(recognised, half),
            "mean_class_accuracy": figure(recognised - 0.1, half),
            "faces": 16,
            "classes": ["calm", "glad"],
            "confusion": [[6, 2], [1, 7]],
        }
        for k in (5, 200)
    }
    right = figure(0.75, 0.2)
    return {
        "triplet_accuracy": {
            "strong": {
                "accuracy": {"TWO_CLASS_TRIPLET": right, "ONE_CLASS_TRIPLET": None, "mean": right},
                "counts": {"TWO_CLASS_TRIPLET": 8, "ONE_CLASS_TRIPLET": 0, "all": 8},
            },
            "weak": {"accuracy": {"mean": None}, "counts": {"all": 0}},
            "tournament": {"accuracy": None, "count": 0},
        },
        "average_variance": {**figure(0.011, 0.001), "scaled": figure(0.4, half), "classes": {}},
        "identity_leakage": {
            "nearest_neighbour": {"accuracy": figure(leak, half), "chance": 0.1, "faces": 16, "people": 8},
            "linear_probe": {"accuracy": figure(leak + 0.1, half), "chance": 0.125, "people": 8},
            "ordering": {"same_expression_nearer": figure(0.7, half), "chance": 0.5},
        },
        "silhouette": {"expression": figure(0.2, half), "identity": figure(-0.1, half)},
        "knn": {"gallery": "train", "gallery_faces": 16, "faces": 16, "chance": 0.5, "k": knn},
        "retrained": None,
        "settings": {"bootstrap": "people", "resamples": 1000, "seed": 0, "normalisation": "as they are"},
        "notes": [],
    }


def make_report(
    version: ModelVersion,
    dataset: Dataset,
    said: dict[str, Any],
    extent: str = Extent.HELD_OUT,
    measured: str = Measured.EMBEDDING,
    **made_of: Any,
) -> Report:
    """One that is made."""
    now = timezone.now()
    report = ask_for_report(version, dataset, extent, None, now, measured=measured)
    claim = jobs.claim(Report, report.pk, "worker:1", now)
    counts = {"faces": 8, "labelled": 8, "expressions": 2, "people": 4, "triplets": 8, "sha256": "0" * 64}
    enter_report(claim, said, counts | made_of)
    jobs.end(claim, now)
    report.refresh_from_db()
    return report
