"""Tables of snapshots, runs, model versions and what grows of them."""

from annotate.training.models.growing import Decision, FineTuning, Verdict
from annotate.training.models.manipulators import Manipulator
from annotate.training.models.proposals import Proposal, ProposedGroup
from annotate.training.models.runs import ENDED, LOST_AFTER, Run, RunKind, RunQuerySet, RunState
from annotate.training.models.snapshots import (
    ENQUEUE_AGAIN_AFTER,
    Freeze,
    FreezeQuerySet,
    Snapshot,
    SnapshotAlteration,
)
from annotate.training.models.versions import (
    EMBEDDING_SIZE,
    Embedding,
    EmbeddingQuerySet,
    Errand,
    ModelVersion,
    Promotion,
    Validation,
)

__all__ = [
    "EMBEDDING_SIZE", "ENDED", "ENQUEUE_AGAIN_AFTER", "LOST_AFTER", "Decision", "Embedding",
    "EmbeddingQuerySet", "Errand", "FineTuning", "Freeze", "FreezeQuerySet", "Manipulator", "ModelVersion",
    "Promotion", "Proposal", "ProposedGroup", "Run", "RunKind", "RunQuerySet", "RunState", "Snapshot",
    "SnapshotAlteration", "Validation", "Verdict",
]  # fmt: skip
