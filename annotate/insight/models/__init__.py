"""Tables of reports, maps, queries, studies and what manipulation makes: a module a subject."""

from annotate.insight.models.manipulation import GridFace, Interpolation, ManipulationGrid
from annotate.insight.models.maps import ExpressionMap, MapMethod, MapPoint
from annotate.insight.models.queries import QueryEmbedding, QueryFace, QueryPicture
from annotate.insight.models.reports import Extent, Measured, Report
from annotate.insight.models.selections import FaceSelection, SelectedFace
from annotate.insight.models.studies import (
    Contender,
    Participant,
    Result,
    Study,
    StudyComparison,
    StudyQuery,
    StudyShowing,
    StudyState,
    StudyVote,
)

__all__ = [
    "Contender",
    "ExpressionMap",
    "Extent",
    "FaceSelection",
    "GridFace",
    "Interpolation",
    "ManipulationGrid",
    "MapMethod",
    "MapPoint",
    "Measured",
    "Participant",
    "QueryEmbedding",
    "QueryFace",
    "QueryPicture",
    "Report",
    "Result",
    "SelectedFace",
    "Study",
    "StudyComparison",
    "StudyQuery",
    "StudyShowing",
    "StudyState",
    "StudyVote",
]  # fmt: skip
