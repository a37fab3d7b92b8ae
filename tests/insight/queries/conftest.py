"""Folders of a test's own, a sent picture, and a version that can embed."""

import io

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from annotate.faces.models import Face
from annotate.insight.models import QueryPicture
from annotate.insight.queries import receive
from annotate.insight.tasks import find_query_faces
from annotate.training.freezing import freeze_snapshot
from annotate.training.versions import promote
from tests.factories import draw_face, make_dataset, make_face, make_imported_triplet
from tests.insight.networks import make_real_version
from tests.insight.queries.vectors import store, unit


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.STATE_DIR = tmp_path
    for name in ("SNAPSHOTS_DIR", "RUNS_DIR", "UPLOADS_DIR"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        setattr(settings, name, folder)
    settings.FILE_UPLOAD_TEMP_DIR = str(settings.UPLOADS_DIR)
    return tmp_path


@pytest.fixture
def dataset(db):
    """Six people, glum and glad."""
    dataset = make_dataset()
    faces = [
        make_face(
            dataset, f"p{person}-{name}", identity=f"p{person}", expression=name, smile=smile,
            tone=110 + 20 * person,
        )
        for person in range(6) for name, smile in (("glum", -0.8), ("glad", 0.8))
    ]  # fmt: skip
    make_imported_triplet(faces[:3])
    return dataset


@pytest.fixture
def version(dataset, settings, admin):
    """The active one."""
    version = make_real_version(freeze_snapshot(name="frozen", dataset=dataset), settings.RUNS_DIR)
    promote(version, admin, "The first one", timezone.now())
    return version


@pytest.fixture
def vectors(version):
    rng = np.random.default_rng(0)
    faces = list(Face.objects.order_by("pk").values_list("pk", flat=True))
    return store(version, dict(zip(faces, unit(rng, len(faces)), strict=True)))


@pytest.fixture
def client_of():
    """A browser in which this user is logged in; None is a stranger."""

    def client(user):
        client = Client()
        if user is not None:
            client.force_login(user)
        return client

    return client


@pytest.fixture
def send(curator):
    """Send a picture's bytes as a curator and have a worker look at it; the picture as it ended."""

    def send(data=None, *, by=curator, looked_at=True, is_prealigned=True):
        file = SimpleUploadedFile("me.jpg", draw_face(0.9, 190) if data is None else data)
        picture = receive(file, by, timezone.now(), is_prealigned=is_prealigned)
        if looked_at:
            find_query_faces(job_id=picture.pk)
        return QueryPicture.objects.get(pk=picture.pk)

    return send


@pytest.fixture
def left(folders):
    """Every file that lies where pictures do."""

    def left():
        places = (folders / "faces" / "_queries", folders / "uploads_dir")
        return [path for place in places for path in place.rglob("*") if path.is_file()]

    return left


@pytest.fixture
def encoded():
    """An image as the bytes of a file."""

    def encoded(image, form="JPEG", **options):
        out = io.BytesIO()
        image.save(out, form, **options)
        return out.getvalue()

    return encoded
