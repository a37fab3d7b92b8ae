"""Fills what earlier votes already say: their campaign, who sits where, and how many were uncertain."""

from django.db import migrations

FILL = [
    """
    UPDATE campaigns_vote v SET campaign_id = c.campaign_id
    FROM campaigns_comparison c WHERE c.id = v.comparison_id
    """,
    """
    UPDATE campaigns_comparison c SET uncertain = v.n
    FROM (SELECT comparison_id, count(*) AS n FROM campaigns_vote WHERE answer = 'uncertain' GROUP BY 1) v
    WHERE v.comparison_id = c.id
    """,
    # She sits where she answered first; what she answered elsewhere she answered as a stand-in.
    """
    INSERT INTO campaigns_seat (campaign_id, group_id, bracket_id, annotator_id, leases, is_open)
    SELECT DISTINCT ON (v.group_id, v.annotator_id)
        c.campaign_id, v.group_id, c.bracket_id, v.annotator_id, 0, b.finished_at IS NULL
    FROM campaigns_vote v
    JOIN campaigns_comparison c ON c.id = v.comparison_id
    JOIN campaigns_bracket b ON b.id = c.bracket_id
    ORDER BY v.group_id, v.annotator_id, v.created_at
    """,
    """
    UPDATE campaigns_vote v SET is_stand_in = true
    FROM campaigns_comparison c, campaigns_seat s
    WHERE c.id = v.comparison_id AND s.group_id = v.group_id AND s.annotator_id = v.annotator_id
        AND s.bracket_id <> c.bracket_id
    """,
]


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0002_evidence_gold_and_seats")]
    operations = [migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in FILL]
