"""What a report will take, told before it is asked for: faces, those to embed, minutes of retraining.

Reads; writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from annotate.faces.models import Dataset, Split
from annotate.insight.models import Extent
from annotate.insight.report_tables import Survey, faces_of, survey
from annotate.training.models import ModelVersion
from annotate.training.pace import pace_of
from annotate.training.reports import duration

# What the network's retraining takes unless told otherwise: as many epochs as so many steps take, within
# limits; and the share that it holds out where none is.
LEAST_EPOCHS, MOST_EPOCHS, ENOUGH_STEPS, FACES_PER_STEP = 10, 40, 1200, 64
HELD_OUT = 0.2


@dataclass(frozen=True)
class Forecast:
    """`to_embed`: faces without an embedding; `learnt`: those that retraining learns from, 0 without it;
    `takes`: about how long that is, at the pace of the version's own run; empty where that tells nothing."""

    survey: Survey
    extent: str
    to_embed: int
    learnt: int
    takes: str


def forecast(version: ModelVersion, dataset: Dataset, extent: str, *, retrain: bool) -> Forecast:
    """Of what is there now."""
    learnt = _learnt(dataset, extent) if retrain else 0
    return Forecast(
        survey(dataset, extent),
        extent,
        0 if retrain else dataset.faces.exclude(embeddings__model_version=version).count(),
        learnt,
        _takes(version, learnt) if retrain else "",
    )


def _learnt(dataset: Dataset, extent: str) -> int:
    """As the network chooses them: the labelled train faces that are not measured, else most of those."""
    labelled = faces_of(dataset, Extent.ALL).exclude(expression="")
    train = 0 if extent == Extent.ALL else labelled.filter(split=Split.TRAIN).count()
    return train or round((1 - HELD_OUT) * faces_of(dataset, extent).exclude(expression="").count())


def _takes(version: ModelVersion, learnt: int) -> str:
    # Retraining keeps to the CPU: what a GPU took tells nothing of it.
    pace = pace_of(version.run)
    if pace is None or not pace.device.startswith("cpu"):
        return ""
    per_epoch = max(1, -(-learnt // FACES_PER_STEP))
    epochs = min(MOST_EPOCHS, max(LEAST_EPOCHS, -(-ENOUGH_STEPS // per_epoch)))
    return duration(epochs * learnt * pace.step_seconds / pace.step_faces)
