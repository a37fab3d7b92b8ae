"""From a picture file to the bytes of an aligned crop, in whichever process. No Django, no storage.

A picture may come from anywhere: it is refused unread where it is too large, and what leaves here is
always a fresh JPEG of the pixels alone.
"""

from __future__ import annotations

import io
import multiprocessing
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from annotate.faces.measures import NO_MEASURES, Measures, measure
from annotate.faces.problems import BadRow, quoted
from model.alignment import CROP_SIZE, FaceAligner, NoFaceFound, SeveralFacesFound, crop_box

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
MOST_PIXELS = 40_000_000
QUALITY = 95

Way = tuple[float, float, float, float] | Literal["detect", "prealigned"]
"""How the crop is found: a box (left, right, top, bottom as fractions), detection, or it is one already."""


class Job(NamedTuple):
    """A crop to make; `face` is the caller's own number for it."""

    face: int
    path: str
    way: Way


class Crop(NamedTuple):
    """What came of a job: the bytes of a JPEG and what was measured on it, or the reason why not."""

    face: int
    jpeg: bytes = b""
    reason: str = ""
    measures: Measures = NO_MEASURES


class FoundFace(NamedTuple):
    """One of the faces of a picture: its crop's JPEG bytes, how sure the detector was, its side in pixels."""

    jpeg: bytes
    detection: float | None
    source_side: float


class Cut(NamedTuple):
    """A crop's pixels, how sure the detector was of the face, and the face's longer side in the picture."""

    image: Image.Image
    detection: float | None
    source_side: float


def make_crop(job: Job) -> Crop:
    """The crop, or a plain sentence in `reason`. Raises nothing: one bad picture must not end an import."""
    try:
        cut = _crop(_open(Path(job.path)), job.way)
        jpeg = _jpeg(cut.image)
        # Of the stored bytes, not of the pixels before: measured again later, the crop gives the same.
        measures = measure(jpeg)._replace(detection=cut.detection, source_side=cut.source_side)
        return Crop(job.face, jpeg, measures=measures)
    except BadRow as error:
        return Crop(job.face, reason=str(error))
    except Exception as error:  # decoders raise all sorts of errors on broken files
        return Crop(job.face, reason=f"the picture is broken: {quoted(str(error) or type(error).__name__)}")


def check_picture(path: Path) -> None:
    """Look at a picture's format and size without decoding it. Raises BadRow as `find_faces` would."""
    with _opened(path):
        pass


def find_faces(path: Path, *, is_prealigned: bool = False) -> list[FoundFace]:
    """The crops of all faces of a picture but of bystanders, from left to right, at least one.

    Of one that is an aligned crop already, itself. Raises BadRow, in words for whoever sent it.
    """
    try:
        image = _open(path)
        if is_prealigned:
            return [FoundFace(_jpeg(_crop(image, "prealigned").image), None, image.width)]
        found = _aligner().find_all(image)
    except BadRow:
        raise
    except NoFaceFound as error:
        raise BadRow("no face was found in the picture") from error
    except Exception as error:  # decoders raise all sorts of errors on broken files
        raise BadRow(f"the picture is broken: {quoted(str(error) or type(error).__name__)}") from error
    return [FoundFace(_jpeg(crop), confidence, side) for crop, confidence, side in found]


def _open(path: Path) -> Image.Image:
    """The picture as RGB, upright. Raises BadRow where it is missing, too large or of another format."""
    with _opened(path) as image:
        return _rgb(ImageOps.exif_transpose(image))


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The picture, nothing of it decoded yet. Raises BadRow, also for what its decoder says within."""
    try:
        facts = path.stat()
    except FileNotFoundError as error:
        raise BadRow("the picture is missing") from error
    except OSError as error:
        raise BadRow(f"the picture can not be read: {error.strerror}") from error
    if not stat.S_ISREG(facts.st_mode):
        raise BadRow("this is no file")
    if not facts.st_size:
        raise BadRow("the file is empty (0 bytes)")
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=FORMATS) as image:
            _check_size(image)
            yield image
    except UnidentifiedImageError as error:
        raise BadRow("the file is no JPEG, PNG, WebP, BMP or TIFF picture") from error
    except Image.DecompressionBombError as error:
        raise BadRow(f"the picture has more than {MOST_PIXELS // 10**6} megapixels") from error


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise BadRow(
            f"the picture is too large: {image.width} x {image.height} px are more than "
            f"{MOST_PIXELS // 10**6} megapixels"
        )


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode as RGB; 16 bits keep their upper half, what is transparent becomes white."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise BadRow("the picture has 32 bits a channel; save it with 8")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _crop(image: Image.Image, way: Way) -> Cut:
    if way == "prealigned":
        if image.width != image.height:
            raise BadRow(f"an aligned crop is square; this is {image.width} x {image.height} px")
        return Cut(image.resize((CROP_SIZE, CROP_SIZE), Image.Resampling.LANCZOS), None, image.width)
    if way == "detect":
        try:
            return Cut(*_aligner().find(image))
        except NoFaceFound as error:
            raise BadRow("no face was found in the picture") from error
        except SeveralFacesFound as error:
            raise BadRow(f"the picture shows {error.count} faces; one is needed") from error
    left, right, top, bottom = way
    crop = crop_box(image, left=left, right=right, top=top, bottom=bottom)
    return Cut(crop, None, max((right - left) * image.width, (bottom - top) * image.height))


def _jpeg(image: Image.Image) -> bytes:
    """Pixels only: the comment, profile and EXIF of the source stay behind."""
    image.info = {}
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY, subsampling="4:4:4")
    return out.getvalue()


@cache
def _aligner() -> FaceAligner:
    if multiprocessing.parent_process() is not None:
        # One of several workers: torch's own threads would only fight over the same cores.
        import torch

        torch.set_num_threads(1)
    return FaceAligner()
