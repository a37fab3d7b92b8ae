"""Measures the faces that have no measures yet, and finds those that are nearly the same.

Two hashes that differ in at most DISTANCE bits are the same in at least two of DISTANCE + 2 bands of bits:
only faces that share two bands are compared, and no such pair is missed. The database does all of it.
"""

from __future__ import annotations

from datetime import datetime
from itertools import combinations

from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils import timezone

from annotate.accounts.models import User
from annotate.curation.models import Scan
from annotate.faces.measures import measure
from annotate.faces.models import Dataset, Face

DISTANCE = 5
CONFIRMED = 10
"""The other hash must differ in no more bits: portraits have much in common that one hash alone sees."""
BATCH = 200
LOCK_CLASS = 0x5E3E  # any number of our own: one worker a data set
MEASURED = ["phash", "dhash", "sharpness", "brightness", "contrast"]


@transaction.atomic
def ask_for_scan(dataset: Dataset, by: User | None, at: datetime) -> Scan:
    """Note that the data set is to be scanned (again); the caller puts it on the queue."""
    scan, _ = Scan.objects.update_or_create(
        dataset=dataset,
        defaults={
            "asked_by": by, "asked_at": at, "heartbeat_at": at, "ended_at": None, "stage": "measuring",
            "done": 0, "total": 0,
        },
    )  # fmt: skip
    return scan


def scan(dataset_id: int) -> bool:
    """Measure and compare, from wherever an earlier worker was. False where another does, or it is done."""
    under_way = Scan.objects.under_way().filter(dataset=dataset_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_CLASS, dataset_id])
        if not cursor.fetchone()[0]:
            return False
    try:
        if not under_way.exists():
            return False
        unreadable = _measure(dataset_id)
        under_way.update(stage="comparing", done=0, total=0, heartbeat_at=timezone.now())
        _compare(dataset_id, unreadable)
        return True
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_CLASS, dataset_id])


def overdue_scans(at: datetime) -> list[int]:
    """The data sets whose scan is to be put on the queue again."""
    overdue = list(Scan.objects.overdue(at).values_list("dataset_id", flat=True))
    Scan.objects.filter(dataset__in=overdue).update(heartbeat_at=at)
    return overdue


def _measure(dataset_id: int) -> int:
    """Measure what is not yet; returns how many crops are missing or broken."""
    unmeasured = Face.objects.filter(dataset=dataset_id).unmeasured()
    total, done, last, unreadable = unmeasured.count(), 0, 0, 0
    while batch := list(unmeasured.filter(pk__gt=last).order_by("pk").only("pk", "crop")[:BATCH]):
        measured = []
        for face in batch:
            try:
                with default_storage.open(face.crop) as file:
                    found = measure(file.read())
            except OSError:
                unreadable += 1
                continue
            for name in MEASURED:
                setattr(face, name, getattr(found, name))
            measured.append(face)
        Face.objects.bulk_update(measured, MEASURED)
        last, done = batch[-1].pk, done + len(batch)
        Scan.objects.filter(dataset=dataset_id).update(done=done, total=total, heartbeat_at=timezone.now())
    return unreadable


@transaction.atomic
def _compare(dataset_id: int, unreadable: int) -> None:
    with connection.cursor() as cursor:
        newest = Face.objects.filter(dataset=dataset_id).order_by("-pk").values_list("pk", flat=True).first()
        cursor.execute(_HASHES, {"dataset": dataset_id, "masks": _masks(DISTANCE + 2)})
        cursor.execute(_INSERT_PAIRS, {"dataset": dataset_id, "most": DISTANCE, "confirmed": CONFIRMED})
        cursor.execute("SELECT count(*) FROM curation_duplicatepair WHERE dataset_id = %s", [dataset_id])
        [pairs] = cursor.fetchone()
        cursor.execute("DROP TABLE scan_band, scan_hash")
    now = timezone.now()
    Scan.objects.filter(dataset=dataset_id).update(
        ended_at=now, heartbeat_at=now, stage="", unreadable=unreadable, pairs=pairs, last_face=newest or 0
    )


def _masks(bands: int) -> list[int]:
    """The bits of each two bands, as bigints. Every seventh bit is of the same band: the first bits are of
    the coarse picture, which portraits have in common, and no band should be made of these alone."""
    band = [sum(1 << bit for bit in range(start, 64, bands)) for start in range(bands)]
    both = [one | two for one, two in combinations(band, 2)]
    return [mask - (1 << 64) if mask >> 63 else mask for mask in both]


# One row for each different pair of hashes, whoever has it.
_HASHES = """
    SET LOCAL work_mem = '128MB';
    CREATE TEMPORARY TABLE scan_hash ON COMMIT DROP AS
        SELECT min(id) AS face, phash, dhash FROM faces_face
        WHERE dataset_id = %(dataset)s AND phash IS NOT NULL GROUP BY phash, dhash;
    CREATE TEMPORARY TABLE scan_band ON COMMIT DROP AS
        SELECT h.*, m.band, h.phash & m.mask AS bits
        FROM scan_hash h, unnest(%(masks)s::bigint[]) WITH ORDINALITY m (mask, band);
    ANALYZE scan_hash;
    ANALYZE scan_band;
"""
_INSERT_PAIRS = """
    INSERT INTO curation_duplicatepair (dataset_id, first_id, second_id, distance)
    SELECT %(dataset)s, least(one, two), greatest(one, two), distance FROM (
        SELECT DISTINCT a.face AS one, b.face AS two, bit_count((a.phash # b.phash)::bit(64)) AS distance
        FROM scan_band a JOIN scan_band b ON b.band = a.band AND b.bits = a.bits AND b.face > a.face
        WHERE bit_count((a.phash # b.phash)::bit(64)) <= %(most)s
            AND bit_count((a.dhash # b.dhash)::bit(64)) <= %(confirmed)s
        UNION ALL
        SELECT h.face, f.id, 0 FROM scan_hash h JOIN faces_face f
            ON f.dataset_id = %(dataset)s AND f.phash = h.phash AND f.dhash = h.dhash AND f.id <> h.face
    ) found
    ON CONFLICT (first_id, second_id) DO NOTHING
"""
