"""Writes the triplets that a campaign is sure of: across repetitions, no pair both ways, no cycle."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from annotate.campaigns.confidence import Ranked, rank
from annotate.campaigns.export_sql import COLUMNS
from annotate.campaigns.models import Campaign, Candidate, Group
from annotate.faces.models import Face


def write_confident(
    out: BinaryIO, campaign: Campaign, weight: Mapping[int, float], min_confidence: float
) -> int:
    """Write the rows of all pairs known with at least `min_confidence`; returns how many.

    For "i over j" two triplets: against candidate j and against j's negative. Both carry the pair's
    confidence. Raises ValueError for a confidence that is not above one half.
    """
    written = 0
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for ranked in rank(campaign, weight):
        pairs = ranked.posterior.resolve(min_confidence)
        if pairs:
            for row in _rows(ranked, pairs, weight):
                rows.writerow(row)
                written += 1
            out.write(text.getvalue().encode())
            text.seek(0)
            text.truncate()
    return written


def _rows(
    ranked: Ranked, pairs: list[tuple[int, int, float]], weight: Mapping[int, float]
) -> Iterator[list[object]]:
    group = Group.objects.select_related("anchor").get(pk=ranked.group)
    candidates = {
        candidate.slot: candidate
        for candidate in Candidate.objects.filter(group=group).select_related("positive", "negative")
    }
    annotators = ";".join(f"user:{annotator}" for annotator in ranked.annotators)
    least = round(min(weight.get(annotator, 1.0) for annotator in ranked.annotators), 6)
    for winner, loser, confidence in pairs:
        votes = ranked.direct(winner, loser)
        against = candidates[loser].positive, candidates[loser].negative
        for face, is_negative in zip(against, (False, True), strict=True):
            source = "direct" if any(votes) and not is_negative else "inferred"
            faces = group.anchor, candidates[winner].positive, face
            yield [
                *(one.key for one in faces), *(one.image for one in faces), _kind(*faces), source,
                group.index, "", "", "", annotators, least, "", *votes, f"{confidence:.4f}",
            ]  # fmt: skip


def _kind(anchor: Face, positive: Face, negative: Face) -> str:
    labels = [anchor.expression, positive.expression, negative.expression]
    if "" in labels:
        return ""
    return ("ONE", "TWO", "THREE")[len(set(labels)) - 1] + "_CLASS_TRIPLET"


HEADER = ",".join((*COLUMNS, "confidence")) + "\n"
