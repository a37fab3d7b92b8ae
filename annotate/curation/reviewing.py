"""Decisions on faces: set aside, kept, brought back; near-duplicates judged. Each can be taken back.

A face that is set aside is drawn into no new group and no new gold. What is asked already goes on, and what
was answered stays, in exports and snapshots too.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from annotate.accounts.models import User
from annotate.curation.models import Decision, DuplicatePair, KeptFace
from annotate.faces.models import Dataset, Face, SetAsideReason, Status


@transaction.atomic
def judge_duplicates(
    dataset: Dataset, faces: Collection[int], keep: int | None, *, by: User, at: datetime
) -> Decision:
    """Of faces that look the same keep one and set the others aside; or, `keep` None, they are no duplicates.

    Their pairs are not asked again. Raises ValueError where the one to keep is not among them.
    """
    if keep is not None and keep not in faces:
        raise ValueError("The face to keep is none of those shown")
    pairs = DuplicatePair.objects.filter(dataset=dataset, first__in=faces, second__in=faces, is_judged=False)
    judged = sorted(pairs.select_for_update().values_list("pk", flat=True))
    DuplicatePair.objects.filter(pk__in=judged).update(is_judged=True)
    others = [] if keep is None else [face for face in faces if face != keep]
    aside = _set_aside(dataset, others, SetAsideReason.DUPLICATE, by, at)
    return Decision.objects.create(dataset=dataset, by=by, at=at, set_aside=aside, judged=judged)


@transaction.atomic
def review_crops(
    dataset: Dataset,
    shown: Collection[int],
    bad: Collection[int],
    *,
    reason: SetAsideReason = SetAsideReason.BAD_CROP,
    by: User,
    at: datetime,
) -> Decision:
    """Of the faces shown set the bad ones aside; the others are good enough and not asked about again."""
    bad = set(bad) & set(shown)
    aside = _set_aside(dataset, bad, reason, by, at)
    decision = Decision.objects.create(dataset=dataset, by=by, at=at, set_aside=aside)
    kept = Face.objects.filter(dataset=dataset, pk__in=set(shown) - bad).values_list("pk", flat=True)
    KeptFace.objects.bulk_create(
        (KeptFace(face_id=face, decision=decision) for face in kept), ignore_conflicts=True
    )
    return decision


def _set_aside(
    dataset: Dataset, faces: Collection[int], reason: SetAsideReason, by: User, at: datetime
) -> list[int]:
    ready = Face.objects.filter(dataset=dataset, pk__in=faces).ready().order_by("pk")
    aside = list(ready.select_for_update().values_list("pk", flat=True))
    Face.objects.filter(pk__in=aside).update(
        status=Status.SET_ASIDE, set_aside_reason=reason, set_aside_by=by, set_aside_at=at
    )
    return aside


def bring_back(dataset: Dataset, faces: Collection[int]) -> int:
    """Faces that were set aside are in use again; returns how many."""
    return _bring_back(Q(dataset=dataset, pk__in=faces))


def _bring_back(which: Q) -> int:
    return (
        Face.objects.set_aside()
        .filter(which)
        .update(status=Status.READY, set_aside_reason="", set_aside_by=None, set_aside_at=None)
    )


@transaction.atomic
def undo_last(dataset: Dataset, *, by: User, at: datetime) -> Decision | None:
    """Take back her last decision in this data set that stands; None where there is none."""
    hers = Decision.objects.filter(dataset=dataset, by=by, undone_at__isnull=True)
    decision = hers.select_for_update().order_by("-pk").first()
    if decision is None:
        return None
    # Only as it set them aside: somebody may have brought one back and set it aside anew.
    _bring_back(Q(pk__in=decision.set_aside, set_aside_at=decision.at, set_aside_by=by))
    DuplicatePair.objects.filter(pk__in=decision.judged).update(is_judged=False)
    decision.kept_faces.all().delete()
    decision.undone_at = at
    decision.save(update_fields=["undone_at"])
    return decision
