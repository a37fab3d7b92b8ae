"""What happens at each answer and each claim, as functions in the database: one round trip and planned once.

A vote with what follows from it and a claim with its showings are what an annotator waits for. Their rules
are told once more, as pure Python, by tournament/replay.py and closure.py, which rebuild a bracket after
a retraction and by which verify_campaign checks what these functions wrote.
"""

from importlib import import_module

from django.db import migrations, models

# Whoever calls these holds the group's lock, but for campaigns_cast and campaigns_claim, which take it.

# Close a comparison, store the relations that this completes, and open the next match or end the bracket.
# False where the next match had been withdrawn: the bracket is to be replayed, so that its votes count again.
DECIDE = """
CREATE FUNCTION campaigns_decide(decided bigint, named smallint, tie boolean, at timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    c campaigns_comparison;
    met smallint;
    size integer;
BEGIN
    UPDATE campaigns_comparison
    SET winner = named, is_tie = tie, decided_at = at, leased_to_id = NULL, leased_until = NULL
    WHERE id = decided RETURNING * INTO c;
    IF c.bracket_id IS NULL THEN RETURN true; END IF;
    IF NOT tie THEN PERFORM campaigns_derive(c); END IF;
    SELECT g.k, (
        SELECT winner FROM campaigns_comparison WHERE bracket_id = c.bracket_id AND round = c.round
            AND position = c.position # 1 AND NOT is_withdrawn
    ) INTO size, met FROM campaigns_campaign g WHERE g.id = c.campaign_id;
    IF size >> c.round = 1 THEN
        UPDATE campaigns_bracket SET finished_at = at WHERE id = c.bracket_id;
        UPDATE campaigns_seat SET is_open = false WHERE bracket_id = c.bracket_id;
        RETURN true;
    END IF;
    IF met IS NULL THEN RETURN true; END IF;
    INSERT INTO campaigns_comparison (campaign_id, group_id, bracket_id, round, position, low, high,
        is_tie, is_withdrawn, uncertain)
    VALUES (c.campaign_id, c.group_id, c.bracket_id, c.round + 1, c.position / 2,
        least(named, met), greatest(named, met), false, false, 0)
    ON CONFLICT (bracket_id, round, position, low, high) DO NOTHING;
    RETURN FOUND;
END $$;
"""

# The winner is above the loser, and by transitivity above all that the loser is above (closure.py).
DERIVE = """
CREATE FUNCTION campaigns_derive(c campaigns_comparison) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    won bigint;
    lost bigint;
    decider bigint;
    undecided bigint[];
BEGIN
    SELECT w.id, l.id, v.decider, v.undecided INTO won, lost, decider, undecided
    FROM campaigns_candidate w, campaigns_candidate l, (
        SELECT max(annotator_id) FILTER (WHERE stands AND answer <> 'uncertain') AS decider,
            coalesce(array_agg(annotator_id) FILTER (WHERE stands AND answer = 'uncertain'), '{}') AS undecided
        FROM (
            SELECT annotator_id, answer, counts AND retracted_at IS NULL AS stands
            FROM campaigns_vote WHERE comparison_id = c.id
        ) votes
    ) v
    WHERE w.group_id = c.group_id AND w.slot = c.winner
        AND l.group_id = c.group_id AND l.slot = c.low + c.high - c.winner;
    INSERT INTO campaigns_relation
        (bracket_id, winner_id, loser_id, round, chain, comparison_id, deciders, uncertain)
    SELECT c.bracket_id, won, below.loser, c.round, below.chain, c.id, along.deciders,
        ARRAY(SELECT unnest(below.uncertain || undecided) EXCEPT SELECT unnest(along.deciders) ORDER BY 1)
    FROM (
        SELECT lost AS loser, 1 AS chain, '{}'::bigint[] AS deciders, '{}'::bigint[] AS uncertain
        UNION ALL
        SELECT loser_id, chain + 1, deciders, uncertain FROM campaigns_relation
        WHERE bracket_id = c.bracket_id AND winner_id = lost
    ) below, LATERAL (
        SELECT ARRAY(SELECT DISTINCT unnest(below.deciders || decider) ORDER BY 1) AS deciders
    ) along;
END $$;
"""

# Store a vote and act on it. `outcome` is new, again (the same vote had come before), tie (new, and the coin is
# to be tossed), rebuild (new, and the bracket is to be replayed), or why it was refused.
CAST = """
CREATE FUNCTION campaigns_cast(vote_id uuid, shown bigint, her bigint, said text, took integer, at timestamptz,
    OUT outcome text, OUT vote campaigns_vote) LANGUAGE plpgsql AS $$
DECLARE
    s campaigns_showing;
    c campaigns_comparison;
    campaign bigint;
    most integer;
    is_answered boolean;
    is_paused boolean;
    is_hers boolean;
BEGIN
    SELECT * INTO s FROM campaigns_showing WHERE id = shown AND annotator_id = her;
    IF NOT FOUND THEN outcome := 'not_shown'; RETURN; END IF;
    IF s.comparison_id IS NULL THEN
        -- The same vote twice at once: the second waits here, and then finds the first.
        PERFORM FROM campaigns_showing WHERE id = shown FOR UPDATE;
        SELECT campaign_id INTO campaign FROM campaigns_gold WHERE id = s.gold_id;
    ELSE
        PERFORM FROM campaigns_group
        WHERE id = (SELECT group_id FROM campaigns_comparison WHERE id = s.comparison_id) FOR UPDATE;
        SELECT * INTO c FROM campaigns_comparison WHERE id = s.comparison_id;
        campaign := c.campaign_id;
    END IF;
    SELECT * INTO vote FROM campaigns_vote WHERE id = vote_id;
    IF FOUND THEN
        outcome := CASE WHEN (vote.comparison_id, vote.gold_id, vote.annotator_id)
            IS NOT DISTINCT FROM (s.comparison_id, s.gold_id, her) THEN 'again' ELSE 'id_used' END;
        RETURN;
    END IF;
    SELECT g.max_uncertain, CASE WHEN c.id IS NULL THEN EXISTS (
            SELECT FROM campaigns_vote WHERE annotator_id = her AND gold_id = s.gold_id AND retracted_at IS NULL
        ) ELSE EXISTS (
            SELECT FROM campaigns_vote WHERE annotator_id = her AND group_id = c.group_id
                AND low = c.low AND high = c.high AND retracted_at IS NULL
        ) END, EXISTS (
            SELECT FROM campaigns_participation
            WHERE campaign_id = campaign AND annotator_id = her AND paused_at IS NOT NULL
        ), c.bracket_id IS NULL OR EXISTS (
            SELECT FROM campaigns_seat
            WHERE group_id = c.group_id AND annotator_id = her AND bracket_id = c.bracket_id
        )
    INTO most, is_answered, is_paused, is_hers FROM campaigns_campaign g WHERE g.id = campaign;
    IF is_answered THEN outcome := 'answered'; RETURN; END IF;
    IF is_paused THEN outcome := 'paused'; RETURN; END IF;
    INSERT INTO campaigns_vote (id, campaign_id, comparison_id, gold_id, annotator_id, answer, low_is_left,
        response_ms, created_at, counts, is_stand_in, group_id, low, high)
    VALUES (vote_id, campaign, c.id, s.gold_id, her, said, s.low_is_left, took, clock_timestamp(),
        c.id IS NOT NULL AND c.winner IS NULL AND NOT c.is_withdrawn, NOT is_hers, c.group_id, c.low, c.high)
    RETURNING * INTO vote;
    outcome := 'new';
    IF NOT vote.counts THEN RETURN; END IF;
    IF said <> 'uncertain' THEN
        IF NOT campaigns_decide(
            c.id, CASE WHEN (said = 'left') = s.low_is_left THEN c.low ELSE c.high END, false, at
        ) THEN outcome := 'rebuild'; END IF;
        RETURN;
    END IF;
    UPDATE campaigns_comparison SET uncertain = uncertain + 1, leased_to_id = NULL, leased_until = NULL
    WHERE id = c.id;
    IF c.uncertain + 1 >= most THEN outcome := 'tie'; END IF;
END $$;
"""

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

# Lease these comparisons of a group to her, with her seat and whereabouts if they are `matches` of hers, and fix the sides on which she sees
# each: drawn once, the same after a reload.
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
# owner was here `since` are not hers, but for what that owner was uncertain about. Otherwise she gets `in_a_row`
# with one anchor before it is another's turn; who `goes_on` begins no new row.
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
            AND (present IS NULL OR c.bracket_id IS NULL OR c.uncertain > 0 OR NOT coalesce((
                SELECT x.annotator_id = ANY(present) FROM campaigns_seat x
                WHERE x.bracket_id = c.bracket_id ORDER BY x.id LIMIT 1
            ), false))
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
    UPDATE campaigns_comparison c SET leased_until = until
    WHERE c.leased_to_id = her AND c.leased_until > at AND c.leased_until <= fresh
        AND c.campaign_id = campaign AND c.winner IS NULL AND NOT c.is_withdrawn;
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

# As migration 0005_guards has it, in two: a vote can not change from whom a match follows. And no condition hints at
# an index of rows which are few only at first.
CHECK = """
CREATE FUNCTION campaigns_check_votes(c campaigns_comparison) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    named integer;
    undecided integer;
BEGIN
    IF c.is_withdrawn THEN RETURN; END IF;
    SELECT max(CASE WHEN (answer = 'left') = low_is_left THEN low ELSE high END)
            FILTER (WHERE stands AND answer <> 'uncertain'),
        count(*) FILTER (WHERE stands AND answer = 'uncertain')
    INTO named, undecided
    FROM (
        SELECT answer, low_is_left, low, high, counts AND retracted_at IS NULL AS stands
        FROM campaigns_vote WHERE comparison_id = c.id
    ) votes;
    IF named IS DISTINCT FROM (CASE WHEN c.is_tie THEN NULL ELSE c.winner END) THEN
        RAISE EXCEPTION 'comparison % is not decided as its vote says', c.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF undecided <> c.uncertain
        OR undecided > 0 AND undecided > (SELECT max_uncertain FROM campaigns_campaign WHERE id = c.campaign_id)
    THEN
        RAISE EXCEPTION 'comparison % has % uncertain votes, not %', c.id, undecided, c.uncertain
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION campaigns_check_comparison(checked bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    c campaigns_comparison;
BEGIN
    SELECT * INTO c FROM campaigns_comparison WHERE id = checked;
    IF NOT FOUND OR c.is_withdrawn THEN RETURN; END IF;
    IF c.round > 1 AND (
        SELECT array_agg(b.winner ORDER BY b.winner) FILTER (WHERE b.winner IS NOT NULL)
        FROM campaigns_comparison b
        WHERE b.bracket_id = c.bracket_id AND b.round = c.round - 1 AND NOT b.is_withdrawn
            AND b.position IN (2 * c.position, 2 * c.position + 1)
    ) IS DISTINCT FROM ARRAY[c.low, c.high] THEN
        RAISE EXCEPTION 'comparison % does not follow from the round before', c.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    PERFORM campaigns_check_votes(c);
END $$;

CREATE OR REPLACE FUNCTION campaigns_guard_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM campaigns_check_votes(c) FROM campaigns_comparison c WHERE c.id = NEW.comparison_id;
    RETURN NULL;
END $$;
"""

# Each connection keeps its plans: they are made once, and in a new campaign not for tables that are still empty.
PLANNED = [
    "check_comparison", "check_votes", "guard_decision", "guard_vote", "guard_bracket", "derive", "decide", "cast",
    "hold", "claim", "arrive", "ask",
]  # fmt: skip
BY_INDEX = "".join(
    f"ALTER FUNCTION campaigns_{name} SET {setting};\n"
    for name in PLANNED
    for setting in ("enable_seqscan = off", "enable_bitmapscan = off", "plan_cache_mode = force_generic_plan")
)

REMOVE = """
DROP FUNCTION campaigns_ask, campaigns_arrive, campaigns_claim, campaigns_free, campaigns_hold, campaigns_cast,
    campaigns_decide, campaigns_derive;
DROP VIEW campaigns_question;
CREATE OR REPLACE FUNCTION campaigns_guard_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM campaigns_check_comparison(NEW.comparison_id);
    RETURN NULL;
END $$;
DROP FUNCTION campaigns_check_votes;
ALTER FUNCTION campaigns_guard_vote RESET ALL;
ALTER FUNCTION campaigns_guard_bracket RESET ALL;
"""
GUARDS = import_module("annotate.campaigns.migrations.0005_guards")
CHECK_BEFORE = GUARDS.COMPARISON.partition("CREATE FUNCTION campaigns_guard_comparison")[0].replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0006_group_is_sure")]
    operations = [
        migrations.RunSQL(
            "".join([DERIVE, DECIDE, CAST, QUESTION, HOLD, CLAIM, FREE, ARRIVE, ASK, CHECK, BY_INDEX]),
            CHECK_BEFORE + REMOVE,
        ),
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
