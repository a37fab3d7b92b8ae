"""Folders of the test's own, and a browser that sends; the worker does its part at once."""

import pytest
from django.urls import reverse

from annotate.faces.models import Import
from annotate.faces.tasks import run_import
from tests.faces.sent.sending import client_of


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path / "uploads"
    settings.UPLOADS_DIR.mkdir()
    settings.FILE_UPLOAD_TEMP_DIR = str(settings.UPLOADS_DIR)
    settings.IMPORT_DIR = None
    return settings.UPLOADS_DIR


@pytest.fixture
def send(curator, django_capture_on_commit_callbacks):
    """Sends the form and does what the worker does then; the import as it is afterwards."""

    def post(query="", *, works=True, **fields):
        fields = {"dataset": "sent", "split": "train"} | fields
        with django_capture_on_commit_callbacks() as queued:
            response = client_of(curator).post(reverse("import-create") + query, fields)
        assert response.status_code == 302, response.content.decode()
        assert len(queued) == 1
        sent = Import.objects.latest("pk")
        assert response.url == reverse("import-detail", args=[sent.pk])
        if works:
            run_import(import_id=sent.pk)
        sent.refresh_from_db()
        return sent

    return post
