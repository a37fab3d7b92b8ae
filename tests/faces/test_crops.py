"""From a picture file to a crop: what is accepted, what is refused, and what is left of the source."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from annotate.faces import crops
from annotate.faces.crops import Job, make_crop

WHOLE = (0.0, 1.0, 0.0, 1.0)


def crop_of(path, way="prealigned"):
    return make_crop(Job(7, str(path), way))


def pixels(crop):
    assert not crop.reason, crop.reason
    return np.asarray(Image.open(io.BytesIO(crop.jpeg))).astype(int)


def halves(mode="RGB", left=(220, 30, 30), right=(30, 30, 220), size=64):
    image = Image.new("RGB", (size, size), left)
    image.paste(right, (size // 2, 0, size, size))
    return image.convert(mode)


def huge_png(path, width, height):
    """A PNG whose header says more than is there."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")))
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "tiff"])
def test_each_format_becomes_a_224_px_jpeg(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    halves().save(path)
    crop = crop_of(path)
    image = Image.open(io.BytesIO(crop.jpeg))
    assert (crop.face, image.format, image.mode, image.size) == (7, "JPEG", "RGB", (224, 224))
    assert np.abs(pixels(crop)[112, 40] - (220, 30, 30)).max() < 12


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "YCbCr", "LAB", "RGBA"])
def test_each_mode_becomes_rgb(tmp_path, mode):
    path = tmp_path / "a.tiff"
    halves(mode).save(path)
    assert pixels(crop_of(path)).shape == (224, 224, 3)


def test_a_palette_keeps_its_colours(tmp_path):
    halves("P").save(tmp_path / "a.png")
    assert np.abs(pixels(crop_of(tmp_path / "a.png"))[112, 40] - (220, 30, 30)).max() < 20


def test_16_bits_keep_their_upper_half(tmp_path):
    Image.fromarray(np.full((64, 64), 128 * 256 + 77, dtype=np.uint16)).save(tmp_path / "a.png")
    assert np.abs(pixels(crop_of(tmp_path / "a.png")) - 128).max() <= 1


def test_what_is_transparent_is_white(tmp_path):
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert pixels(crop_of(tmp_path / "a.png")).min() >= 254


def test_32_bits_are_refused(tmp_path):
    Image.fromarray(np.zeros((64, 64), dtype=np.float32)).save(tmp_path / "a.tiff")
    assert "32 bits" in crop_of(tmp_path / "a.tiff").reason


def test_nothing_but_the_pixels_is_kept(tmp_path):
    secret = b"taken at home"
    exif = Image.Exif()
    exif[0x010E], exif[0x9286] = secret.decode(), secret
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    halves().save(tmp_path / "a.jpg", exif=exif, comment=secret, icc_profile=profile, dpi=(300, 300))
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", secret.decode())
    halves().save(tmp_path / "a.png", pnginfo=text, exif=exif)
    for name in ("a.jpg", "a.png"):
        for way in ("prealigned", WHOLE):
            jpeg = crop_of(tmp_path / name, way).jpeg
            image = Image.open(io.BytesIO(jpeg))
            assert secret not in jpeg
            assert not image.getexif()
            assert not {"comment", "icc_profile", "exif"} & set(image.info)


def test_crops_are_fine_jpegs(tmp_path):
    halves().save(tmp_path / "a.png")
    image = Image.open(io.BytesIO(crop_of(tmp_path / "a.png").jpeg))
    assert [sampling[1:3] for sampling in image.layer] == [(1, 1)] * 3  # 4:4:4
    assert max(image.quantization[0]) <= 20  # quality 95


def test_the_same_picture_gives_the_same_bytes(tmp_path):
    halves().save(tmp_path / "a.png")
    assert crop_of(tmp_path / "a.png", WHOLE).jpeg == crop_of(tmp_path / "a.png", WHOLE).jpeg


def test_a_turned_photograph_stands_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right: what is left comes up
    halves().save(tmp_path / "a.jpg", exif=exif)
    turned = pixels(crop_of(tmp_path / "a.jpg"))
    assert turned[40, 112, 0] > 180
    assert turned[180, 112, 2] > 180


def test_a_box_is_cut_out(tmp_path):
    halves().save(tmp_path / "a.png")
    right_half = pixels(crop_of(tmp_path / "a.png", (0.6, 0.95, 0.3, 0.65)))
    assert np.abs(right_half - (30, 30, 220)).max() < 12


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path):
    for width, height in ((8000, 5001), (20_000, 20_000), (60_000, 60_000)):
        assert "40 megapixels" in crop_of(huge_png(tmp_path / "a.png", width, height)).reason


def test_just_enough_pixels_are_decoded(tmp_path):
    assert "broken" in crop_of(huge_png(tmp_path / "a.png", 8000, 5000)).reason


def test_a_missing_picture(tmp_path):
    assert crop_of(tmp_path / "a.png").reason == "the picture is missing"


def test_an_empty_file(tmp_path):
    (tmp_path / "a.png").touch()
    assert crop_of(tmp_path / "a.png").reason == "the file is empty (0 bytes)"


def test_what_is_no_file(tmp_path):
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    for name in ("folder.png", "pipe.png"):
        assert crop_of(tmp_path / name).reason == "this is no file"


def test_an_aligned_crop_must_be_square(tmp_path):
    Image.new("RGB", (60, 64)).save(tmp_path / "a.png")
    assert "is square; this is 60 x 64 px" in crop_of(tmp_path / "a.png").reason


@pytest.mark.parametrize(
    "content",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        b"not a picture at all",
        b"%PDF-1.4",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    ],
)
def test_what_is_no_picture(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    assert "no JPEG, PNG, WebP, BMP or TIFF" in crop_of(tmp_path / "a.jpg").reason


@pytest.mark.parametrize("format", ["GIF", "ICO", "PPM", "TGA", "JPEG2000"])
def test_other_formats_are_refused_whatever_their_name(tmp_path, format):
    halves().save(tmp_path / "a.jpg", format)
    assert "no JPEG, PNG, WebP, BMP or TIFF" in crop_of(tmp_path / "a.jpg").reason


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "tiff"])
def test_a_truncated_picture(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.effect_noise((64, 64), 60).convert("RGB").save(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    crop = crop_of(path)
    assert crop.reason
    assert not crop.jpeg


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(["JPEG", "PNG", "WEBP", "BMP", "TIFF"]), st.data())
def test_no_broken_picture_ends_an_import(tmp_path_factory, format, data):
    out = io.BytesIO()
    halves(size=24).save(out, format)
    content = bytearray(out.getvalue())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("broken") / "a"
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    crop = make_crop(Job(1, str(path), WHOLE))
    assert bool(crop.jpeg) != bool(crop.reason)
    assert "\0" not in crop.reason


def test_the_formats_are_those_of_the_message():
    assert crops.FORMATS == ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
