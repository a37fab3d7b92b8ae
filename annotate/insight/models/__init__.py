"""Tables of reports, maps, queries, studies and what manipulation makes: a module a subject."""

from annotate.insight.models.manipulation import GridFace, Interpolation, ManipulationGrid
from annotate.insight.models.maps import ExpressionMap, MapMethod, MapPoint
from annotate.insight.models.queries import QueryEmbedding, QueryFace, QueryPicture
from annotate.insight.models.reports import Extent, Measured, Report
from annotate.insight.models.selections import FaceSelection, SelectedFace

__all__ = [
    "ExpressionMap", "Extent", "FaceSelection", "GridFace", "Interpolation", "ManipulationGrid",
    "MapMethod", "MapPoint", "Measured", "QueryEmbedding", "QueryFace", "QueryPicture", "Report",
    "SelectedFace",
]  # fmt: skip
