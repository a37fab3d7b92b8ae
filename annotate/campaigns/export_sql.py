"""The queries behind the export. Text only: parameters are bound by export.py."""

from __future__ import annotations

COLUMNS = (
    "anchor", "positive", "negative", "anchor_image", "positive_image", "negative_image", "kind", "source",
    "group", "repetition", "round", "chain", "annotators", "weight", "strength", "votes_for", "votes_against",
)  # fmt: skip

# Those that the queries below join, less the large and rarely changing ones.
TABLES = (
    "campaigns_relation, campaigns_comparison, campaigns_vote, campaigns_candidate, campaigns_bracket, "
    "campaigns_group"
)

# "o is the odd one of x, y, o" is the triplet (x, y, o), x before y as in the imported row.
_IMPORTED = """
    SELECT t.*,
        CASE t.odd WHEN 1 THEN 2 ELSE 1 END AS anchor_place,
        CASE t.odd WHEN 1 THEN t.face_2_id ELSE t.face_1_id END AS anchor_id,
        CASE t.odd WHEN 3 THEN t.face_2_id ELSE t.face_3_id END AS positive_id,
        CASE t.odd WHEN 1 THEN t.face_1_id WHEN 2 THEN t.face_2_id ELSE t.face_3_id END AS negative_id
    FROM faces_importedtriplet t
    WHERE t.dataset_id = %(dataset)s AND t.odd IS NOT NULL
"""

# Each relation is two triplets: against the candidate that lost, and against that candidate's negative.
_DERIVED = """
    SELECT r.id, r.round, r.chain, r.deciders, r.uncertain, r.comparison_id,
        b.group_id, g.index AS group_index, b.repetition, c.position,
        w.slot AS winner_slot, l.slot AS loser_slot,
        s.against_negative, g.anchor_id, w.positive_id,
        CASE WHEN s.against_negative THEN l.negative_id ELSE l.positive_id END AS negative_id,
        CASE WHEN r.chain = 1 AND NOT s.against_negative THEN 'direct' ELSE 'inferred' END AS source
    FROM campaigns_relation r
    JOIN campaigns_bracket b ON b.id = r.bracket_id
    JOIN campaigns_group g ON g.id = b.group_id
    JOIN campaigns_comparison c ON c.id = r.comparison_id
    JOIN campaigns_candidate w ON w.id = r.winner_id
    JOIN campaigns_candidate l ON l.id = r.loser_id
    CROSS JOIN (VALUES (false), (true)) AS s (against_negative)
    WHERE g.campaign_id = %(campaign)s
"""
_DERIVED_ORDER = (
    "d.group_index, d.repetition, d.round, d.position, d.winner_slot, d.loser_slot, d.against_negative"
)

# What the bracket's voters said on the comparison that completed the chain.
_VOTES = """
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE v.named = v.winner) AS votes_for,
            count(*) FILTER (WHERE v.named <> v.winner) AS votes_against
        FROM (
            SELECT c.winner,
                CASE WHEN v.answer = 'uncertain' THEN NULL
                     WHEN (v.answer = 'left') = v.low_is_left THEN v.low ELSE v.high END AS named
            FROM campaigns_vote v JOIN campaigns_comparison c ON c.id = v.comparison_id
            WHERE v.comparison_id = d.comparison_id AND v.counts AND v.retracted_at IS NULL
        ) v
    ) v
"""

_FACES = """
    JOIN faces_face a ON a.id = {from}.anchor_id
    JOIN faces_face p ON p.id = {from}.positive_id
    JOIN faces_face n ON n.id = {from}.negative_id
"""

# The type of a derived triplet follows from the labels of its faces, where all three have one.
_KIND = """
    CASE WHEN '' IN (a.expression, p.expression, n.expression) THEN NULL
         WHEN a.expression = p.expression AND p.expression = n.expression THEN 'ONE_CLASS_TRIPLET'
         WHEN a.expression <> p.expression AND p.expression <> n.expression
              AND a.expression <> n.expression THEN 'THREE_CLASS_TRIPLET'
         ELSE 'TWO_CLASS_TRIPLET' END
"""


# Filled from Python before the query below: P(winner nearer than loser), of each group's pairs.
CONFIDENCES = """
    DROP TABLE IF EXISTS confidence;
    CREATE TEMPORARY TABLE confidence (
        group_id bigint, winner smallint, loser smallint, confidence real
    ) ON COMMIT DROP
"""
_CONFIDENCE = """
    LEFT JOIN confidence s
        ON s.group_id = d.group_id AND s.winner = d.winner_slot AND s.loser = d.loser_slot
"""


def _smallest_weight(annotators: str) -> str:
    return f"(SELECT min((%(weights)s::jsonb ->> k::text)::float8) FROM unnest({annotators}) k)"


def _names(annotators: str) -> str:
    return f"%(prefix)s || array_to_string({annotators}, ';' || %(prefix)s)"


def imported(numbered: bool, with_confidence: bool = False) -> str:
    """The imported triplets of %(dataset)s that have a majority."""
    number = "row_number() OVER (ORDER BY t.id)," if numbered else ""
    return f"""
        SELECT {number} a.key, p.key, n.key, a.image, p.image, n.image, NULLIF(t.kind, ''), 'imported',
            NULL, NULL, NULL, 0, {_names("t.raters")}, {_smallest_weight("t.raters")},
            t.strength, t.votes_for, t.votes_against {", NULL" if with_confidence else ""}
        FROM ({_IMPORTED}) t {_FACES.replace("{from}", "t")}
        ORDER BY t.id
    """


def derived(numbered: bool, with_confidence: bool = False) -> str:
    """The direct and inferred triplets of %(campaign)s, of %(sources)s, numbered from %(before)s + 1."""
    number = f"%(before)s + row_number() OVER (ORDER BY {_DERIVED_ORDER})," if numbered else ""
    annotators = "d.deciders || d.uncertain"
    return f"""
        SELECT {number} a.key, p.key, n.key, a.image, p.image, n.image, {_KIND}, d.source,
            d.group_index, d.repetition, d.round, d.chain, {_names(annotators)},
            {_smallest_weight(annotators)}, NULL, v.votes_for, v.votes_against
            {", s.confidence" if with_confidence else ""}
        FROM ({_DERIVED}) d {_FACES.replace("{from}", "d")} {_VOTES}
        {_CONFIDENCE if with_confidence else ""}
        WHERE d.source = ANY(%(sources)s)
        ORDER BY {_DERIVED_ORDER}
    """


def imported_answers() -> str:
    """What each rater of each imported triplet said, in the triplet's own terms."""
    return f"""
        SELECT t.triplet, %(prefix)s || x.rater,
            CASE WHEN x.answer = 0 THEN 'uncertain' WHEN x.answer = t.odd THEN 'negative'
                 WHEN x.answer = t.anchor_place THEN 'anchor' ELSE 'positive' END,
            (%(weights)s::jsonb ->> x.rater)::float8
        FROM (SELECT i.*, row_number() OVER (ORDER BY i.id) AS triplet FROM ({_IMPORTED}) i) t
        CROSS JOIN LATERAL unnest(t.raters, t.answers) AS x (rater, answer)
        ORDER BY t.triplet, x.rater
    """


def derived_answers() -> str:
    """Who answered along each derived triplet's chain, and whether she named its winners."""
    return f"""
        SELECT t.triplet, %(prefix)s || x.annotator, x.answer,
            (%(weights)s::jsonb ->> x.annotator::text)::float8
        FROM (
            SELECT d.*, %(before)s + row_number() OVER (ORDER BY {_DERIVED_ORDER}) AS triplet
            FROM ({_DERIVED}) d WHERE d.source = ANY(%(sources)s)
        ) t
        CROSS JOIN LATERAL (
            SELECT unnest(t.deciders) AS annotator, 'negative' AS answer
            UNION ALL SELECT unnest(t.uncertain), 'uncertain'
        ) x
        ORDER BY t.triplet, x.annotator
    """
