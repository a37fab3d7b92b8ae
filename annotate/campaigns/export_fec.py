"""Writes triplets in the layout of Google's FEC files (annotate/faces/fec_layout.py reads them): three faces,
the type, and each annotator with the face that she set apart."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import quote

from annotate.campaigns import export_sql
from annotate.campaigns.confident import Sure, sure_triplets
from annotate.campaigns.export import consistent_read, copy
from annotate.campaigns.export_choice import Choice
from annotate.campaigns.models import Campaign
from annotate.campaigns.weights import annotator_tallies
from annotate.faces.models import Face
from annotate.tournament.agreement import weights

# The query makes whole lines, for rows are ragged: neither quote nor delimiter ever stands in one.
LINES = "FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02'"
WHOLE = (0.0, 1.0, 0.0, 1.0)
SAFE_IN_PATH = "/!$&'()*+,;=@~"
UNKNOWN_KIND = "TWO_CLASS_TRIPLET"


def write_fec(out: BinaryIO, *, campaign: Campaign, choice: Choice) -> int:
    """Write one line a triplet and return their number; all that several brackets say alike is one line."""
    written = 0
    parameters = {"campaign": campaign.pk, "dataset": campaign.dataset_id} | choice.parameters()
    with consistent_read():
        if "imported" in choice.sources:
            written += copy(out, export_sql.fec_imported(), parameters, LINES)
        if not choice.has_derived:
            return written
        if choice.min_confidence is not None:
            return written + _write_sure(out, campaign, choice)
        return written + copy(out, export_sql.fec_derived(), parameters, LINES)


def _write_sure(out: BinaryIO, campaign: Campaign, choice: Choice) -> int:
    written = 0
    for of_group in sure_triplets(campaign, weights(annotator_tallies(campaign)), choice):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([*_cells(sure)] for sure in of_group)
        out.write(text.getvalue().encode())
        written += len(of_group)
    return written


def _cells(sure: Sure) -> Iterator[object]:
    for face in sure.faces:
        yield from _face(face)
    yield sure.kind or UNKNOWN_KIND
    for annotator, odd in sure.answers:
        yield f"user:{annotator}"
        yield odd


def _face(face: Face) -> tuple[object, ...]:
    return face.url or quote(face.image, safe=SAFE_IN_PATH), *(face.box or WHOLE)
