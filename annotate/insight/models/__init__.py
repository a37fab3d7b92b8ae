"""Tables of reports, maps, queries, studies and what manipulation makes: a module a subject."""

from annotate.insight.models.queries import QueryEmbedding, QueryFace, QueryPicture

__all__ = ["QueryEmbedding", "QueryFace", "QueryPicture"]
