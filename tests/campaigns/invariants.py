"""What must hold of a campaign whatever happened on the way, each rule asked of the tables in plain SQL."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection

from annotate.campaigns.models import Campaign, Vote
from annotate.campaigns.verification import differences
from tests.campaigns.load import Record, Told

# Each finds rows that break its rule, and nothing else. Votes are live ones: not retracted.
BROKEN = {
    "a: a finished bracket without exactly k - 1 decided comparisons": """
        SELECT b.id FROM campaigns_bracket b JOIN campaigns_group g ON g.id = b.group_id
        JOIN campaigns_campaign m ON m.id = g.campaign_id
        LEFT JOIN campaigns_comparison c ON c.bracket_id = b.id AND NOT c.is_withdrawn
        WHERE m.id = %(campaign)s AND b.finished_at IS NOT NULL
        GROUP BY b.id, m.k
        HAVING count(c.winner) <> m.k - 1 OR count(c.id) <> m.k - 1
            OR count(c.winner) FILTER (WHERE 1 << c.round = m.k) <> 1""",
    "a: a comparison of a later round that is not between the two winners before it": """
        SELECT c.id FROM campaigns_comparison c
        WHERE c.campaign_id = %(campaign)s AND c.round > 1 AND NOT c.is_withdrawn AND ARRAY[c.low, c.high]
            IS DISTINCT FROM (SELECT array_agg(b.winner ORDER BY b.winner) FROM campaigns_comparison b
                WHERE b.bracket_id = c.bracket_id AND b.round = c.round - 1 AND NOT b.is_withdrawn
                    AND b.position / 2 = c.position)""",
    "b: the same anchor and pair answered twice by one annotator": """
        SELECT min(id::text) FROM campaigns_vote
        WHERE campaign_id = %(campaign)s AND retracted_at IS NULL AND group_id IS NOT NULL
        GROUP BY annotator_id, group_id, least(low, high), greatest(low, high) HAVING count(*) > 1""",
    "c: an annotator with two seats in a group": """
        SELECT group_id FROM campaigns_seat WHERE campaign_id = %(campaign)s
        GROUP BY group_id, annotator_id HAVING count(*) > 1""",
    "c: an annotator counted in two repetitions of a group, and not as a stand-in": """
        SELECT c.group_id FROM campaigns_vote v JOIN campaigns_comparison c ON c.id = v.comparison_id
        WHERE v.campaign_id = %(campaign)s AND v.counts AND NOT v.is_stand_in AND c.bracket_id IS NOT NULL
        GROUP BY c.group_id, v.annotator_id HAVING count(DISTINCT c.bracket_id) > 1""",
    "d: more votes counted than a comparison asks for": """
        SELECT c.id FROM campaigns_comparison c JOIN campaigns_campaign m ON m.id = c.campaign_id
        JOIN campaigns_vote v ON v.comparison_id = c.id AND v.counts AND v.retracted_at IS NULL
        WHERE m.id = %(campaign)s GROUP BY c.id, m.max_uncertain
        HAVING count(*) FILTER (WHERE v.answer <> 'uncertain') > 1 OR count(*) > m.max_uncertain""",
    "f: a vote that does not count though its comparison was open all the time": """
        SELECT v.id FROM campaigns_vote v JOIN campaigns_comparison c ON c.id = v.comparison_id
        WHERE v.campaign_id = %(campaign)s AND NOT v.counts AND v.flag IS NULL
        AND NOT c.is_withdrawn AND NOT EXISTS (
            SELECT FROM campaigns_vote w WHERE w.comparison_id = c.id AND w.counts AND w.id <> v.id)
        AND NOT EXISTS (
            -- It may have been withdrawn just then.
            SELECT FROM campaigns_vote w JOIN campaigns_comparison b ON b.id = w.comparison_id
            WHERE b.bracket_id = c.bracket_id AND b.round < c.round AND w.counts
                AND w.retracted_at IS NOT NULL)""",
    "g: a tie that not enough annotators were uncertain about, or that something was derived from": """
        SELECT c.id FROM campaigns_comparison c JOIN campaigns_campaign m ON m.id = c.campaign_id
        WHERE m.id = %(campaign)s AND c.is_tie AND NOT c.is_withdrawn AND (m.max_uncertain <> (
            SELECT count(DISTINCT annotator_id) FROM campaigns_vote v WHERE v.comparison_id = c.id
                AND v.counts AND v.retracted_at IS NULL AND v.answer = 'uncertain')
            OR EXISTS (SELECT FROM campaigns_relation r WHERE r.comparison_id = c.id))""",
    "h: a vote on other sides than were shown": """
        SELECT v.id FROM campaigns_vote v LEFT JOIN campaigns_showing s ON s.annotator_id = v.annotator_id
            AND (s.comparison_id = v.comparison_id OR s.gold_id = v.gold_id)
        WHERE v.campaign_id = %(campaign)s AND s.low_is_left IS DISTINCT FROM v.low_is_left""",
    "two annotators looking at one closed comparison, or a lease on one": """
        SELECT id FROM campaigns_comparison WHERE campaign_id = %(campaign)s
            AND leased_to_id IS NOT NULL AND (winner IS NOT NULL OR is_withdrawn)""",
}


def violations(campaign: Campaign, record: Record) -> Iterator[str]:
    """Each violation of a rule as a sentence."""
    yield from record.faults
    with connection.cursor() as cursor:
        for rule, query in BROKEN.items():
            cursor.execute(query, {"campaign": campaign.pk})
            for (what,) in cursor.fetchall():
                yield f"{rule}: {what}"
    yield from _lost_or_doubled(campaign, record)
    yield from (f"h: {difference}" for difference in differences(campaign))


def _lost_or_doubled(campaign: Campaign, record: Record) -> Iterator[str]:
    """Rule e. A vote whose answer never came may be stored or not; all others must be, as was said."""
    stored = {vote.pk: vote for vote in Vote.objects.filter(campaign=campaign)}
    shown_as = _showings(campaign)
    for vote_id, told in record.told.items():
        vote = stored.get(vote_id)
        if vote is None:
            yield f"e: vote {vote_id} was acknowledged and is not stored"
            continue
        showing = shown_as[vote.annotator_id, vote.comparison_id, vote.gold_id]
        in_time = vote.counts or vote.gold_id is not None
        if told != Told(vote.annotator_id, showing, vote.answer, in_time):
            yield f"e: vote {vote_id} is stored otherwise than {told}"
        if (vote.retracted_at is not None) != (vote_id in record.undone):
            yield f"e: vote {vote_id} was {'' if vote.retracted_at else 'not '}taken back"
    for vote_id, vote in stored.items():
        if record.sent.get(vote_id) != vote.annotator_id:
            yield f"e: vote {vote_id} is stored and was not sent by annotator {vote.annotator_id}"


def _showings(campaign: Campaign) -> dict[tuple[int, int | None, int | None], int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.annotator_id, s.comparison_id, s.gold_id, s.id FROM campaigns_showing s "
            "LEFT JOIN campaigns_comparison c ON c.id = s.comparison_id "
            "LEFT JOIN campaigns_gold g ON g.id = s.gold_id WHERE %s IN (c.campaign_id, g.campaign_id)",
            [campaign.pk],
        )
        return {(annotator, comparison, gold): pk for annotator, comparison, gold, pk in cursor.fetchall()}
