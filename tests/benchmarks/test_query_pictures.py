"""Seconds from a query picture's turn with a worker until its faces are embedded: the first one, which loads
the detector and the network, and those that follow; photographs of 0.3 and of 12 megapixels. Beside them, the
processor's seconds of all threads: what a machine without other work would take at most."""

import io
import statistics
import time
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from annotate.insight.models import QueryEmbedding, QueryPicture
from annotate.insight.queries import receive
from annotate.insight.tasks import find_query_faces
from annotate.training.freezing import freeze_snapshot
from annotate.training.versions import promote
from tests.insight.networks import make_real_version
from tests.training.drawn import drawn_dataset

LONDON = Path(__file__).parents[2].parent / "shared" / "data" / "london"
pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.django_db,
    pytest.mark.skipif(not LONDON.exists(), reason="the London photographs are not beside this checkout"),
]
SAMPLES = 9
# Of the processor: beside other work it counts more of them than alone.
MOST_WARM_SECONDS = 1.5


def test_query_pictures(report, admin, settings, tmp_path):
    settings.STATE_DIR = tmp_path
    for name in ("SNAPSHOTS_DIR", "RUNS_DIR", "UPLOADS_DIR"):
        setattr(settings, name, tmp_path / name.lower())
        (tmp_path / name.lower()).mkdir()
    snapshot = freeze_snapshot(name="frozen", dataset=drawn_dataset())
    version = make_real_version(snapshot, settings.RUNS_DIR, size=64)
    promote(version, admin, "The first one", timezone.now())
    small = [path.read_bytes() for path in sorted(LONDON.glob("*.jpg"))[: SAMPLES + 1]]
    large = [_enlarged(data) for data in small[:SAMPLES]]
    first, cpu = _seconds(small[0], admin)
    report(f"the first one: {first:.1f} s, of the processor {cpu:.1f} s")
    for what, pictures in (("0.3 megapixels", small[1:]), ("12 megapixels", large)):
        took, cpu = zip(*(_seconds(data, admin) for data in pictures), strict=True)
        report(
            f"then, of {what}: median {statistics.median(took):.2f} s, of the processor "
            f"{statistics.median(cpu):.2f} s, at most {max(cpu):.2f} s"
        )
        assert statistics.median(cpu) < MOST_WARM_SECONDS
    assert QueryEmbedding.objects.count() == QueryPicture.objects.count() == 2 * SAMPLES + 1


def _seconds(data, admin):
    QueryPicture.objects.update(ended_at=timezone.now())
    picture = receive(SimpleUploadedFile("a.jpg", data), admin, timezone.now())
    start, used = time.perf_counter(), time.process_time()
    find_query_faces(job_id=picture.pk)
    took = time.perf_counter() - start, time.process_time() - used
    assert QueryPicture.objects.get(pk=picture.pk).state == "done"
    return took


def _enlarged(data):
    out = io.BytesIO()
    Image.open(io.BytesIO(data)).resize((3464, 3464)).save(out, "JPEG", quality=90)
    return out.getvalue()
