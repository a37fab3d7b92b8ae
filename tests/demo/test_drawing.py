"""Drawn faces: repeatable, different where they should be, and written with their labels."""

import csv
from dataclasses import fields, replace

import numpy as np
import pytest
from PIL import Image

from annotate.demo.drawing import (
    Expression,
    Person,
    draw_expression,
    draw_people,
    draw_person,
    expression_vector,
    render,
    write_faces,
)
from annotate.demo.expressions import FIELDS, PROTOTYPES, limits
from annotate.demo.people import BEARDS, COLLARS, LONG_STYLES, SHORT_STYLES, unlikeness


def pixels(person: Person, expression: Expression, seed: int = 0) -> np.ndarray:
    return np.asarray(render(person, expression, rng=np.random.default_rng(seed)), float)


@pytest.fixture(scope="module")
def people() -> list[Person]:
    return draw_people(np.random.default_rng(0), 6)


def test_the_same_seed_draws_the_same_bytes():
    def draw(seed: int) -> bytes:
        rng = np.random.default_rng(seed)
        person = draw_person(rng)
        expression, _ = draw_expression(rng)
        return render(person, expression, rng=rng).tobytes()

    assert draw(3) == draw(3)
    assert draw(3) != draw(4)


@pytest.mark.parametrize("size", [64, 224, 300])
def test_a_portrait_has_the_size_that_was_asked_for(people, size):
    picture = render(people[0], Expression(), rng=np.random.default_rng(0), size=size)
    assert (picture.mode, picture.size) == ("RGB", (size, size))


@pytest.mark.parametrize("name", [name for name in PROTOTYPES if name != "neutral"])
def test_every_prototype_changes_the_picture_of_one_person(people, name):
    for person in people[:3]:
        assert np.abs(pixels(person, PROTOTYPES[name]) - pixels(person, Expression())).mean() > 0.8


@pytest.mark.parametrize("name", FIELDS)
def test_every_parameter_shows(people, name):
    # Of all pixels: a brow is 1 % of the picture.
    low, high = limits(name)
    for person in people:
        lowest, highest = (pixels(person, Expression(**{name: value})) for value in (low, high))
        changed = np.abs(highest - lowest).max(axis=2)
        assert changed.mean() > 0.2
        assert (changed > 25).mean() > 0.003


def test_every_style_can_be_drawn(people):
    seen = {}
    for field, options in {
        "hair_style": {*SHORT_STYLES, *LONG_STYLES},
        "beard": BEARDS,
        "collar": COLLARS,
        "glasses": ("none", "round", "square"),
    }.items():
        for option in sorted(options):
            seen[field, option] = pixels(replace(people[1], **{field: option}), Expression()).tobytes()
        assert len({value for (name, _), value in seen.items() if name == field}) == len(options)


def test_pictures_of_one_person_share_skin_and_hair(people):
    """The forehead's and the crown's mean colours tell people apart, whatever they do with their faces."""
    rng = np.random.default_rng(7)

    def look(person: Person) -> np.ndarray:
        picture = np.asarray(render(person, draw_expression(rng)[0], rng=rng), float)
        return np.concatenate([picture[60:72, 95:130].mean((0, 1)), picture[8:24, 90:135].mean((0, 1))])

    looks = np.array([[look(person) for _ in range(6)] for person in people])
    within = np.linalg.norm(looks[:, :3] - looks[:, 3:], axis=2).mean()
    between = np.linalg.norm(looks[:-1, :3] - looks[1:, 3:], axis=2).mean()
    assert within < 0.6 * between


def test_pose_and_light_vary_for_one_person_and_expression(people):
    assert np.abs(pixels(people[0], Expression(), 1) - pixels(people[0], Expression(), 2)).mean() > 5


def test_drawn_people_differ():
    people = draw_people(np.random.default_rng(1), 32)
    gaps = [unlikeness(a, b) for i, a in enumerate(people) for b in people[:i]]
    assert min(gaps) > 1.5
    assert len({person.hair_style for person in people}) > 10
    assert all(type(getattr(people[0], field.name)) is not np.float64 for field in fields(Person))


def test_written_faces_have_labels_and_are_the_same_again(tmp_path):
    counted = []
    for name, workers in (("once", 1), ("again", 2)):
        write_faces(
            tmp_path / name,
            people=5,
            expressions=3,
            seed=4,
            size=64,
            workers=workers,
            progress=lambda done, total: counted.append((done, total)),
        )
    first = (tmp_path / "once" / "labels.csv").read_text()
    assert first == (tmp_path / "again" / "labels.csv").read_text()
    rows = list(csv.DictReader(first.splitlines()))
    size = len(expression_vector(Expression()))
    assert list(rows[0]) == ["image", "identity", "expression", "split", *(f"e{i}" for i in range(size))]
    assert [row["split"] for row in rows] == ["train"] * 12 + ["val"] * 3
    assert len({row["image"] for row in rows}) == 15
    for row in rows:
        one, other = (tmp_path / name / row["image"] for name in ("once", "again"))
        assert one.read_bytes() == other.read_bytes()
        with Image.open(one) as picture:
            assert picture.size == (64, 64)
    assert rows[4]["image"] == "images/p001_e01.jpg"
    assert rows[4]["identity"] == "p001"
    assert rows[4]["expression"] in PROTOTYPES
    assert counted[-1] == (15, 15)


def test_another_seed_writes_other_faces(tmp_path):
    for seed in (0, 1):
        write_faces(tmp_path / str(seed), people=3, expressions=1, seed=seed, size=64, workers=1)
    assert (tmp_path / "0" / "labels.csv").read_text() != (tmp_path / "1" / "labels.csv").read_text()
