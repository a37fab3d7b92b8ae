"""Where a face appears: in imported triplets, groups, comparisons, gold and snapshots. Reads only.

Each list is in the order of its ids, so that a page of it begins after the last row of the one before.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from contextlib import suppress
from typing import IO

from django.db.models import F, Prefetch, Q, QuerySet

from annotate.campaigns.models import Candidate, Comparison, Gold, Group, Relation, Vote
from annotate.faces.models import Face, ImportedTriplet
from annotate.training.models import Snapshot
from annotate.training.snapshot_store import open_file

PART_BYTES = 1 << 20


def imported_triplets_of(face: Face) -> QuerySet:
    """The imported triplets that it is one of."""
    of_it = Q(face_1=face) | Q(face_2=face) | Q(face_3=face)
    return ImportedTriplet.objects.filter(of_it).select_related("face_1", "face_2", "face_3").order_by("pk")


def groups_of(face: Face) -> QuerySet:
    """The groups that it is in, as anchor, as candidate or as a candidate's negative."""
    # A union, not an OR: each half has an index of its own.
    as_anchor = Group.objects.filter(anchor=face).values("pk")
    as_candidate = Candidate.objects.filter(Q(positive=face) | Q(negative=face)).values("group")
    return (
        Group.objects.filter(pk__in=as_anchor.union(as_candidate))
        .select_related("campaign", "anchor")
        .prefetch_related(
            Prefetch(
                "candidates",
                Candidate.objects.filter(Q(positive=face) | Q(negative=face)).select_related(
                    "positive", "negative"
                ),
                to_attr="its_candidates",
            ),
            "brackets",
        )
        .order_by("pk")
    )


def comparisons_of(face: Face) -> QuerySet:
    """The comparisons that show it, as anchor or as one of the two, with every vote on them."""
    as_anchor = Comparison.objects.filter(group__anchor=face).values("pk")
    as_one = Comparison.objects.filter(
        Q(low=F("group__candidates__slot")) | Q(high=F("group__candidates__slot")),
        group__candidates__positive=face,
    ).values("pk")
    return (
        Comparison.objects.filter(pk__in=as_anchor.union(as_one))
        .select_related("campaign", "group__anchor", "bracket")
        .prefetch_related(_votes())
        .order_by("pk")
    )


def gold_of(face: Face) -> QuerySet:
    """The gold comparisons that show it, with every vote on them."""
    of_it = Q(anchor=face) | Q(nearer=face) | Q(farther=face)
    return (
        Gold.objects.filter(of_it)
        .select_related("campaign", "anchor", "nearer", "farther")
        .prefetch_related(_votes())
        .order_by("pk")
    )


def _votes() -> Prefetch:
    return Prefetch("votes", Vote.objects.select_related("annotator").order_by("created_at", "pk"))


def candidate_faces(comparisons: Iterable[Comparison]) -> dict[tuple[int, int], Face]:
    """The face that stands in each slot of these comparisons' groups, by group and slot."""
    groups = {comparison.group_id for comparison in comparisons}
    candidates = Candidate.objects.filter(group__in=groups).select_related("positive")
    return {(candidate.group_id, candidate.slot): candidate.positive for candidate in candidates}


def derived_triplet_count(face: Face) -> int:
    """In how many triplets of its brackets it is: each relation stands for two (Relation)."""
    relations = Relation.objects
    as_anchor = relations.filter(bracket__group__anchor=face).count()
    as_winner = relations.filter(winner__positive=face).count()
    as_loser = relations.filter(loser__positive=face).count()
    as_negative = relations.filter(loser__negative=face).count()
    return 2 * as_anchor + 2 * as_winner + as_loser + as_negative


def snapshots_of(face: Face) -> list[Snapshot]:
    """The snapshots whose faces.csv names it. The files are searched: about a millisecond a megabyte."""
    snapshots = Snapshot.objects.filter(dataset=face.dataset).select_related("campaign").order_by("-pk")
    return [snapshot for snapshot in snapshots if _names(snapshot, face)]


def _names(snapshot: Snapshot, face: Face) -> bool:
    cell = io.StringIO()
    csv.writer(cell, lineterminator="").writerow([face.key, ""])
    row = b"\n" + cell.getvalue().encode()
    # One that was removed by hand names nobody.
    with suppress(FileNotFoundError), open_file(snapshot.folder, "faces.csv") as file:
        return _holds(file, row)
    return False


def _holds(file: IO[bytes], row: bytes) -> bool:
    """Whether a file, read once and by parts, holds these bytes."""
    part = b""
    while more := file.read(PART_BYTES):
        part = part[-len(row) :] + more
        if row in part:
            return True
    return False
