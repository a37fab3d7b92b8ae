"""Pictures and rows as a browser sends them to be imported, and what is asked afterwards."""

import csv
import io
import re
import zipfile

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image


def png(size=(64, 64), colour=(200, 150, 120), mode="RGB"):
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, "PNG")
    return out.getvalue()


def zipped(**members):
    """An archive as it is sent; a name's double underscore stands for its dot."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return SimpleUploadedFile("faces.zip", out.getvalue(), "application/zip")


def of_rows(name, *rows, encoding="utf-8"):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return SimpleUploadedFile(name, out.getvalue().encode(encoding), "text/csv")


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def page_of(sent, user):
    response = client_of(user).get(reverse("import-detail", args=[sent.pk]))
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def kept(folders):
    return sorted(path.name for path in folders.rglob("*") if path.is_file())
