"""Makes data sets, drawn faces and imported triplets for tests, through the ORM and the default storage."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Sequence

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image, ImageDraw

from annotate.faces.models import Dataset, Face, ImportedTriplet, Split

SIZE = 224


def make_dataset(name: str = "drawn") -> Dataset:
    """An empty data set."""
    return Dataset.objects.create(name=name)


def make_face(
    dataset: Dataset,
    name: str,
    *,
    split: str = Split.TRAIN,
    identity: str = "",
    expression: str = "",
    smile: float = 0.0,
    tone: int = 200,
) -> Face:
    """A face whose picture is stored: `smile` (-1 .. 1) bends its mouth, `tone` (0 .. 255) is its skin.

    Every test has a storage of its own (tests/conftest.py).
    """
    picture = draw_face(smile, tone)
    crop = default_storage.save(f"{dataset.name}/{name}.jpg", ContentFile(picture))
    return Face.objects.create(
        dataset=dataset,
        key=f"{dataset.name}:{name}",
        image=f"{name}.jpg",
        crop=crop,
        crop_sha256=hashlib.sha256(picture).hexdigest(),
        split=split,
        identity=identity,
        expression=expression,
        known_expression=[smile],
    )


def make_imported_triplet(
    faces: Sequence[Face],
    answers: Sequence[int] = (3, 3, 3, 3, 3, 1),
    *,
    raters: Sequence[str] = (),
    kind: str = "",
) -> ImportedTriplet:
    """The triplet of three faces; `answers` are the raters' odd ones (1, 2, 3; 0 is uncertain)."""
    ranking = Counter(answer for answer in answers if answer).most_common()
    odd, named = ranking[0]
    tied = len(ranking) > 1 and ranking[1][1] == named
    if tied or named * 2 < len(answers):
        odd, strength = None, "none"
    else:
        strength = "strong" if named * 3 >= len(answers) * 2 else "weak"
    return ImportedTriplet.objects.create(
        dataset=faces[0].dataset,
        face_1=faces[0],
        face_2=faces[1],
        face_3=faces[2],
        kind=kind,
        split=faces[0].split,
        raters=list(raters) or [f"r{place}" for place in range(len(answers))],
        answers=list(answers),
        odd=odd,
        strength=strength,
        votes_for=named if odd else 0,
        votes_against=sum(count for answer, count in ranking if answer != odd) if odd else 0,
    )


def draw_face(smile: float, tone: int) -> bytes:
    """A 224 px JPEG of a round face whose mouth is an arc, up for a smile and down for the opposite."""
    image = Image.new("RGB", (SIZE, SIZE), (40, 60, 90))
    draw = ImageDraw.Draw(image)
    draw.ellipse((32, 16, 192, 208), fill=(tone, tone * 3 // 4, tone * 3 // 5))
    for x in (80, 144):
        draw.ellipse((x - 9, 82, x + 9, 100), fill=(30, 30, 30))
    points = [(x, 150 - round(smile * 24 * (((x - 112) / 40) ** 2 - 0.5))) for x in range(72, 153, 4)]
    draw.line(points, fill=(120, 20, 30), width=7)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()
