"""How an annotator is asked, as functions in the database: one round trip, and planned once.

Whoever calls campaigns_hold has the group's lock; campaigns_claim takes it.
"""

from django.db import migrations, models

# What an annotator sees of each showing.
QUESTION = """
CREATE VIEW campaigns_question AS
SELECT s.id, s.annotator_id, s.comparison_id, s.gold_id, coalesce(g.anchor_id, o.anchor_id) AS anchor_id,
    CASE WHEN s.low_is_left THEN coalesce(low.positive_id, o.nearer_id)
        ELSE coalesce(high.positive_id, o.farther_id) END AS left_id,
    CASE WHEN s.low_is_left THEN coalesce(high.positive_id, o.farther_id)
        ELSE coalesce(low.positive_id, o.nearer_id) END AS right_id
FROM campaigns_showing s
LEFT JOIN campaigns_comparison c ON c.id = s.comparison_id
LEFT JOIN campaigns_group g ON g.id = c.group_id
LEFT JOIN campaigns_candidate low ON low.group_id = c.group_id AND low.slot = c.low
LEFT JOIN campaigns_candidate high ON high.group_id = c.group_id AND high.slot = c.high
LEFT JOIN campaigns_gold o ON o.id = s.gold_id;
"""

# Lease these comparisons of a group to her, with her seat and whereabouts where `matches` of them are of her
# repetition, and fix the sides on which she sees each: drawn once, the same after a reload.
HOLD = """
CREATE FUNCTION campaigns_hold(of_group bigint, picked bigint[], her bigint, until timestamptz, sides boolean[],
    campaign bigint, seat bigint, matches integer)
RETURNS SETOF campaigns_question LANGUAGE plpgsql AS $$
BEGIN
    UPDATE campaigns_comparison SET leased_to_id = her, leased_until = until WHERE id = ANY(picked);
    IF matches > 0 THEN
        INSERT INTO campaigns_seat (campaign_id, group_id, bracket_id, annotator_id, leases, is_open)
        VALUES (campaign, of_group, seat, her, matches, true)
        ON CONFLICT (group_id, annotator_id) DO UPDATE SET leases = campaigns_seat.leases + matches;
        UPDATE campaigns_participation SET group_id = of_group, reached = greatest(reached, of_group)
        WHERE campaign_id = campaign AND annotator_id = her AND group_id IS DISTINCT FROM of_group;
    END IF;
    INSERT INTO campaigns_showing (comparison_id, annotator_id, low_is_left, created_at)
    SELECT p.id, her, sides[p.number], clock_timestamp()
    FROM unnest(picked) WITH ORDINALITY p (id, number)
    ON CONFLICT (comparison_id, annotator_id) DO NOTHING;
    RETURN QUERY SELECT q.* FROM unnest(picked) WITH ORDINALITY p (id, number)
    JOIN campaigns_question q ON q.comparison_id = p.id AND q.annotator_id = her ORDER BY p.number;
END $$;
"""

# Lease what is hers to take in a group: open, nobody else's now, of a pair that she has not answered and does not
# look at, and of her repetition or, where she has none yet, of that which has the fewest annotators.
# Those that somebody was uncertain about come first. Where each bracket is one annotator's, those whose
# owner was here `since` are not hers, but for what that owner was uncertain about or can not answer any more.
# Otherwise she gets `in_a_row` with one anchor before it is another's turn; who `goes_on` begins no new row.
# One row of nulls where somebody else is claiming in this group right now and she does not wait.
CLAIM = """
CREATE FUNCTION campaigns_claim(of_group bigint, her bigint, most integer, at timestamptz, until timestamptz,
    since timestamptz, sides boolean[], repetitions integer[], in_a_row integer, waits boolean, goes_on boolean)
RETURNS SETOF campaigns_question LANGUAGE plpgsql AS $$
DECLARE
    campaign bigint;
    assignment text;
    done integer;
    present bigint[];
    free bigint[];
    hers bigint;
    picked bigint[];
    matches integer;
BEGIN
    IF waits THEN
        SELECT g.campaign_id INTO campaign FROM campaigns_group g WHERE g.id = of_group FOR UPDATE;
    ELSE
        SELECT g.campaign_id INTO campaign FROM campaigns_group g WHERE g.id = of_group
        FOR UPDATE SKIP LOCKED;
    END IF;
    IF campaign IS NULL THEN RETURN NEXT NULL; RETURN; END IF;
    SELECT a.assignment, x.bracket_id, coalesce(x.leases, 0) INTO assignment, hers, done
    FROM campaigns_campaign a
    LEFT JOIN campaigns_seat x ON x.group_id = of_group AND x.annotator_id = her WHERE a.id = campaign;
    IF assignment = 'whole' THEN
        present := ARRAY(
            SELECT p.annotator_id FROM campaigns_participation p WHERE p.campaign_id = campaign
                AND p.annotator_id <> her AND p.seen_at > since AND p.paused_at IS NULL
        );
    ELSE
        done := done % in_a_row;
        IF done = 0 AND goes_on THEN RETURN; END IF;
        most := least(most, in_a_row - done);
    END IF;
    free := ARRAY(
        SELECT c.id FROM campaigns_comparison c LEFT JOIN campaigns_bracket b ON b.id = c.bracket_id
        WHERE c.campaign_id = campaign AND c.group_id = of_group AND c.winner IS NULL AND NOT c.is_withdrawn
            AND (c.leased_until IS NULL OR c.leased_until <= at)
            AND (repetitions IS NULL OR b.repetition = ANY(repetitions))
            AND NOT EXISTS (
                SELECT FROM campaigns_vote v WHERE v.annotator_id = her AND v.group_id = of_group
                    AND v.low = c.low AND v.high = c.high AND v.retracted_at IS NULL
            )
            AND NOT EXISTS (
                SELECT FROM campaigns_comparison l WHERE l.campaign_id = campaign AND l.group_id = of_group
                    AND l.winner IS NULL AND NOT l.is_withdrawn AND l.leased_to_id = her
                    AND l.leased_until > at AND l.low = c.low AND l.high = c.high
            )
            AND (present IS NULL OR c.bracket_id IS NULL OR c.uncertain > 0 OR NOT EXISTS (
                SELECT FROM (
                    SELECT x.annotator_id FROM campaigns_seat x
                    WHERE x.bracket_id = c.bracket_id ORDER BY x.id LIMIT 1
                ) o WHERE o.annotator_id = ANY(present) AND NOT EXISTS (
                    SELECT FROM campaigns_vote v WHERE v.annotator_id = o.annotator_id
                        AND v.group_id = of_group AND v.low = c.low AND v.high = c.high
                        AND v.retracted_at IS NULL
                )
            ))
    );
    IF free = '{}' THEN RETURN; END IF;
    IF hers IS NULL THEN
        SELECT f.bracket_id INTO hers FROM (
            SELECT c.bracket_id, bool_or(c.id = ANY(free)) AS waits, rank() OVER (
                ORDER BY (SELECT count(*) FROM campaigns_seat x WHERE x.bracket_id = c.bracket_id)
            ) AS fewest
            FROM campaigns_comparison c JOIN campaigns_bracket b ON b.id = c.bracket_id
            WHERE c.campaign_id = campaign AND c.group_id = of_group AND c.winner IS NULL
                AND NOT c.is_withdrawn AND (repetitions IS NULL OR b.repetition = ANY(repetitions))
            GROUP BY c.bracket_id
        ) f WHERE f.fewest = 1 AND f.waits ORDER BY f.bracket_id LIMIT 1;
    END IF;
    SELECT array_agg(p.id ORDER BY p.is_extra, p.is_new, p.id), count(*) FILTER (WHERE NOT p.is_extra)
    INTO picked, matches FROM (
        SELECT f.* FROM (
            SELECT c.id, row_number() OVER pair AS number, c.bracket_id IS NULL AS is_extra,
                c.bracket_id IS NOT NULL AND c.uncertain = 0 AS is_new
            FROM campaigns_comparison c
            WHERE c.id = ANY(free) AND (c.bracket_id = hers OR c.bracket_id IS NULL)
            WINDOW pair AS (PARTITION BY c.low, c.high ORDER BY c.bracket_id IS NULL,
                c.bracket_id IS NOT NULL AND c.uncertain = 0, c.id)
        ) f WHERE f.number = 1 ORDER BY f.is_extra, f.is_new, f.id LIMIT most
    ) p;
    IF picked IS NULL THEN RETURN; END IF;
    RETURN QUERY SELECT * FROM campaigns_hold(of_group, picked, her, until, sides, campaign, hers, matches);
END $$;
"""

# Open comparisons that nobody holds.
FREE = """
CREATE FUNCTION campaigns_free(campaign bigint, at timestamptz, repetitions integer[])
RETURNS SETOF campaigns_comparison LANGUAGE sql STABLE AS $$
    SELECT c.* FROM campaigns_comparison c
    WHERE c.campaign_id = campaign AND c.winner IS NULL AND NOT c.is_withdrawn
        AND (c.leased_until IS NULL OR c.leased_until <= at)
        AND (repetitions IS NULL OR EXISTS (
            SELECT FROM campaigns_bracket b WHERE b.id = c.bracket_id AND b.repetition = ANY(repetitions)))
$$;
"""

# Note that she is here and go on holding what she holds. No row where she is asked nothing.
ARRIVE = """
CREATE FUNCTION campaigns_arrive(campaign bigint, her bigint, at timestamptz, until timestamptz,
    fresh timestamptz, repetitions integer[])
RETURNS TABLE (gold_rate double precision, extra_comparisons smallint, held integer) LANGUAGE plpgsql AS $$
DECLARE
    seen timestamptz;
BEGIN
    SELECT c.gold_rate, c.extra_comparisons, p.seen_at INTO gold_rate, extra_comparisons, seen
    FROM campaigns_campaign c
    LEFT JOIN campaigns_participation p ON p.campaign_id = c.id AND p.annotator_id = her
    WHERE c.id = campaign AND c.is_active AND p.paused_at IS NULL;
    IF NOT FOUND THEN RETURN; END IF;
    IF seen IS NULL OR at - seen > interval '30 seconds' THEN
        INSERT INTO campaigns_participation (campaign_id, annotator_id, seen_at, reached)
        VALUES (campaign, her, at, 0)
        ON CONFLICT (campaign_id, annotator_id) DO UPDATE SET seen_at = at;
    END IF;
    -- Without the groups' locks: what somebody is just deciding is left alone, so that nobody waits in a circle.
    UPDATE campaigns_comparison SET leased_until = until WHERE id IN (
        SELECT c.id FROM campaigns_comparison c
        WHERE c.leased_to_id = her AND c.leased_until > at AND c.leased_until <= fresh
            AND c.campaign_id = campaign AND c.winner IS NULL AND NOT c.is_withdrawn
        FOR UPDATE SKIP LOCKED
    );
    SELECT count(*) INTO held FROM campaigns_comparison c LEFT JOIN campaigns_bracket b ON b.id = c.bracket_id
    WHERE c.leased_to_id = her AND c.leased_until > at
        AND c.campaign_id = campaign AND c.winner IS NULL AND NOT c.is_withdrawn
        AND (repetitions IS NULL OR b.repetition = ANY(repetitions));
    RETURN NEXT;
END $$;
"""

# Up to `most` comparisons that she did not hold: with the anchor that she saw last, as long as its row lasts;
# then what somebody was uncertain about; then, once `under_way` groups of hers have something for her, those; then
# new groups behind the last that she reached, her own, and new ones that she passed by.
# Each group that somebody else is claiming in is skipped. If she `waits`, it is waited for, but only one group is
# claimed, and none that has nothing for her stays locked: so nobody waits in a circle.
ASK = """
CREATE FUNCTION campaigns_ask(campaign bigint, her bigint, most integer, at timestamptz, until timestamptz,
    since timestamptz, sides boolean[], repetitions integer[], in_a_row integer, under_way integer, waits boolean)
RETURNS SETOF campaigns_question LANGUAGE plpgsql AS $$
DECLARE
    here campaigns_participation;
    found_in bigint;
    question campaigns_question;
    got integer := 0;
    own bigint[];
BEGIN
    IF most <= 0 THEN RETURN; END IF;
    SELECT * INTO here FROM campaigns_participation WHERE campaign_id = campaign AND annotator_id = her;
    IF here.group_id IS NOT NULL AND NOT waits THEN
        FOR question IN SELECT * FROM campaigns_claim(
            here.group_id, her, most, at, until, since, sides, repetitions, in_a_row, false, true
        ) LOOP
            CONTINUE WHEN question.id IS NULL;
            got := got + 1;
            RETURN NEXT question;
        END LOOP;
        IF got >= most THEN RETURN; END IF;
    END IF;
    own := ARRAY(
        SELECT s.group_id FROM campaigns_seat s
        WHERE s.campaign_id = campaign AND s.annotator_id = her AND s.is_open AND EXISTS (
            SELECT FROM campaigns_free(campaign, at, repetitions) f WHERE f.bracket_id = s.bracket_id
                AND NOT EXISTS (SELECT FROM campaigns_vote v WHERE v.annotator_id = her
                    AND v.group_id = f.group_id AND v.low = f.low AND v.high = f.high
                    AND v.retracted_at IS NULL)
        ) ORDER BY s.group_id
    );
    FOR found_in IN
        (SELECT DISTINCT f.group_id FROM campaigns_free(campaign, at, repetitions) f
        WHERE f.uncertain > 0
            AND NOT EXISTS (SELECT FROM campaigns_vote v WHERE v.annotator_id = her
                AND v.group_id = f.group_id AND v.low = f.low AND v.high = f.high AND v.retracted_at IS NULL)
            AND NOT EXISTS (SELECT FROM campaigns_seat s WHERE s.annotator_id = her
                AND s.group_id = f.group_id AND s.bracket_id IS DISTINCT FROM f.bracket_id)
        ORDER BY f.group_id LIMIT 8)
        UNION ALL SELECT unnest(own) WHERE cardinality(own) >= under_way
        UNION ALL (SELECT DISTINCT f.group_id FROM campaigns_free(campaign, at, repetitions) f
            WHERE f.group_id > here.reached
                AND NOT EXISTS (SELECT FROM campaigns_seat s
                    WHERE s.annotator_id = her AND s.group_id = f.group_id)
            ORDER BY f.group_id)
        UNION ALL SELECT unnest(own) WHERE cardinality(own) < under_way
        UNION ALL (SELECT DISTINCT f.group_id FROM campaigns_free(campaign, at, repetitions) f
            WHERE f.group_id <= here.reached
                AND NOT EXISTS (SELECT FROM campaigns_seat s
                    WHERE s.annotator_id = her AND s.group_id = f.group_id)
            ORDER BY f.group_id)
    LOOP
        BEGIN
            FOR question IN SELECT * FROM campaigns_claim(
                found_in, her, most - got, at, until, since, sides[got + 1:], repetitions, in_a_row, waits, false
            ) LOOP
                CONTINUE WHEN question.id IS NULL;
                got := got + 1;
                RETURN NEXT question;
            END LOOP;
            IF waits AND got = 0 THEN RAISE EXCEPTION USING ERRCODE = 'SMB01'; END IF;
        EXCEPTION WHEN SQLSTATE 'SMB01' THEN NULL;
        END;
        EXIT WHEN got >= most OR waits AND got > 0;
    END LOOP;
END $$;
"""

# Each connection keeps its plans: they are made once, and in a new campaign not for tables that are still empty.
SETTINGS = ("enable_seqscan = off", "enable_bitmapscan = off", "plan_cache_mode = force_generic_plan")
BY_INDEX = "".join(
    f"ALTER FUNCTION campaigns_{name} SET {setting};\n"
    for name in ("hold", "claim", "arrive", "ask")
    for setting in SETTINGS
)

REMOVE = """
DROP FUNCTION campaigns_ask, campaigns_arrive, campaigns_claim, campaigns_free, campaigns_hold;
DROP VIEW campaigns_question;
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0007_voting")]
    operations = [
        migrations.RunSQL("".join([QUESTION, HOLD, CLAIM, FREE, ARRIVE, ASK, BY_INDEX]), REMOVE),
        migrations.CreateModel(
            name="Question",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
            ],
            options={"managed": False},
        ),
    ]
