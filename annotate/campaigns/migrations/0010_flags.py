"""Flagged votes: a broken picture, or a person whom she knows, in place of an answer. They decide nothing."""

from importlib import import_module

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


# As migration 0007_voting has it, with the flag: the vote does not count, and the pair is free for others at once.
CAST = """
DROP FUNCTION campaigns_cast;
CREATE FUNCTION campaigns_cast(vote_id uuid, shown bigint, her bigint, said text, took integer, at timestamptz,
    flagged text, face bigint, OUT outcome text, OUT vote campaigns_vote) LANGUAGE plpgsql AS $$
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
    IF flagged IS NOT NULL AND NOT EXISTS (
        SELECT FROM campaigns_question q WHERE q.id = shown AND face IN (q.anchor_id, q.left_id, q.right_id)
    ) THEN outcome := 'not_in_it'; RETURN; END IF;
    INSERT INTO campaigns_vote (id, campaign_id, comparison_id, gold_id, annotator_id, answer, low_is_left,
        response_ms, created_at, counts, is_stand_in, group_id, low, high, flag, flagged_face_id)
    VALUES (vote_id, campaign, c.id, s.gold_id, her, said, s.low_is_left, took, clock_timestamp(),
        flagged IS NULL AND c.id IS NOT NULL AND c.winner IS NULL AND NOT c.is_withdrawn,
        NOT is_hers, c.group_id, c.low, c.high, flagged, face)
    RETURNING * INTO vote;
    outcome := 'new';
    IF flagged IS NOT NULL THEN
        UPDATE campaigns_comparison SET leased_to_id = NULL, leased_until = NULL
        WHERE id = c.id AND leased_to_id = her;
    END IF;
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

VOTING = import_module("annotate.campaigns.migrations.0007_voting")
BY_INDEX = "".join(f"ALTER FUNCTION campaigns_cast SET {setting};\n" for setting in VOTING.SETTINGS)
CAST_BEFORE = "DROP FUNCTION campaigns_cast;\n" + VOTING.CAST


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0009_fewer_indexes'),
        ('faces', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='campaign',
            name='pause_after_minutes',
            field=models.PositiveSmallIntegerField(default=25, help_text='Annotators are advised to rest after so many minutes of answering; 0: never', validators=[django.core.validators.MaxValueValidator(240)]),
        ),
        migrations.AddField(
            model_name='vote',
            name='flag',
            field=models.CharField(choices=[('broken', 'broken picture'), ('known', 'known person')], max_length=6, null=True),
        ),
        migrations.AddField(
            model_name='vote',
            name='flagged_face',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='faces.face'),
        ),
        migrations.AlterField(
            model_name='vote',
            name='counts',
            field=models.BooleanField(default=True, help_text='False where the comparison was closed before it came, of a gold one, and where flagged'),
        ),
        migrations.AddIndex(
            model_name='vote',
            index=models.Index(condition=models.Q(('flagged_face__isnull', False)), fields=['flagged_face'], name='vote_flagged_face'),
        ),
        migrations.AddConstraint(
            model_name='vote',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('flag__isnull', True), ('flagged_face__isnull', True)), models.Q(('answer', 'uncertain'), ('counts', False), ('flag__in', ['broken', 'known']), ('flag__isnull', False), ('flagged_face__isnull', False)), _connector='OR'), name='vote_flag_decides_nothing'),
        ),
        migrations.RunSQL(CAST + BY_INDEX, CAST_BEFORE + BY_INDEX),
    ]
