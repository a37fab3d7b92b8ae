"""Import of 500,000 FEC rows over 2,000 small faces, as a ratio to PostgreSQL's own COPY of the same rows
into a table without constraints."""

import random
import tracemalloc

import pytest
from django.db import connection
from PIL import Image

from annotate.faces.fec_import import import_triplets
from annotate.faces.models import Face, ImportedTriplet

# Truly committed: the foreign keys are checked at the commit, and that is part of the cost.
pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True)]
ROWS = 500_000
FACES = 2_000
KINDS = ("ONE_CLASS_TRIPLET", "TWO_CLASS_TRIPLET", "THREE_CLASS_TRIPLET")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for number in range(FACES):
        colour = (number % 256, number // 8, 90)
        Image.new("RGB", (64, 64), colour).save(folder / f"{number:06}.jpg")
    return folder


@pytest.fixture(scope="module")
def fec_file(tmp_path_factory):
    """Rows as FEC's: every trio once, six of 43 raters, mostly of one mind."""
    rng = random.Random(1)
    path = tmp_path_factory.mktemp("fec") / "triplets.csv"
    trios = set()
    while len(trios) < ROWS:
        trios.add(tuple(rng.sample(range(FACES), 3)))
    with path.open("w") as file:
        for number, trio in enumerate(sorted(trios)):
            faces = (f"http://faces.invalid/bench/{face:06}.jpg,0.101,0.908,0.000,0.950" for face in trio)
            odd = rng.randint(1, 3)
            answers = [odd] * 4 + rng.choices(range(4), k=2)
            raters = rng.sample(range(1000, 1043), 6)
            pairs = ",".join(f"{rater},{answer}" for rater, answer in zip(raters, answers, strict=True))
            file.write(f"{','.join(faces)},{KINDS[number % 3]},{pairs}\n")
    return path


def plain_copy(seconds, tmp_path):
    """Seconds that COPY takes for the imported rows themselves, into a table with nothing to keep up."""
    path = tmp_path / "plain.csv"
    with connection.cursor() as cursor:
        with path.open("wb") as out:
            cursor.copy_expert("COPY faces_importedtriplet TO STDOUT WITH (FORMAT csv)", out)
        cursor.execute("CREATE TABLE plain_triplet AS SELECT * FROM faces_importedtriplet WITH NO DATA")
        with path.open("rb") as rows, seconds() as took:
            cursor.copy_expert("COPY plain_triplet FROM STDIN WITH (FORMAT csv)", rows)
        assert cursor.rowcount == ROWS
        cursor.execute("DROP TABLE plain_triplet")
    return took[0]


@pytest.fixture
def run_import(settings, tmp_path, images, fec_file):
    location = {"location": str(tmp_path / "crops")}
    settings.STORAGES = settings.STORAGES | {
        "default": settings.STORAGES["default"] | {"OPTIONS": location},
    }

    def run(workers=2):
        return import_triplets(
            fec_file, dataset="bench", images=images, split="train", rejects=tmp_path / "rejects.csv",
            workers=workers,
        )  # fmt: skip

    return run


def test_import(seconds, report, tmp_path, run_import):
    with seconds() as ours:
        outcome = run_import()
    assert outcome.triplets_added == ImportedTriplet.objects.count() == ROWS
    assert outcome.faces_added == Face.objects.count() == FACES
    with seconds() as again:
        outcome = run_import()
    assert (outcome.triplets_added, outcome.triplets_there, outcome.faces_added) == (0, ROWS, 0)
    plain = plain_copy(seconds, tmp_path)
    report(
        f"import: {ROWS:,} FEC rows and {FACES:,} faces in {ours[0]:.1f} s, {ours[0] / plain:.1f} times "
        f"plain COPY ({plain:.2f} s); the same again, adding nothing, {again[0]:.1f} s"
    )


def test_memory(report, run_import):
    tracemalloc.start()
    run_import(workers=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    report(f"import: Python's peak memory {peak / 1e6:.0f} MB")
    assert peak < 80e6
