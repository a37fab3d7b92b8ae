"""Tables of curation: what a review found and decided, and erasures."""

from annotate.curation.models.erasure import ErasedFace, Erasure, ErasureState
from annotate.curation.models.review import Decision, DuplicatePair, KeptFace, Scan

__all__ = ["Decision", "DuplicatePair", "ErasedFace", "Erasure", "ErasureState", "KeptFace", "Scan"]
