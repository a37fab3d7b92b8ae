"""What happens at each vote, as functions in the database: one round trip, and planned once.

The same rules are pure Python in tournament/replay.py and closure.py, which rebuild a bracket after a
retraction, and by which verify_campaign checks what these functions wrote. Whoever calls campaigns_decide holds the
group's lock; campaigns_cast takes it.
"""

from importlib import import_module

from django.db import migrations

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
SETTINGS = ("enable_seqscan = off", "enable_bitmapscan = off", "plan_cache_mode = force_generic_plan")
BY_INDEX = "".join(
    f"ALTER FUNCTION campaigns_{name} SET {setting};\n"
    for name in (
        "check_comparison", "check_votes", "guard_decision", "guard_vote", "guard_bracket", "derive", "decide", "cast",
    )
    for setting in SETTINGS
)

REMOVE = """
DROP FUNCTION campaigns_cast, campaigns_decide, campaigns_derive;
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
        migrations.RunSQL("".join([DERIVE, DECIDE, CAST, CHECK, BY_INDEX]), CHECK_BEFORE + REMOVE),
    ]
