"""Server time of the wall's pages, of 150,000 faces as a ratio to that of 1,500: first and deep pages, every
filter and the rarest combinations, each sample another one, so that none is warm from the one before."""

import random
import statistics
import time

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from annotate.accounts.models import Role, User
from annotate.faces.models import Dataset

# Truly committed and vacuumed, as they are a minute after an import.
pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True)]
SMALL, LARGE = 1_500, 150_000
MOST_RATIO = 3.0
SAMPLES = 7

# Like FEC: the held-out faces came last, few labels are frequent, and most faces are in a dozen triplets.
FACES = """
    INSERT INTO faces_face (dataset_id, key, image, url, crop, crop_sha256, split, identity, expression,
        created_at, status, set_aside_reason, set_aside_by_id, set_aside_at, imported_triplets)
    SELECT %(dataset)s, %(name)s || ':' || image || '#0.100-0.900-0.050-0.950', image,
        'http://faces.invalid/' || image, %(name)s || '/' || n, repeat('0', 64),
        CASE WHEN n <= %(count)s * 0.9 THEN 'train' ELSE 'val' END, 'p' || n %% (%(count)s / 12),
        'e' || least(29, floor(-ln(random()) * 6)), now(),
        CASE WHEN n %% 199 = 0 THEN 'set_aside' ELSE 'ready' END,
        CASE WHEN n %% 199 = 0 THEN 'other' ELSE '' END,
        CASE WHEN n %% 199 = 0 THEN %(admin)s END, CASE WHEN n %% 199 = 0 THEN now() END,
        floor(-ln(random()) * 10)
    FROM (SELECT n, left(md5(n::text), 10) || '.jpg' AS image FROM generate_series(1, %(count)s) n) f
"""


def fill(name, count, admin):
    dataset = Dataset.objects.create(name=name)
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0.5)")
        cursor.execute(FACES, {"dataset": dataset.pk, "name": name, "count": count, "admin": admin.pk})
        cursor.execute("VACUUM ANALYZE faces_face")
    return dataset


def queries(dataset, rng):
    """A page of each kind: name and parameters, other ones at each call."""
    ids = list(dataset.faces.order_by("pk").values_list("pk", flat=True))
    deep = ids[int(len(ids) * rng.uniform(0.6, 0.95))]
    common, rare = (f"e{rng.randint(*ends)}" for ends in ((0, 4), (22, 29)))
    person, least = f"p{rng.randrange(len(ids) // 12)}", rng.randint(60, 80)
    return {
        "first page": {},
        "deep page": {"after": deep},
        "deep, most triplets first": {"after": deep, "order": "most"},
        "deep, by name": {"after": deep, "order": "name"},
        "newest": {"order": "newest"},
        "a frequent expression": {"expression": common},
        "a frequent expression, deep": {"expression": common, "after": deep},
        "a rare expression": {"expression": rare},
        "a person": {"identity": person},
        "held out, which came last": {"split": "val"},
        "set aside": {"status": "set_aside"},
        "ready": {"status": "ready"},
        "in many triplets": {"least": least},
        "in none": {"most": 0},
        "in a few": {"least": 3, "most": rng.randint(4, 9)},
        "in a few, held out, by number": {"least": 3, "most": 9, "split": "val", "order": "fewest"},
        "a name": {"name": rng.choice("0123456789abcdef")},
        "frequent, held out": {"expression": common, "split": "val"},
        "frequent, held out, set aside": {"expression": common, "split": "val", "status": "set_aside"},
        "frequent, in many": {"expression": common, "least": least, "order": "most"},
        "rare, set aside, in none": {"expression": rare, "status": "set_aside", "most": 0},
        "of a person, not there": {"identity": person, "expression": rare, "least": least},
        "held out, in many, not aside": {"split": "val", "least": least, "status": "ready"},
        "a letter of names, held out": {"name": rng.choice("0123456789abcdef"), "split": "val"},
    }


def visit(client, dataset, sample):
    """Seconds that each kind of page took: all of the server's, and the database's share of it."""
    url = reverse("dataset-wall", args=[dataset.name])
    in_database = 0.0

    def watched(execute, *arguments):
        nonlocal in_database
        start = time.perf_counter()
        try:
            return execute(*arguments)
        finally:
            in_database += time.perf_counter() - start

    for kind, query in queries(dataset, random.Random(sample)).items():
        for part, headers in (("", {}), (" (next faces)", {"HX-Request": "true"})):
            in_database, start = 0.0, time.perf_counter()
            with connection.execute_wrapper(watched):
                response = client.get(url, query, headers=headers)
            yield kind + part, time.perf_counter() - start, in_database
            assert response.status_code == 200


def test_wall(report):
    admin = User.objects.create_user("ada", "a-password-for-ada", role=Role.ADMIN)
    client = Client()
    client.force_login(admin)
    datasets = {SMALL: fill("small", SMALL, admin), LARGE: fill("large", LARGE, admin)}
    taken = {}
    # In turn, so that whatever else the machine does meanwhile slows both alike.
    for sample in range(SAMPLES + 1):
        for size, dataset in datasets.items():
            for kind, took, in_database in visit(client, dataset, sample):
                if sample:  # the first one loads templates
                    taken.setdefault(kind, {}).setdefault(size, []).append((took, in_database))
    ratios = {}
    for kind, sizes in taken.items():
        (small, small_sql), (large, large_sql) = (
            [1000 * statistics.median(times) for times in zip(*sizes[size], strict=True)]
            for size in (SMALL, LARGE)
        )
        ratios[kind] = large / small
        report(
            f"{large / small:5.2f}  {small:6.1f} -> {large:6.1f} ms, of these in the database "
            f"{small_sql:5.1f} -> {large_sql:5.1f}  {kind}"
        )
    report(f"worst ratio {max(ratios.values()):.2f}")
    assert max(ratios.values()) < MOST_RATIO
