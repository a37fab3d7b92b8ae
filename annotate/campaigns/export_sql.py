"""The queries behind the export. Text only: parameters are bound where they are run."""

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
        AND t.strength = ANY(%(strengths)s) AND t.split = ANY(%(splits)s)
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
    WHERE g.campaign_id = %(campaign)s AND g.split = ANY(%(splits)s)
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


# A relation of chain 1 is one direct and one inferred triplet, a longer one is two inferred ones.
_RELATIONS = """
    FROM campaigns_relation r
    JOIN campaigns_bracket b ON b.id = r.bracket_id
    JOIN campaigns_group g ON g.id = b.group_id
    WHERE g.campaign_id = %(campaign)s AND g.split = ANY(%(splits)s)
"""
_EACH = f"SELECT r.chain AS nearest, r.chain AS farthest {_RELATIONS}"
_ONCE = (
    f"SELECT min(r.chain) AS nearest, max(r.chain) AS farthest {_RELATIONS} GROUP BY r.winner_id, r.loser_id"
)


def counted(*, once: bool) -> str:
    """Imported triplets; pairs that brackets say something of, those said directly, those said by a longer
    chain: each bracket's, or each pair `once` for all of them."""
    return f"""
        SELECT (SELECT count(*) FROM faces_importedtriplet t WHERE t.dataset_id = %(dataset)s
                AND t.strength = ANY(%(strengths)s) AND t.split = ANY(%(splits)s)),
            count(*), count(*) FILTER (WHERE nearest = 1), count(*) FILTER (WHERE farthest > 1)
        FROM ({_ONCE if once else _EACH}) r
    """


def _cell(text: str) -> str:
    """A cell of CSV, quoted where it must be."""
    return f"""CASE WHEN {text} ~ '[",\n\r]' THEN '"' || replace({text}, '"', '""') || '"' ELSE {text} END"""


# Where a face has no URL its image's name stands there, encoded as the path of one.
_AS_PATH = "f.image"
for _character, _code in (("%", "%25"), ("#", "%23"), ("?", "%3F"), (":", "%3A"), (" ", "%20")):
    # Parameters are bound by the percent sign.
    _AS_PATH = f"replace({_AS_PATH}, '{_character.replace('%', '%%')}', '{_code.replace('%', '%%')}')"

# Url or image, and the box as left, right, top, bottom: the whole picture where a face has none.
_FEC_FACES = f"""
    WITH face AS MATERIALIZED (
        SELECT f.id, f.expression, {_cell("f.address")} || ',' || array_to_string(
            CASE WHEN cardinality(f.box) = 4 THEN f.box ELSE ARRAY[0, 1, 0, 1]::float8[] END, ',') AS cells
        FROM (SELECT f.*, CASE f.url WHEN '' THEN {_AS_PATH} ELSE f.url END AS address
              FROM faces_face f WHERE f.dataset_id = %(dataset)s) f
    )
"""
_FEC_KIND = "coalesce(NULLIF({kind}, ''), 'TWO_CLASS_TRIPLET')"


def fec_imported() -> str:
    """Lines of the FEC layout: the imported triplets of %(dataset)s as they came."""
    return f"""
        {_FEC_FACES}
        SELECT concat_ws(',', a.cells, b.cells, c.cells, {_FEC_KIND.format(kind="t.kind")}, (
            SELECT string_agg({_cell("x.rater")} || ',' || x.answer, ',' ORDER BY x.place)
            FROM unnest(t.raters, t.answers) WITH ORDINALITY AS x (rater, answer, place)
        ))
        FROM ({_IMPORTED}) t
        JOIN face a ON a.id = t.face_1_id JOIN face b ON b.id = t.face_2_id JOIN face c ON c.id = t.face_3_id
        ORDER BY t.id
    """


def fec_derived() -> str:
    """Lines of the FEC layout: anchor, positive and negative, of whichever brackets of %(campaign)s say so,
    and everyone who answered along their chains. 3 is the negative, 0 is uncertain."""
    return f"""
        {_FEC_FACES}, said AS (
            SELECT d.group_index, d.winner_slot, d.loser_slot, d.against_negative,
                d.anchor_id, d.positive_id, d.negative_id, x.annotator, max(x.answer) AS answer
            FROM ({_DERIVED}) d
            CROSS JOIN LATERAL (
                SELECT unnest(d.deciders) AS annotator, 3 AS answer UNION ALL SELECT unnest(d.uncertain), 0
            ) x
            WHERE d.source = ANY(%(sources)s)
            GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
        ), line AS (
            SELECT s.group_index, s.winner_slot, s.loser_slot, s.against_negative,
                s.anchor_id, s.positive_id, s.negative_id,
                string_agg('user:' || s.annotator || ',' || s.answer, ',' ORDER BY s.annotator) AS answers
            FROM said s GROUP BY 1, 2, 3, 4, 5, 6, 7
        )
        SELECT concat_ws(',', a.cells, p.cells, n.cells, {_FEC_KIND.format(kind=_KIND)}, d.answers)
        FROM line d
        JOIN face a ON a.id = d.anchor_id
        JOIN face p ON p.id = d.positive_id
        JOIN face n ON n.id = d.negative_id
        ORDER BY d.group_index, d.winner_slot, d.loser_slot, d.against_negative
    """
