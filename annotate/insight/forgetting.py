"""What of this room goes when faces are erased, beyond the rows that cascade: stored pictures, figures."""

from __future__ import annotations

from collections.abc import Sequence

from annotate.insight.manipulations import forget_made_of


def forget_faces(face_ids: Sequence[int]) -> None:
    """Remove what was made of these faces. Called by an erasure, while their rows are still there, in its
    transaction; called again it finds nothing left to do."""
    forget_made_of(face_ids)
