"""Annotator weights W_k (eq. 3) of a campaign's annotators and of its data set's raters."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from django.db.models import Count

from annotate.campaigns.models import Campaign, Comparison, Vote
from annotate.campaigns.voting import as_match
from annotate.faces.models import Dataset
from annotate.tournament.agreement import Tally, tally_group, tally_raters
from annotate.tournament.closure import Match

ROWS_AT_ONCE = 5_000


def rater_tallies(dataset: Dataset) -> dict[str, Tally]:
    """How far each rater of the imported triplets agrees with the others, by her id in the data set."""
    tallies: dict[str, Tally] = {}
    rows = dataset.imported_triplets.values_list("raters", "answers")
    tally_raters(rows.iterator(chunk_size=ROWS_AT_ONCE), tallies)
    return tallies


def annotator_tallies(campaign: Campaign) -> dict[int, Tally]:
    """How far each annotator's votes agree with the group's other brackets, by user id."""
    tallies: dict[int, Tally] = {}
    for brackets in _groups(campaign):
        tally_group(brackets, tallies)
    still_open = Vote.objects.filter(comparison__campaign=campaign, comparison__winner__isnull=True)
    for annotator, votes in still_open.values_list("annotator").annotate(Count("id")).order_by():
        tallies.setdefault(annotator, Tally()).votes += votes
    return tallies


def _groups(campaign: Campaign) -> Iterator[list[list[Match]]]:
    """Each group's brackets, each its decided comparisons."""
    comparisons = (
        Comparison.objects.filter(campaign=campaign, winner__isnull=False)
        .order_by("group", "bracket", "id")
        .prefetch_related("votes")
    )
    rows = comparisons.iterator(chunk_size=ROWS_AT_ONCE)
    for _, of_group in groupby(rows, key=lambda comparison: comparison.group_id):
        yield [
            [as_match(comparison, list(comparison.votes.all())) for comparison in of_bracket]
            for _, of_bracket in groupby(of_group, key=lambda comparison: comparison.bracket_id)
        ]
