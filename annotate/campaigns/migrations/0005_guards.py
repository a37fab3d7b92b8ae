"""Rules that no single row can hold, kept by the database itself: checked when a transaction commits."""

from django.db import migrations

# A match is asked only of the two who won the round before; it is decided as its one counted vote says,
# or is a tie; and it never takes more votes than it asks for.
COMPARISON = """
CREATE FUNCTION campaigns_check_comparison(checked bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    c campaigns_comparison;
    named integer;
    undecided integer;
    most integer;
BEGIN
    SELECT * INTO c FROM campaigns_comparison WHERE id = checked;
    IF NOT FOUND OR c.is_withdrawn THEN RETURN; END IF;
    IF c.round > 1 AND (
        SELECT array_agg(b.winner ORDER BY b.winner) FROM campaigns_comparison b
        WHERE b.bracket_id = c.bracket_id AND b.round = c.round - 1 AND NOT b.is_withdrawn
            AND b.position / 2 = c.position AND b.winner IS NOT NULL
    ) IS DISTINCT FROM ARRAY[c.low, c.high] THEN
        RAISE EXCEPTION 'comparison % does not follow from the round before', c.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT max(CASE WHEN (answer = 'left') = low_is_left THEN low ELSE high END)
            FILTER (WHERE answer <> 'uncertain'),
        count(*) FILTER (WHERE answer = 'uncertain')
    INTO named, undecided
    FROM campaigns_vote WHERE comparison_id = c.id AND counts AND retracted_at IS NULL;
    IF named IS DISTINCT FROM (CASE WHEN c.is_tie THEN NULL ELSE c.winner END) THEN
        RAISE EXCEPTION 'comparison % is not decided as its vote says', c.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT max_uncertain INTO most FROM campaigns_campaign WHERE id = c.campaign_id;
    IF undecided > most OR undecided <> c.uncertain THEN
        RAISE EXCEPTION 'comparison % has % uncertain votes, not %', c.id, undecided, c.uncertain
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END $$;

CREATE FUNCTION campaigns_guard_comparison() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM campaigns_check_comparison(NEW.id);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER campaigns_comparison_opened AFTER INSERT ON campaigns_comparison
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.round > 1 OR NEW.winner IS NOT NULL OR NEW.uncertain > 0)
    EXECUTE FUNCTION campaigns_guard_comparison();
CREATE CONSTRAINT TRIGGER campaigns_comparison_changed AFTER UPDATE ON campaigns_comparison
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.low, OLD.high, OLD.winner, OLD.is_tie, OLD.is_withdrawn, OLD.uncertain)
        IS DISTINCT FROM (NEW.low, NEW.high, NEW.winner, NEW.is_tie, NEW.is_withdrawn, NEW.uncertain))
    EXECUTE FUNCTION campaigns_guard_comparison();

CREATE FUNCTION campaigns_guard_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM campaigns_check_comparison(NEW.comparison_id);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER campaigns_vote_decides AFTER INSERT OR UPDATE ON campaigns_vote
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.comparison_id IS NOT NULL) EXECUTE FUNCTION campaigns_guard_decision();
"""
REMOVE_COMPARISON = """
DROP TRIGGER campaigns_vote_decides ON campaigns_vote;
DROP TRIGGER campaigns_comparison_changed ON campaigns_comparison;
DROP TRIGGER campaigns_comparison_opened ON campaigns_comparison;
DROP FUNCTION campaigns_guard_decision(), campaigns_guard_comparison(), campaigns_check_comparison(bigint);
"""

# A counted vote is on the pair that was asked, in the repetition that she sits in or as a stand-in.
VOTE = """
CREATE FUNCTION campaigns_guard_vote() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    c campaigns_comparison;
    seat bigint;
BEGIN
    IF NEW.comparison_id IS NULL THEN RETURN NEW; END IF;
    SELECT * INTO c FROM campaigns_comparison WHERE id = NEW.comparison_id;
    IF (NEW.campaign_id, NEW.group_id, NEW.low, NEW.high)
        IS DISTINCT FROM (c.campaign_id, c.group_id, c.low, c.high) THEN
        RAISE EXCEPTION 'vote % is not on the pair of comparison %', NEW.id, c.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.counts AND c.bracket_id IS NOT NULL AND NOT NEW.is_stand_in THEN
        SELECT bracket_id INTO seat FROM campaigns_seat
        WHERE group_id = NEW.group_id AND annotator_id = NEW.annotator_id;
        IF seat IS DISTINCT FROM c.bracket_id THEN
            RAISE EXCEPTION 'vote % is in a repetition that its annotator does not sit in', NEW.id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER campaigns_vote_guard BEFORE INSERT ON campaigns_vote
    FOR EACH ROW EXECUTE FUNCTION campaigns_guard_vote();
"""
REMOVE_VOTE = """
DROP TRIGGER campaigns_vote_guard ON campaigns_vote;
DROP FUNCTION campaigns_guard_vote();
"""

# A finished bracket has k - 1 closed comparisons. (One place of the last round, so one champion.)

BRACKET = """
CREATE FUNCTION campaigns_guard_bracket() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asked integer;
    decided integer;
    finished boolean;
BEGIN
    SELECT b.finished_at IS NOT NULL, g.k - 1 INTO finished, asked
    FROM campaigns_bracket b JOIN campaigns_group p ON p.id = b.group_id
    JOIN campaigns_campaign g ON g.id = p.campaign_id WHERE b.id = NEW.id;
    IF NOT coalesce(finished, false) THEN RETURN NULL; END IF;
    SELECT count(winner) INTO decided FROM campaigns_comparison
    WHERE bracket_id = NEW.id AND NOT is_withdrawn;
    IF decided <> asked THEN
        RAISE EXCEPTION 'bracket % is called finished with % of % comparisons decided',
            NEW.id, decided, asked USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER campaigns_bracket_guard AFTER INSERT OR UPDATE ON campaigns_bracket
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.finished_at IS NOT NULL)
    EXECUTE FUNCTION campaigns_guard_bracket();
"""
REMOVE_BRACKET = """
DROP TRIGGER campaigns_bracket_guard ON campaigns_bracket;
DROP FUNCTION campaigns_guard_bracket();
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0004_vote_campaign_required")]
    operations = [
        migrations.RunSQL(COMPARISON, REMOVE_COMPARISON),
        migrations.RunSQL(VOTE, REMOVE_VOTE),
        migrations.RunSQL(BRACKET, REMOVE_BRACKET),
    ]
