"""One file of a campaign's triplets, as they were chosen and in the layout that was asked for."""

from __future__ import annotations

import tempfile
from typing import BinaryIO

from annotate.campaigns.export import copy_triplets
from annotate.campaigns.export_choice import FORMATS, Choice
from annotate.campaigns.export_fec import write_fec
from annotate.campaigns.export_parquet import write_parquet
from annotate.campaigns.models import Campaign

SUFFIXES = {"csv": "triplets.csv", "fec": "fec.csv", "parquet": "triplets.parquet"}
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "fec": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}


def write_triplets(out: BinaryIO, *, campaign: Campaign, choice: Choice, layout: str) -> int:
    """Write the file to `out` and return its triplets. Memory does not grow with them.

    Raises ValueError where the layout is none of FORMATS.
    """
    if layout not in FORMATS:
        raise ValueError(f"Unknown format {layout}; the formats are {', '.join(FORMATS)}")
    if layout == "fec":
        return write_fec(out, campaign=campaign, choice=choice)
    if layout == "csv":
        return _copy(out, campaign, choice)
    with tempfile.TemporaryFile() as table:
        written = _copy(table, campaign, choice)
        table.seek(0)
        write_parquet(out, table)
    return written


def _copy(out: BinaryIO, campaign: Campaign, choice: Choice) -> int:
    return copy_triplets(
        out, dataset=campaign.dataset, campaign=campaign, choice=choice, with_confidence=True
    )


def spooled(*, campaign: Campaign, choice: Choice, layout: str) -> tuple[BinaryIO, int]:
    """The file, open at its beginning and gone once it is closed, and its triplets. A failure is met before
    anything is served, and never a torn file."""
    out = tempfile.TemporaryFile()  # noqa: SIM115 - whoever serves it closes it
    try:
        written = write_triplets(out, campaign=campaign, choice=choice, layout=layout)
    except BaseException:
        out.close()
        raise
    out.seek(0)
    return out, written
