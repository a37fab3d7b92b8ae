"""What proposing takes at FEC's size: 40,000 anchors among 150,000 faces, 400,000 strong triplets."""

import resource
import time

import pytest
from django.db import connection
from django.utils import timezone

from annotate.campaigns.creation import create_campaign
from annotate.campaigns.models import Group
from annotate.faces.models import Dataset
from annotate.training.models import ModelVersion, Run, RunState, Snapshot
from annotate.training.proposals import ask_for_proposal, make_proposal
from annotate.training.sources import brought
from annotate.training.versions import promote

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True)]
FACES, ANCHORS, TRIPLETS, GROUPS = 150_000, 40_000, 400_000, 1_000

FILL = """
    INSERT INTO faces_face (dataset_id, key, image, url, crop, crop_sha256, split, identity, expression,
        created_at, imported_triplets)
    SELECT %(dataset)s, 'fec:' || n, n || '.jpg', '', 'fec/' || n, repeat('0', 64), 'train', 'p' || n / 5, '',
        now(), 0
    FROM generate_series(1, %(faces)s) n;
    CREATE TEMPORARY TABLE face_of AS
        SELECT id, row_number() OVER (ORDER BY id) AS n FROM faces_face WHERE dataset_id = %(dataset)s;
    CREATE UNIQUE INDEX ON face_of (n);
    INSERT INTO faces_importedtriplet (dataset_id, face_1_id, face_2_id, face_3_id, kind, split, raters,
        answers, odd, strength, votes_for, votes_against)
    SELECT %(dataset)s, one.id, other.id, odd.id, '', 'train', '{a,b,c,d,e,f}',
        '{3,3,3,3,3,1}', 3, 'strong', 5, 1
    FROM (
        SELECT m %% %(anchors)s + 1 AS a, 1 + floor(random() * %(anchors)s) AS b,
            1 + %(anchors)s + floor(random() * (%(faces)s - %(anchors)s)) AS c
        FROM generate_series(1, %(triplets)s) m
    ) t JOIN face_of one ON one.n = t.a JOIN face_of other ON other.n = t.b JOIN face_of odd ON odd.n = t.c
    WHERE t.a <> t.b ON CONFLICT DO NOTHING;
"""
EMBED = """
    INSERT INTO training_embedding (model_version_id, face_id, vector)
    SELECT %s, n.id, ARRAY(SELECT random() + 0 * n.id FROM generate_series(1, 16))::vector
    FROM (SELECT id FROM faces_face WHERE dataset_id = %s) n
"""


def test_a_thousand_groups_at_fecs_size(settings, tmp_path, report):
    settings.RUNS_DIR = tmp_path
    dataset = Dataset.objects.create(name="fec")
    sizes = {"dataset": dataset.pk, "faces": FACES, "anchors": ANCHORS, "triplets": TRIPLETS}
    snapshot = Snapshot.objects.create(name="s", dataset=dataset, folder="s", sha256="0" * 64, counts={})
    run = Run.objects.create(snapshot=snapshot, state=RunState.SUCCEEDED)
    version = ModelVersion.objects.create(run=run, folder="v", evaluation={})
    with connection.cursor() as cursor:
        cursor.execute(FILL, sizes)
        cursor.execute(EMBED, [version.pk, dataset.pk])
        cursor.execute("ANALYZE")
    promote(version, None, "", timezone.now())
    campaign = create_campaign(name="c", dataset=dataset, groups=GROUPS, repetitions=1, seed=0).campaign
    asked = ask_for_proposal(campaign, groups=GROUPS, random_share=0.2, seed=0, by=None, at=timezone.now())
    before, began, cpu = _peak(), time.perf_counter(), time.process_time()
    assert make_proposal(asked.pk, timezone.now())
    report(
        f"{GROUPS:,} groups proposed: {time.perf_counter() - began:.1f} s by the clock, "
        f"{time.process_time() - cpu:.1f} s of Python's CPU, {_peak() - before:.0f} MB more at its peak"
    )
    began = time.perf_counter()
    assert sum(one.groups for one in brought(campaign, version)) == Group.objects.count() == 2 * GROUPS
    report(f"what each source brought: {time.perf_counter() - began:.2f} s")


def _peak():
    """Megabytes of this process at its largest."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
