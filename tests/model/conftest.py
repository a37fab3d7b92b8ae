"""A tiny snapshot of drawn faces, quick to learn from, for the tests of training and of the command line."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from tests.model.snapshots import Face, write_snapshot

KINDS = ("ONE_CLASS_TRIPLET", "TWO_CLASS_TRIPLET", "THREE_CLASS_TRIPLET")


@pytest.fixture(autouse=True, scope="session")
def two_threads():
    torch.set_num_threads(2)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """12 people x 6 expressions, the last 3 people val; three raters, one of whom dissents in every fifth triplet."""
    return drawn_snapshot(tmp_path_factory.mktemp("drawn") / "snapshot")


def drawn_snapshot(folder, people=12, expressions=6, triplets=300, val=3, seed=0):
    rng = np.random.default_rng(seed)
    mouths = np.linspace(-1, 1, expressions)
    faces, truth = [], []
    for person in range(people):
        colour = tuple(int(value) for value in rng.integers(90, 250, 3))
        for number, mouth in enumerate(mouths):
            split = "val" if person >= people - val else "train"
            crop = draw(colour, mouth)
            faces.append(Face(f"p{person}-{number}", crop, split, f"p{person}", f"m{number}"))
            truth.append(mouth)
    rows, answers = [], []
    while len(rows) < triplets:
        one, other, odd = rng.choice(len(faces), 3, replace=False)
        three = (faces[one], faces[other], faces[odd])
        gap = min(abs(truth[odd] - truth[one]), abs(truth[odd] - truth[other])) - abs(
            truth[one] - truth[other]
        )
        if gap < 0.3 or len({face.split for face in three}) > 1:
            continue
        number = len(rows) + 1
        names = dict(zip(("anchor", "positive", "negative"), (face.name for face in three), strict=True))
        raters = "drawn:1;drawn:2;drawn:3"
        row = {"kind": KINDS[number % 3], "strength": "strong", "weight": "0.8", "annotators": raters}
        rows.append(names | row)
        said = ["negative", "negative", "anchor" if number % 5 == 0 else "negative"]
        for rater, answer in enumerate(said, 1):
            weight = 0.8 if rater == 3 else 1
            answers.append(
                {"triplet": number, "annotator": f"drawn:{rater}", "answer": answer, "weight": weight}
            )
    return write_snapshot(folder, faces, rows, answers)


def draw(colour, mouth):
    """A head in its own colour, with a mouth from frowning (-1) to smiling (1)."""
    image = Image.new("RGB", (224, 224), (40, 40, 60))
    pen = ImageDraw.Draw(image)
    pen.ellipse((20, 10, 204, 214), fill=colour)
    for eye in (80, 144):
        pen.ellipse((eye - 12, 80, eye + 12, 100), fill=(20, 20, 20))
    curve = [(60 + 8 * x, 160 + 40 * mouth * (1 - ((x - 6.5) / 6.5) ** 2)) for x in range(14)]
    pen.line(curve, fill=(150, 20, 20), width=12)
    return image
