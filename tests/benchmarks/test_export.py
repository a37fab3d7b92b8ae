"""Export of 500,000 triplets, as a ratio to PostgreSQL's own COPY of the same rows from a plain table; the
FEC layout and Parquet as ratios to the CSV."""

import resource
import tempfile
import tracemalloc

import pyarrow as pa
import pytest
from django.db import connection

from annotate.campaigns.creation import create_campaign
from annotate.campaigns.export import copy_triplets
from annotate.campaigns.export_choice import Choice, count_triplets
from annotate.campaigns.export_file import write_triplets
from annotate.campaigns.models import Campaign
from annotate.campaigns.simulation import simulate, simulated_annotators
from annotate.faces.models import Dataset, Face
from annotate.tournament.simulator import Manner

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db]
TRIPLETS = 500_000
FACES = 20_000


class Sink:
    """Counts what is written and keeps nothing."""

    size = 0

    def write(self, data):
        self.size += len(data)
        return len(data)


@pytest.fixture
def dataset(db):
    dataset = Dataset.objects.create(name="bench")
    Face.objects.bulk_create(
        (
            Face(
                dataset=dataset, key=f"bench:{i:06}.jpg", image=f"{i:06}.jpg", crop=f"bench/{i:06}.jpg",
                crop_sha256="0" * 64, expression=f"x{i % 8}",
                known_expression=[float(i % 997), float(i % 89)],
            )
            for i in range(FACES)
        ),
        batch_size=2000,
    )  # fmt: skip
    return dataset


def fill_imported(dataset):
    first = dataset.faces.order_by("id").values_list("id", flat=True)[0]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO faces_importedtriplet (dataset_id, face_1_id, face_2_id, face_3_id, kind, split,
                raters, answers, odd, strength, votes_for, votes_against)
            SELECT %s, %s + i %% 5000, %s + 5000 + i %% 5001, %s + 10001 + i %% 9973, 'TWO_CLASS_TRIPLET',
                'train', ARRAY(SELECT ((i * 7 + r * 11) %% 43)::text FROM generate_series(1, 6) r),
                ARRAY[1 + i %% 3, 1 + i %% 3, 1 + i %% 3, 1 + i %% 3, 1 + (i + 1) %% 3, 0], 1 + i %% 3,
                'strong', 4, 1
            FROM generate_series(1, %s) i
            """,
            [dataset.pk, first, first, first, TRIPLETS],
        )


def measure(seconds, report, dataset, campaign, sources, name):
    sink = Sink()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    tracemalloc.start()
    with seconds() as ours:
        rows = copy_triplets(sink, dataset=dataset, campaign=campaign, choice=Choice(sources=sources))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE plain (a text, p text, n text, ai text, pi text, ni text, kind text, "
            "source text, g int, rep int, round int, chain int, annotators text, weight float8, "
            "strength text, f int, g2 int)"
        )
        cursor.execute(
            "INSERT INTO plain SELECT 'bench:000001.jpg', 'bench:000002.jpg', 'bench:000003.jpg', "
            "'000001.jpg', '000002.jpg', '000003.jpg', 'TWO_CLASS_TRIPLET', 'imported', 1, 1, 1, 1, "
            "'bench:1;bench:2;bench:3;bench:4;bench:5;bench:6', 0.812345, 'strong', 4, 1 "
            "FROM generate_series(1, %s)",
            [rows],
        )
        baseline = Sink()
        with seconds() as plain:
            cursor.copy_expert("COPY plain TO STDOUT WITH (FORMAT csv)", baseline)
        cursor.execute("DROP TABLE plain")
    report(
        f"export, {name}: {rows:,} triplets in {ours[0]:.2f} s, {ours[0] / plain[0]:.1f} times plain COPY "
        f"({plain[0]:.2f} s); {sink.size / 1e6:.0f} MB written, Python's peak memory {peak / 1e6:.1f} MB"
    )
    assert peak < 50e6


def measure_layouts(seconds, report, campaign, sources, name):
    """Each layout to a file, as a download is; the CSV of the same run is the measure."""
    choice = Choice(sources=sources)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    took = {}
    for layout in ("csv", "fec", "parquet"):
        with tempfile.TemporaryFile() as out:
            before, arrow = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, pa.total_allocated_bytes()
            with seconds() as ours:
                rows = write_triplets(out, campaign=campaign, choice=choice, layout=layout)
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            size = out.tell()
        with seconds() as counting:
            counted = count_triplets(campaign, choice, layout)
        took[layout] = ours[0]
        report(
            f"export, {name}, {layout}: {rows:,} triplets in {ours[0]:.2f} s, "
            f"{ours[0] / took['csv']:.2f} times the CSV; {size / 1e6:.1f} MB, "
            f"said before to be {counted.size / 1e6:.1f}; "
            f"counted in {counting[0]:.2f} s; the process grew by {grown:.0f} MB"
        )
        assert counted.total == rows
        assert pa.total_allocated_bytes() == arrow
        assert grown < 400


def test_imported(seconds, report, dataset):
    fill_imported(dataset)
    measure(seconds, report, dataset, None, ("imported",), "imported")
    campaign = Campaign.objects.create(name="bench", dataset=dataset)
    measure_layouts(seconds, report, campaign, ("imported",), "imported")


def test_derived(seconds, report, dataset):
    campaign = create_campaign(name="bench", dataset=dataset, groups=170, k=16).campaign
    simulate(campaign, simulated_annotators(campaign, 6), Manner(flip=0.1, uncertain=0.02))
    measure(seconds, report, dataset, campaign, ("direct", "inferred"), "derived")
    measure_layouts(seconds, report, campaign, ("direct", "inferred"), "derived")
