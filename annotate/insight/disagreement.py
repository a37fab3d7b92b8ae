"""How far annotators disagree on the questions that show a face. Reads only.

A question is an imported triplet, or a pair of a group's candidates, that at least two people answered; who
was uncertain did not answer. Its disagreement is the share of pairs of answers that differ (which does not
depend on how many answered), as a multiple of what answers at random would give: 2/3 of three images, 1/2 of
two. So 0 is "everybody agrees" and 1 "as if they had thrown dice". A face's is the mean over its questions.
Gold is left out.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection

# A mean of fewer says little of the face.
LEAST_QUESTIONS = 3


def disagreement(datasets: Collection[int], least: int = LEAST_QUESTIONS) -> list[tuple[int, float, int]]:
    """Of the faces of these data sets that at least so many questions show: id, disagreement, questions."""
    with connection.cursor() as cursor:
        cursor.execute(_DISAGREEMENT, {"datasets": list(datasets), "least": least})
        return cursor.fetchall()


_DISAGREEMENT = """
    WITH counted AS (
        SELECT face_1_id, face_2_id, face_3_id,
            cardinality(array_positions(answers, 1::smallint)) AS one,
            cardinality(array_positions(answers, 2::smallint)) AS two,
            cardinality(array_positions(answers, 3::smallint)) AS three
        FROM faces_importedtriplet WHERE dataset_id = ANY(%(datasets)s)
    ), triplets AS (
        SELECT *, one + two + three AS n FROM counted WHERE one + two + three >= 2
    ), pairs AS (
        SELECT v.group_id, v.low, v.high, count(*) AS n,
            count(*) FILTER (WHERE (v.answer = 'left') = v.low_is_left) AS for_low
        FROM campaigns_vote v JOIN campaigns_campaign c ON c.id = v.campaign_id
        WHERE c.dataset_id = ANY(%(datasets)s) AND v.group_id IS NOT NULL
            AND v.retracted_at IS NULL AND v.answer <> 'uncertain'
        GROUP BY v.group_id, v.low, v.high HAVING count(*) >= 2
    ), questions AS (
        SELECT shown.face,
            1.5 * (1 - (one * (one - 1) + two * (two - 1) + three * (three - 1))::float / (n * (n - 1))) AS d
        FROM triplets CROSS JOIN LATERAL (VALUES (face_1_id), (face_2_id), (face_3_id)) AS shown (face)
        UNION ALL
        SELECT shown.face, 4.0 * for_low * (n - for_low) / (n * (n - 1)) AS d
        FROM pairs
        JOIN campaigns_group g ON g.id = pairs.group_id
        JOIN campaigns_candidate l ON l.group_id = pairs.group_id AND l.slot = pairs.low
        JOIN campaigns_candidate h ON h.group_id = pairs.group_id AND h.slot = pairs.high
        CROSS JOIN LATERAL (VALUES (g.anchor_id), (l.positive_id), (h.positive_id)) AS shown (face)
    )
    SELECT face, avg(d)::float, count(*)::int FROM questions
    GROUP BY face HAVING count(*) >= %(least)s ORDER BY face
"""
