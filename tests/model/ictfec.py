"""Turns the rendered development set (FEC's file layout) into a snapshot.

python -m tests.model.ictfec ../shared/data/ictfec var/ictfec-snapshot
"""

import argparse
import csv
from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path

from PIL import Image

from model.alignment import crop_box
from tests.model.ictfec_tournaments import tournament_rows
from tests.model.snapshots import Face, write_snapshot

UNCERTAIN = 0
Row = tuple[list[str], str, list[tuple[str, int]]]  # the three names, the kind, (annotator, answer) pairs


def build(source: Path, folder: Path, *, tournaments: bool = False, most: int | None = None) -> Path:
    """Write the snapshot of `source` (the folder with triplets-*.csv, labels.csv and images) to `folder`.

    `tournaments`: with the triplets of its groups' tournaments (ictfec_tournaments.py) as well. `most`: of
    the train triplets no more than so many, the first.
    """
    with (source / "labels.csv").open(newline="", encoding="utf-8") as file:
        labels = {Path(row["image"]).stem: row for row in csv.DictReader(file)}
    faces: dict[str, Face] = {}
    rows: list[Row] = []
    for split in ("train", "val"):
        for row, boxes in islice(_read(source / f"triplets-{split}.csv"), most if split == "train" else None):
            rows.append(row)
            for name, box in zip(row[0], boxes, strict=True):
                if name not in faces:
                    faces[name] = _face(source, name, box, split, labels[name])
    weights = annotator_weights([answers for _, _, answers in rows])
    triplets, answers = _tables(rows, weights)
    if tournaments:
        more, said = tournament_rows(source)
        answers += [answer | {"triplet": answer["triplet"] + len(triplets)} for answer in said]
        triplets += more
    return write_snapshot(folder, [faces[name] for name in sorted(faces)], triplets, answers, "ictfec")


def annotator_weights(triplets: list[list[tuple[str, int]]]) -> dict[str, float]:
    """W_k = N_agree / N (eq. 3): how often k's certain answers are the single most-named of the others."""
    agree: dict[str, int] = defaultdict(int)
    counted: dict[str, int] = defaultdict(int)
    for raters in triplets:
        for place, (annotator, answer) in enumerate(raters):
            others = _most_named([other for index, (_, other) in enumerate(raters) if index != place])
            if answer != UNCERTAIN and others is not None:
                counted[annotator] += 1
                agree[annotator] += answer == others
    return {annotator: agree[annotator] / counted[annotator] for annotator in counted}


def _read(path: Path):
    with path.open(newline="", encoding="utf-8") as file:
        for cells in csv.reader(file):
            names = [Path(cells[index]).stem for index in (0, 5, 10)]
            boxes = [[float(cell) for cell in cells[index + 1 : index + 5]] for index in (0, 5, 10)]
            raters = list(zip(cells[16::2], map(int, cells[17::2]), strict=True))
            yield (names, cells[15], raters), boxes


def _face(source: Path, name: str, box: list[float], split: str, label: dict[str, str]) -> Face:
    left, right, top, bottom = box
    with Image.open(source / "images" / f"{name}.jpg") as image:
        crop = crop_box(image, left=left, right=right, top=top, bottom=bottom)
    return Face(name, crop, split, label["identity"], label["class"])


def _most_named(answers: list[int]) -> int | None:
    ranking = Counter(answer for answer in answers if answer != UNCERTAIN).most_common(2)
    if not ranking or (len(ranking) == 2 and ranking[0][1] == ranking[1][1]):
        return None
    return ranking[0][0]


def _tables(rows: list[Row], weights: dict[str, float]) -> tuple[list[dict], list[dict]]:
    triplets: list[dict] = []
    answers: list[dict] = []
    for names, kind, raters in rows:
        odd = _most_named([answer for _, answer in raters])
        votes = sum(answer == odd for _, answer in raters)
        if odd is None or votes * 2 < len(raters):
            continue
        pair = [name for place, name in enumerate(names, 1) if place != odd]
        places = {UNCERTAIN: "uncertain", odd: "negative"}
        places |= {names.index(pair[0]) + 1: "anchor", names.index(pair[1]) + 1: "positive"}
        triplets.append(
            {
                "anchor": pair[0],
                "positive": pair[1],
                "negative": names[odd - 1],
                "kind": kind,
                "annotators": ";".join(sorted(f"ictfec:{annotator}" for annotator, _ in raters)),
                "weight": f"{min(weights[annotator] for annotator, _ in raters):.6f}",
                "strength": "strong" if votes * 3 >= len(raters) * 2 else "weak",
                "votes_for": votes,
                "votes_against": sum(answer not in (odd, UNCERTAIN) for _, answer in raters),
            }
        )
        answers += [
            {
                "triplet": len(triplets),
                "annotator": f"ictfec:{annotator}",
                "answer": places[answer],
                "weight": f"{weights[annotator]:.6f}",
            }
            for annotator, answer in sorted(raters)
        ]
    return triplets, answers


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tournaments", action="store_true")
    arguments = parser.parse_args()
    print(build(arguments.source, arguments.folder, tournaments=arguments.tournaments))
