"""From a picture to the aligned square crop that every network here sees.

Either a detector finds the one face, or all (photographs), or a data set names its box (FEC). No file is
read or written here, and no picture is judged beyond "one face, none, or several".
"""

import math
from typing import NamedTuple

import numpy as np
from PIL import Image

CROP_SIZE = 224

# Added on each side, as a share of the longer side of the box. MTCNN's box is tight, FEC's is not.
DETECTED_MARGIN = 0.10
BOX_MARGIN = 0.05

# The detector sees the picture at this longer side at most: a face below 1/16 of it is no portrait.
DETECTION_SIZE = 640
SMALLEST_FACE = 40
LEAST_CONFIDENCE = 0.95
# Faces smaller than this share of the largest are bystanders, not a second subject.
BYSTANDER = 1 / 3


class Aligned(NamedTuple):
    """A crop, how sure the detector was of its face (0 .. 1), and its box's longer side in pixels."""

    crop: Image.Image
    confidence: float
    side: float


class _Detected(NamedTuple):
    """A face in a picture: box (left, top, right, bottom), its eyes as seen, all in pixels; confidence."""

    box: np.ndarray
    left_eye: np.ndarray
    right_eye: np.ndarray
    confidence: float


class AlignmentError(Exception):
    """The picture does not show exactly one face."""


class NoFaceFound(AlignmentError):
    """The detector found no face."""

    def __init__(self) -> None:
        super().__init__("no face found")


class SeveralFacesFound(AlignmentError):
    """The detector found `count` faces of comparable size."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} faces found")
        self.count = count


def crop_box(
    image: Image.Image, *, left: float, right: float, top: float, bottom: float, size: int = CROP_SIZE
) -> Image.Image:
    """The face in a given box (fractions of width and height) as a `size` x `size` px RGB crop.

    The box is squared about its centre to its longer side in pixels plus BOX_MARGIN on each side; what
    lies outside the picture repeats its border pixels. Raises ValueError if the box is empty, not
    finite, or wholly outside the picture.
    """
    if not all(math.isfinite(edge) for edge in (left, right, top, bottom)):
        raise ValueError("the box is not finite")
    if left >= right or top >= bottom:
        raise ValueError("the box is empty")
    if right <= 0 or bottom <= 0 or left >= 1 or top >= 1:
        raise ValueError("the box lies outside the picture")
    width, height = image.size
    side = max((right - left) * width, (bottom - top) * height) * (1 + 2 * BOX_MARGIN)
    centre = ((left + right) / 2 * width, (top + bottom) / 2 * height)
    return _square(image, centre, side, size)


class FaceAligner:
    """Finds the one face of a photograph and crops it with level eyes (facenet-pytorch's MTCNN).

    Loading takes about two seconds, so keep one and use it for many pictures. Not for several threads.
    """

    def __init__(self, device: str = "cpu") -> None:
        # Imported here: crop_box needs no torch, and importing facenet_pytorch costs seconds.
        from facenet_pytorch import MTCNN

        self._detector = MTCNN(keep_all=True, min_face_size=SMALLEST_FACE, device=device)

    def align(self, image: Image.Image, size: int = CROP_SIZE) -> Image.Image:
        """The face as a `size` x `size` px RGB crop, rotated about the box's centre until the eyes are level.

        Its side is the longer side of the detected box plus DETECTED_MARGIN on each side; what lies
        outside the picture repeats its border pixels. Raises NoFaceFound or SeveralFacesFound.
        """
        return self.find(image, size).crop

    def find(self, image: Image.Image, size: int = CROP_SIZE) -> Aligned:
        """As `align`, with what the detection tells of the face."""
        image = image.convert("RGB")
        return _aligned(image, self._one_face(image), size)

    def find_all(self, image: Image.Image, size: int = CROP_SIZE) -> list[Aligned]:
        """Every face that is no bystander, as `align` gives one, from left to right. Raises NoFaceFound."""
        image = image.convert("RGB")
        faces = sorted(self._faces(image), key=lambda face: float(face.box[0] + face.box[2]))
        return [_aligned(image, face, size) for face in faces]

    def _one_face(self, image: Image.Image) -> _Detected:
        faces = self._faces(image)
        if len(faces) > 1:
            raise SeveralFacesFound(len(faces))
        return faces[0]

    def _faces(self, image: Image.Image) -> list[_Detected]:
        """At least one. Raises NoFaceFound."""
        scale = min(1.0, DETECTION_SIZE / max(image.size))
        small = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
        if min(small.size) < SMALLEST_FACE:  # below this MTCNN has no scale to look at and fails
            raise NoFaceFound
        boxes, confidences, landmarks = self._detector.detect(small, landmarks=True)
        if boxes is None:
            raise NoFaceFound
        boxes, landmarks = boxes.astype(float) / scale, landmarks.astype(float) / scale
        sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
        sure = confidences.astype(float) >= LEAST_CONFIDENCE
        if not sure.any():
            raise NoFaceFound
        return [
            _Detected(boxes[face], landmarks[face, 0], landmarks[face, 1], min(1.0, float(confidences[face])))
            for face in np.flatnonzero(sure & (sides >= BYSTANDER * sides[sure].max()))
        ]


def _aligned(image: Image.Image, face: _Detected, size: int) -> Aligned:
    """The crop of a detected face of an RGB picture."""
    box, left_eye, right_eye, confidence = face
    longer = float(max(box[2] - box[0], box[3] - box[1]))
    side = longer * (1 + 2 * DETECTED_MARGIN)
    centre = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
    tilt = math.degrees(math.atan2(right_eye[1] - left_eye[1], right_eye[0] - left_eye[0]))
    # A square wider by sqrt(2) still covers the crop after any rotation.
    wide_size = 2 * math.ceil(size / math.sqrt(2))
    wide = _square(image, centre, side * wide_size / size, wide_size)
    level = wide.rotate(tilt, resample=Image.Resampling.BICUBIC)
    inset = (wide_size - size) // 2
    return Aligned(level.crop((inset, inset, inset + size, inset + size)), confidence, longer)


def _square(image: Image.Image, centre: tuple[float, float], side: float, size: int) -> Image.Image:
    """The square of `side` px about `centre`, resampled to `size` px; border pixels repeat outside."""
    left, top = math.floor(centre[0] - side / 2), math.floor(centre[1] - side / 2)
    right, bottom = left + max(1, round(side)), top + max(1, round(side))
    inside = (max(0, left), max(0, top), min(image.width, right), min(image.height, bottom))
    part = image.crop(inside).convert("RGB")
    if inside != (left, top, right, bottom):
        rows = (inside[1] - top, bottom - inside[3])
        columns = (inside[0] - left, right - inside[2])
        part = Image.fromarray(np.pad(np.asarray(part), (rows, columns, (0, 0)), mode="edge"))
    return part.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)
