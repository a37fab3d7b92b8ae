"""Simulated raters and the triplets that they answer, read back as any reader of FEC's files would."""

import csv
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from annotate.demo.annotators import Faces, odd_one, read_faces, simulated_raters, write_triplets
from annotate.demo.expressions import draw_expression, expression_vector

COUNTS = {"train": 4000, "val": 600}


@pytest.fixture(scope="module")
def labels(tmp_path_factory) -> Path:
    """The labels of 32 people x 40 expressions; raters need no pictures."""
    path = tmp_path_factory.mktemp("faces") / "labels.csv"
    rng = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        size = 18
        writer.writerow(["image", "identity", "expression", "split", *(f"e{i}" for i in range(size))])
        for person in range(32):
            for index in range(40):
                expression, name = draw_expression(rng)
                split = "train" if person < 26 else "val"
                image = f"images/p{person:03d}_e{index:02d}.jpg"
                writer.writerow([image, f"p{person:03d}", name, split, *expression_vector(expression)])
    return path


@pytest.fixture(scope="module")
def rows(labels, tmp_path_factory) -> dict[str, list[list[str]]]:
    folder = tmp_path_factory.mktemp("triplets")
    for split, count in COUNTS.items():
        write_triplets(labels, folder / f"{split}.csv", split=split, count=count, seed=0)
    return {split: list(csv.reader((folder / f"{split}.csv").open(newline=""))) for split in COUNTS}


def shown(faces: Faces, row: list[str]) -> list[int]:
    """Which faces a row shows, as indices."""
    at = {name: index for index, name in enumerate(faces.images)}
    return [at[row[place].removeprefix("http://demo.invalid/")] for place in (0, 5, 10)]


def answers(row: list[str]) -> list[int]:
    return [int(answer) for answer in row[17::2]]


@pytest.mark.parametrize("split", COUNTS)
def test_rows_have_fecs_layout(labels, rows, split):
    faces = read_faces(labels, split)
    assert len(rows[split]) == COUNTS[split]
    assert len({frozenset(shown(faces, row)) for row in rows[split]}) == COUNTS[split]
    for row in rows[split]:
        assert len(row) == 16 + 2 * 6
        assert row[1:5] == row[6:10] == row[11:15] == ["0.0455", "0.9545", "0.0455", "0.9545"]
        here = shown(faces, row)
        assert len(set(faces.people[here])) == 3
        kinds = ("ONE_CLASS_TRIPLET", "TWO_CLASS_TRIPLET", "THREE_CLASS_TRIPLET")
        assert row[15] == kinds[len(set(faces.names[here])) - 1]
        assert len(set(row[16::2])) == 6
        assert set(answers(row)) <= {0, 1, 2, 3}


def test_there_are_twelve_raters_and_a_few_uncertain_answers(rows):
    everyone = [row for some in rows.values() for row in some]
    assert len({name for row in everyone for name in row[16::2]}) == 12
    given = [answer for row in everyone for answer in answers(row)]
    assert given.count(0) / len(given) == pytest.approx(0.04, abs=0.015)
    places = Counter(given)
    assert all(places[place] / len(given) == pytest.approx(0.32, abs=0.02) for place in (1, 2, 3))


def test_all_kinds_of_triplet_are_there(rows):
    for some in rows.values():
        kinds = Counter(row[15] for row in some)
        assert min(kinds[kind] for kind in kinds) > 0.15 * len(some)
        assert len(kinds) == 3


@pytest.mark.parametrize("split", COUNTS)
def test_the_raters_majority_is_mostly_right_and_one_rater_less_often(labels, rows, split):
    faces = read_faces(labels, split)
    right, single = [], []
    for row in rows[split]:
        truth, _ = odd_one(faces.vectors[shown(faces, row)])
        certain = [answer for answer in answers(row) if answer]
        right.append(bool(certain) and Counter(certain).most_common(1)[0][0] == truth)
        single += [answer == truth for answer in certain]
    assert np.mean(right) > 0.85
    assert 0.75 < np.mean(single) < np.mean(right)


def test_many_anchors_can_fill_a_group(labels, rows):
    """16 different strong positives, each with a negative of its own, none of which is a candidate."""
    faces = read_faces(labels, "train")
    strong: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for row in rows["train"]:
        here = shown(faces, row)
        odd, votes = Counter(answers(row)).most_common(1)[0]
        if odd and votes >= 4:
            first, second = (index for place, index in enumerate(here, 1) if place != odd)
            strong[first][second].add(here[odd - 1])
            strong[second][first].add(here[odd - 1])
    full = 0
    for positives in strong.values():
        taken: set[int] = set()
        pairs = 0
        for negatives in positives.values():
            free = negatives - taken - set(positives)
            if free:
                taken.add(min(free))
                pairs += 1
        full += pairs >= 16
    assert full >= 60


def test_the_same_seed_writes_the_same_triplets(labels, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_triplets(labels, tmp_path / name, split="val", count=60, seed=seed)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c


def test_the_odd_one_is_opposite_the_closest_pair():
    assert odd_one(np.array([[0.0, 0], [5, 5], [0, 1]]))[0] == 2
    odd, margin = odd_one(np.array([[0.0], [1], [3]]))
    assert (odd, margin) == (3, 1.0)


def test_some_raters_are_sloppy():
    raters = simulated_raters(np.random.default_rng(0), 18)
    noise = sorted(rater.noise for rater in raters)
    assert noise[-2] > 1.3 * noise[-3]
    assert len({rater.name for rater in raters}) == 12


def test_what_cannot_be_written_is_refused(labels, tmp_path):
    with pytest.raises(ValueError, match="no faces of split"):
        write_triplets(labels, tmp_path / "x", split="test", count=10, seed=0)
    with pytest.raises(ValueError, match="do not give"):
        few = labels.read_text().splitlines()
        small = tmp_path / "labels.csv"
        small.write_text("\n".join([few[0], few[1], few[41], few[81], few[121]]) + "\n")
        write_triplets(small, tmp_path / "x", split="train", count=10, seed=0)
    assert not (tmp_path / "x").exists()
