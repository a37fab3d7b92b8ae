"""Annotator weights W_k (eq. 3) of a campaign's annotators and of its data set's raters."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from django.db import connection
from django.db.models import Count

from annotate.campaigns.brackets import as_match
from annotate.campaigns.models import Campaign, Comparison, Vote
from annotate.faces.models import Dataset
from annotate.tournament.agreement import AlikeAnswers, Tally, tally_group, tally_raters
from annotate.tournament.closure import Match

ROWS_AT_ONCE = 2_000

ALIKE_ANSWERS = """
    SELECT x.rater, x.answer, t.named_1, t.named_2, t.named_3, count(*)
    FROM (
        SELECT raters, answers,
            cardinality(array_positions(answers, 1::smallint)) AS named_1,
            cardinality(array_positions(answers, 2::smallint)) AS named_2,
            cardinality(array_positions(answers, 3::smallint)) AS named_3
        FROM faces_importedtriplet WHERE dataset_id = %s
    ) t
    CROSS JOIN LATERAL unnest(t.raters, t.answers) AS x (rater, answer)
    GROUP BY 1, 2, 3, 4, 5
"""


def rater_tallies(dataset: Dataset) -> dict[str, Tally]:
    """How far each rater of the imported triplets agrees with the others, by her id in the data set."""
    # The database only counts, and sends few rows: what agrees with what is the core's to say.
    with connection.cursor() as cursor:
        cursor.execute(ALIKE_ANSWERS, [dataset.pk])
        return tally_raters(
            AlikeAnswers(rater, answer, (one, two, three), times)
            for rater, answer, one, two, three, times in cursor
        )


def annotator_tallies(campaign: Campaign) -> dict[int, Tally]:
    """How far each annotator's votes agree with the group's other brackets, by user id."""
    tallies: dict[int, Tally] = {}
    for _, brackets in played_groups(campaign):
        tally_group(brackets, tallies)
    still_open = Vote.objects.counted().filter(campaign=campaign, comparison__winner__isnull=True)
    for annotator, votes in still_open.values_list("annotator").annotate(Count("id")).order_by():
        tallies.setdefault(annotator, Tally()).votes += votes
    return tallies


def played_groups(campaign: Campaign) -> Iterator[tuple[int, list[list[Match]]]]:
    """Each group and its brackets, each its decided comparisons."""
    comparisons = (
        Comparison.objects.filter(campaign=campaign, winner__isnull=False, bracket__isnull=False)
        .order_by("group", "bracket", "id")
        .prefetch_related("votes")
    )
    rows = comparisons.iterator(chunk_size=ROWS_AT_ONCE)
    for group, of_group in groupby(rows, key=lambda comparison: comparison.group_id):
        yield (
            group,
            [
                [as_match(comparison, list(comparison.votes.all())) for comparison in of_bracket]
                for _, of_bracket in groupby(of_group, key=lambda comparison: comparison.bracket_id)
            ],
        )
