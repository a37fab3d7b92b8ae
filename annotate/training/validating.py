"""The fixed measure of a data set: one snapshot's held-out triplets, on which no version is trained."""

from __future__ import annotations

from annotate.faces.models import Dataset
from annotate.training import curves
from annotate.training.models import ModelVersion, Snapshot, Validation


def validation_snapshot(dataset: Dataset) -> Snapshot | None:
    """The snapshot that this data set's versions are measured on; None where none is named."""
    return Snapshot.objects.filter(dataset=dataset, validates=True).first()


def accuracy_on(version: ModelVersion, snapshot: Snapshot) -> float | None:
    """The one figure (0 to 1) of a version on a snapshot; None where it is not measured as it is now.

    What was measured before a person was taken out of the snapshot is not comparable with what was after.
    """
    found = Validation.objects.filter(model_version=version, snapshot=snapshot, sha256=snapshot.sha256)
    validation = found.first()
    return curves.headline(validation.report) if validation else None
