"""The statements by which an FEC import is checked and published. Text only; fec_import.py runs them.

fec_row     a row as parsed; one_, two and three are the numbers of its faces in fec_ref
fec_ref     a face as first met (again after Python's bounded memory of names was cleared)
fec_triplet a row that still stands, by its faces in import_face
"""

CREATE = """
    DROP TABLE IF EXISTS fec_row, fec_ref, fec_triplet;
    CREATE TEMPORARY TABLE fec_ref (
        n integer PRIMARY KEY, row integer NOT NULL, key text NOT NULL, image text NOT NULL,
        url text NOT NULL, box float8[] NOT NULL, face integer
    );
    CREATE TEMPORARY TABLE fec_row (
        row integer NOT NULL, one integer NOT NULL, two integer NOT NULL, three integer NOT NULL,
        kind text NOT NULL, raters varchar(100)[] NOT NULL, answers smallint[] NOT NULL,
        odd smallint, strength text NOT NULL, votes_for smallint NOT NULL, votes_against smallint NOT NULL
    );
"""
DROP = "DROP TABLE IF EXISTS fec_row, fec_ref, fec_triplet"

FACES = """
    INSERT INTO import_face (id, key, image, url, box, split)
    SELECT DISTINCT ON (key) n, key, image, url, box, %s FROM fec_ref ORDER BY key, n
"""
REFS = "UPDATE fec_ref r SET face = f.id FROM import_face f WHERE f.key = r.key"

TRIPLETS = """
    CREATE TEMPORARY TABLE fec_triplet AS
    SELECT r.row, a.face AS one, b.face AS two, c.face AS three, r.kind, r.raters, r.answers, r.odd,
        r.strength, r.votes_for, r.votes_against
    FROM fec_row r JOIN fec_ref a ON a.n = r.one JOIN fec_ref b ON b.n = r.two JOIN fec_ref c ON c.n = r.three
"""

# The rule from URL to file name must not take two pictures for one: an image has the URL of the first row
# that names it, or of the data set.
REJECT_OTHER_URLS = """
    WITH first AS (
        SELECT DISTINCT ON (image) image, url, row FROM (
            SELECT image, url, 0 AS row FROM faces_face WHERE dataset_id = %s AND url <> ''
            UNION ALL SELECT image, url, row FROM fec_ref
        ) u ORDER BY image, row
    ), other AS (
        SELECT r.n, 'the URL ' || r.url || ' names the picture ' || r.image || ', and so does ' || f.url
            || CASE f.row WHEN 0 THEN ' in the data set' ELSE ' in row ' || f.row END
            || '; give one of the two files another name' AS reason
        FROM fec_ref r JOIN first f ON f.image = r.image WHERE r.url <> f.url
    ), gone AS (
        DELETE FROM fec_row WHERE one IN (SELECT n FROM other) OR two IN (SELECT n FROM other)
            OR three IN (SELECT n FROM other)
        RETURNING row, one, two, three
    )
    INSERT INTO import_reject (file, row, reason)
    SELECT %s, g.row, string_agg(o.reason, '; ' ORDER BY p.place)
    FROM gone g CROSS JOIN LATERAL (VALUES (1, g.one), (2, g.two), (3, g.three)) p (place, n)
    JOIN other o ON o.n = p.n
    GROUP BY g.row
"""

REJECT_REPEATED = """
    WITH repeated AS (
        SELECT one, two, three, min(row) AS first FROM fec_triplet
        GROUP BY one, two, three HAVING count(*) > 1
    ), gone AS (
        DELETE FROM fec_triplet t USING repeated r
        WHERE (r.one, r.two, r.three) = (t.one, t.two, t.three) AND t.row > r.first RETURNING t.row, r.first
    )
    INSERT INTO import_reject (file, row, reason)
    SELECT %s, row, 'duplicate: row ' || first || ' names the same three faces' FROM gone
"""

REFUSE_OTHER_SPLIT = """
    UPDATE import_face f SET reason = 'it is in split ' || d.split || ' already, and no face is in both'
    FROM faces_face d WHERE d.id = f.face_id AND d.split <> f.split
"""
REJECT_BY_FACE = """
    WITH refused AS (
        SELECT id FROM import_face WHERE reason IS NOT NULL
    ), gone AS (
        DELETE FROM fec_triplet WHERE one IN (SELECT id FROM refused) OR two IN (SELECT id FROM refused)
            OR three IN (SELECT id FROM refused)
        RETURNING row, one, two, three
    )
    INSERT INTO import_reject (file, row, reason)
    SELECT %s, g.row,
        string_agg('face ' || p.place || ' (' || f.image || '): ' || f.reason, '; ' ORDER BY p.place)
    FROM gone g CROSS JOIN LATERAL (VALUES (1, g.one), (2, g.two), (3, g.three)) p (place, face)
    JOIN import_face f ON f.id = p.face AND f.reason IS NOT NULL
    GROUP BY g.row
"""

_SAME_FACES = """
    DELETE FROM fec_triplet t USING import_face a, import_face b, import_face c, faces_importedtriplet i
    WHERE a.id = t.one AND b.id = t.two AND c.id = t.three AND i.dataset_id = %s
        AND (i.face_1_id, i.face_2_id, i.face_3_id) = (a.face_id, b.face_id, c.face_id)
"""
FORGET_THOSE_THERE = f"{_SAME_FACES} AND (i.kind, i.raters, i.answers) = (t.kind, t.raters, t.answers)"
REJECT_OTHER_ANSWERS = f"""
    WITH gone AS ({_SAME_FACES} RETURNING t.row)
    INSERT INTO import_reject (file, row, reason)
    SELECT %s, row, 'the data set has these three faces already, with other answers; they were left' FROM gone
"""  # noqa: S608 - put together from this module's own text

FORGET_UNUSED_FACES = """
    DELETE FROM import_face f WHERE f.face_id IS NULL AND NOT EXISTS (
        SELECT FROM (
            SELECT one AS face FROM fec_triplet
            UNION SELECT two FROM fec_triplet UNION SELECT three FROM fec_triplet
        ) used WHERE used.face = f.id)
"""

INSERT_TRIPLETS = """
    INSERT INTO faces_importedtriplet (dataset_id, face_1_id, face_2_id, face_3_id, kind, split, raters,
        answers, odd, strength, votes_for, votes_against)
    SELECT %s, a.face_id, b.face_id, c.face_id, t.kind, %s, t.raters, t.answers, t.odd, t.strength,
        t.votes_for, t.votes_against
    FROM fec_triplet t JOIN import_face a ON a.id = t.one JOIN import_face b ON b.id = t.two
    JOIN import_face c ON c.id = t.three
    ORDER BY t.row
"""
