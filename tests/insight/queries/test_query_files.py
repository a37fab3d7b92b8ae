"""Files that are no picture, too large, or one too many: what is refused, and that nothing is left of it."""

import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from annotate.insight import queries
from annotate.insight.models import QueryPicture
from annotate.insight.queries import QueryRefused, TooManyQueries
from tests.faces.test_crops import huge_png
from tests.factories import draw_face

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def polyglot():
    """A JPEG that is a zip archive with a page in it, too."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("index.html", "<script>alert(1)</script>")
    return draw_face(0.3, 180) + out.getvalue()


def html_of_a_jpeg():
    """A page that begins as a JPEG does."""
    return b"\xff\xd8\xff\xe0\x00\x10JFIF\x00<html><script>alert(1)</script></html>"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (SVG, "is no JPEG, PNG, WebP, BMP or TIFF"),
        (b"", "is empty"),
        (b"GIF89a" + b"\0" * 50, "is no JPEG, PNG, WebP, BMP or TIFF"),
        (b"%PDF-1.7 " + SVG, "is no JPEG, PNG, WebP, BMP or TIFF"),
    ],
)
def test_what_is_no_picture_is_refused_at_once(send, left, data, said):
    with pytest.raises(QueryRefused, match=said):
        send(data)
    assert left() == []
    assert not QueryPicture.objects.exists()


def test_fifty_megapixels_are_refused_before_they_are_decoded(send, left, tmp_path, encoded):
    with pytest.raises(QueryRefused, match="8200 x 6100 px are more than 40 megapixels"):
        send(huge_png(tmp_path / "a.png", 8200, 6100).read_bytes())
    with pytest.raises(QueryRefused, match="more than 40 megapixels"):
        send(encoded(Image.new("L", (8200, 6100)), quality=20))
    assert left() == []
    assert not QueryPicture.objects.exists()


@pytest.mark.parametrize("data", [draw_face(0, 200)[:900], html_of_a_jpeg()], ids=["torn", "page"])
def test_a_broken_picture_is_found_out_by_the_worker_and_nothing_stays(send, left, data):
    try:
        picture = send(data)
    except QueryRefused as error:
        assert "JPEG" in str(error)
        assert not QueryPicture.objects.exists()
    else:
        assert (picture.state, picture.faces.count()) == ("failed", 0)
        assert "picture is broken" in picture.error
    assert left() == []


def test_of_a_polyglot_only_its_pixels_are_kept(send, left):
    picture = send(polyglot())
    assert picture.state == "done"
    [kept] = left()
    assert b"script" not in kept.read_bytes()
    assert b"PK" not in kept.read_bytes()[-64:]
    assert not zipfile.is_zipfile(kept)


def test_metadata_is_not_kept(send, encoded, left):
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    send(encoded(Image.new("RGB", (300, 300), (150, 90, 80)), exif=exif, comment=b"taken at home"))
    [kept] = left()
    assert b"taken at home" not in kept.read_bytes()


def test_one_may_not_send_more_than_a_worker_has_time_for(send, curator, admin, monkeypatch):
    for _ in range(queries.MOST_UNDER_WAY):
        send(looked_at=False)
    with pytest.raises(TooManyQueries, match="wait to be looked at"):
        send()
    send(by=admin)
    monkeypatch.setattr(queries, "MOST_KEPT", 3)
    QueryPicture.objects.update(ended_at=timezone.now())
    with pytest.raises(TooManyQueries, match="Delete some"):
        send()


def test_a_file_that_is_too_large_is_refused(curator, left, monkeypatch):
    monkeypatch.setattr(queries, "MOST_BYTES", 1000)
    with pytest.raises(QueryRefused, match="larger than"):
        queries.receive(SimpleUploadedFile("a.jpg", draw_face(0, 200)), curator, timezone.now())
    assert left() == []
    assert queries.too_long(queries.MOST_BYTES + queries.FORM_BYTES + 1)
    assert not queries.too_long(queries.MOST_BYTES)
