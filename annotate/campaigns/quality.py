"""The quality of a campaign's answers: of each annotator's, and how far all of them agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection

from annotate.campaigns.models import Campaign
from annotate.campaigns.weights import annotator_tallies
from annotate.tournament.agreement import Tally, weights
from annotate.tournament.quality import FAST_TAIL, TOO_FAST_MS, Quality, Share, krippendorff_alpha

# Each query sends one row an annotator, or one a kind of unit, however many votes there are.
HABITS = """
    SELECT annotator_id,
        count(*) FILTER (WHERE live),
        count(*) FILTER (WHERE retracted_at IS NOT NULL),
        count(*) FILTER (WHERE flag IS NOT NULL AND retracted_at IS NULL),
        count(*) FILTER (WHERE live AND answer = 'uncertain'),
        count(*) FILTER (WHERE live AND answer = 'left'),
        count(*) FILTER (WHERE live AND answer <> 'uncertain' AND gold_id IS NOT NULL),
        count(*) FILTER (
            WHERE live AND answer <> 'uncertain' AND gold_id IS NOT NULL AND (answer = 'left') = low_is_left
        ),
        count(response_ms) FILTER (WHERE live),
        count(*) FILTER (WHERE live AND response_ms < %(too_fast)s),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY response_ms) FILTER (WHERE live),
        percentile_cont(%(fast_tail)s) WITHIN GROUP (ORDER BY response_ms) FILTER (WHERE live)
    FROM (
        SELECT *, retracted_at IS NULL AND flag IS NULL AS live
        FROM campaigns_vote WHERE campaign_id = %(campaign)s
    ) v
    GROUP BY annotator_id
    ORDER BY annotator_id
"""

REPEATS = """
    SELECT annotator_id, count(*) FILTER (WHERE named = named_before), count(*)
    FROM (
        SELECT annotator_id, CASE WHEN names_one THEN one ELSE two END AS named,
            lag(CASE WHEN names_one THEN one ELSE two END) OVER (
                PARTITION BY annotator_id, anchor, least(one, two), greatest(one, two) ORDER BY created_at, id
            ) AS named_before
        FROM (
            SELECT v.annotator_id, v.created_at, v.id, (v.answer = 'left') = v.low_is_left AS names_one,
                coalesce(gold.anchor_id, asked.anchor_id) AS anchor,
                coalesce(gold.nearer_id, low.positive_id) AS one,
                coalesce(gold.farther_id, high.positive_id) AS two
            FROM campaigns_vote v
            LEFT JOIN campaigns_gold gold ON gold.id = v.gold_id
            LEFT JOIN campaigns_group asked ON asked.id = v.group_id
            LEFT JOIN campaigns_candidate low ON low.group_id = v.group_id AND low.slot = v.low
            LEFT JOIN campaigns_candidate high ON high.group_id = v.group_id AND high.slot = v.high
            WHERE v.campaign_id = %(campaign)s AND v.answer <> 'uncertain'
        ) answers
    ) in_order
    WHERE named_before IS NOT NULL
    GROUP BY annotator_id
"""

UNITS = """
    SELECT named_low, named_high, count(*)
    FROM (
        SELECT count(*) FILTER (WHERE (answer = 'left') = low_is_left) AS named_low,
            count(*) FILTER (WHERE (answer = 'left') <> low_is_left) AS named_high
        FROM campaigns_vote
        WHERE campaign_id = %(campaign)s AND group_id IS NOT NULL
            AND retracted_at IS NULL AND answer <> 'uncertain'
        GROUP BY group_id, low, high
        HAVING count(*) > 1
    ) units
    GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Agreement:
    """Krippendorff's alpha, and the number of pairs that it rests on: those with two answers or more."""

    alpha: float | None
    pairs: int


def annotator_quality(campaign: Campaign) -> list[Quality]:
    """The figures of everybody who has voted in the campaign, even if no vote of hers stands; by user id."""
    tallies = annotator_tallies(campaign)
    habits = list(_rows(HABITS, campaign=campaign.pk, too_fast=TOO_FAST_MS, fast_tail=FAST_TAIL))
    for annotator, *_ in habits:
        tallies.setdefault(annotator, Tally())
    weight_of = weights(tallies)
    repeats = {annotator: Share(same, n) for annotator, same, n in _rows(REPEATS, campaign=campaign.pk)}
    return [
        Quality(
            annotator=annotator, votes=votes, retracted=retracted, flagged=flagged,
            weight=weight_of[annotator],
            agreement=Share(tallies[annotator].n_agree, tallies[annotator].n),
            gold=Share(right, gold), uncertain=Share(uncertain, votes), left=Share(left, votes - uncertain),
            too_fast=Share(too_fast, timed), repeats=repeats.get(annotator, Share()),
            median_ms=median_ms, fast_ms=fast_ms,
        )
        for annotator, votes, retracted, flagged, uncertain, left, gold, right, timed, too_fast, median_ms,
        fast_ms in habits
    ]  # fmt: skip


def campaign_agreement(campaign: Campaign) -> Agreement:
    """How far the annotators agree on what several of them answered.

    A unit is an anchor and a pair of its candidates; the values are the lower and the higher slot, which say
    nothing by themselves. Uncertain is a missing answer, and gold is left out, as it is easier than the rest.
    """
    units = Counter({(low, high): pairs for low, high, pairs in _rows(UNITS, campaign=campaign.pk)})
    return Agreement(krippendorff_alpha(units), units.total())


def _rows(query: str, **parameters: object) -> Iterator[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        yield from cursor
