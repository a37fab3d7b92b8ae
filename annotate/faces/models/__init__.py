"""Tables of data sets, faces and the triplets that came with them, and of imports from the browser."""

from annotate.faces.models.faces import (
    Dataset,
    DatasetQuerySet,
    Face,
    FaceQuerySet,
    ImportedTriplet,
    ImportedTripletQuerySet,
    Kind,
    SetAsideReason,
    Split,
    Status,
    Strength,
)
from annotate.faces.models.imports import (
    ENDED,
    Import,
    ImportKind,
    ImportQuerySet,
    ImportState,
)

__all__ = [
    "ENDED", "Dataset", "DatasetQuerySet", "Face", "FaceQuerySet", "Import", "ImportKind", "ImportQuerySet",
    "ImportState", "ImportedTriplet", "ImportedTripletQuerySet", "Kind", "SetAsideReason", "Split", "Status",
    "Strength",
]  # fmt: skip
