"""A face knows in how many imported triplets it is: the database counts along, whoever writes or removes them."""

from django.db import migrations

FUNCTION = """
    CREATE FUNCTION faces_count_triplets() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE faces_face f SET imported_triplets = f.imported_triplets + c.n * TG_ARGV[0]::integer
        FROM (
            SELECT face, count(*) AS n FROM (
                SELECT face_1_id AS face FROM changed UNION ALL SELECT face_2_id FROM changed
                UNION ALL SELECT face_3_id FROM changed
            ) faces GROUP BY face
        ) c WHERE f.id = c.face;
        RETURN NULL;
    END $$;

    CREATE TRIGGER imported_triplets_added AFTER INSERT ON faces_importedtriplet
        REFERENCING NEW TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION faces_count_triplets('1');
    CREATE TRIGGER imported_triplets_removed AFTER DELETE ON faces_importedtriplet
        REFERENCING OLD TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION faces_count_triplets('-1');
"""
GONE = """
    DROP TRIGGER imported_triplets_added ON faces_importedtriplet;
    DROP TRIGGER imported_triplets_removed ON faces_importedtriplet;
    DROP FUNCTION faces_count_triplets();
"""
COUNT_THOSE_THERE = """
    UPDATE faces_face f SET imported_triplets = c.n FROM (
        SELECT face, count(*) AS n FROM (
            SELECT face_1_id AS face FROM faces_importedtriplet UNION ALL
            SELECT face_2_id FROM faces_importedtriplet UNION ALL SELECT face_3_id FROM faces_importedtriplet
        ) faces GROUP BY face
    ) c WHERE f.id = c.face
"""


class Migration(migrations.Migration):

    dependencies = [
        ('faces', '0003_wall_and_imports'),
    ]

    operations = [
        migrations.RunSQL(FUNCTION, GONE),
        migrations.RunSQL(COUNT_THOSE_THERE, migrations.RunSQL.noop),
    ]
