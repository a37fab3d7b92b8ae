"""A tiny snapshot of drawn faces, quick to learn from, for the tests of training and of the command line."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from tests.model.snapshots import Face, write_snapshot

KINDS = ("ONE_CLASS_TRIPLET", "TWO_CLASS_TRIPLET", "THREE_CLASS_TRIPLET")


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Tests run beside each other: threads of several networks waiting for each other cost minutes."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """20 people x 6 expressions, the last 5 people val; one of three raters dissents in every fifth."""
    return drawn_snapshot(tmp_path_factory.mktemp("drawn") / "snapshot")


def drawn_snapshot(folder, people=20, expressions=6, triplets=800, val=5, seed=0):
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


@pytest.fixture
def mixed_snapshot(tmp_path):
    """8 imported and tournament triplets with agreeing, dissenting, uncertain and missing answers."""
    faces = [Face(f"f{number}", Image.new("RGB", (64, 64), (20 * number,) * 3)) for number in range(9)]
    rng = np.random.default_rng(3)
    triplets, answers = [], []
    for number in range(1, 9):
        names = (faces[face].name for face in rng.choice(9, 3, replace=False))
        row = dict(zip(("anchor", "positive", "negative"), names, strict=True))
        tournament = number in (2, 5, 6)
        row |= {"source": "direct" if tournament else "imported", "weight": "0.4", "kind": KINDS[number % 3]}
        triplets.append(row)
        for rater, answer in enumerate(rng.choice(["negative", "positive", "anchor", "uncertain"], 3)):
            if number not in (5, 8):
                weight = f"0.{rater + 5}"
                answers.append(
                    {"triplet": number, "annotator": f"r{rater}", "answer": answer, "weight": weight}
                )
    return write_snapshot(tmp_path / "mixed", faces, triplets, answers)


@pytest.fixture(scope="session")
def drawn_without_val(tmp_path_factory):
    return drawn_snapshot(tmp_path_factory.mktemp("no-val") / "snapshot", val=0)


@pytest.fixture(scope="session")
def bare_snapshot(tmp_path_factory):
    """Tournament triplets of faces without identities, none with answers of its own."""
    rng = np.random.default_rng(0)
    faces = [Face(f"f{n}", draw((200, 160, 120), mouth)) for n, mouth in enumerate(np.linspace(-1, 1, 12))]
    names = [[faces[face].name for face in sorted(rng.choice(12, 3, replace=False))] for _ in range(40)]
    rows = [dict(zip(("anchor", "positive", "negative"), three, strict=True)) for three in names]
    rows = [row | {"source": "inferred", "weight": "0.9"} for row in rows]
    return write_snapshot(tmp_path_factory.mktemp("bare") / "snapshot", faces, rows, [])
