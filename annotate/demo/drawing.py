"""Writes the demo's drawn faces and their labels into a folder. The way in for everybody else:
people, expressions and portraits are re-exported here. No Django."""

import csv
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path

import numpy as np

from annotate.demo.expressions import Expression, draw_expression, expression_vector
from annotate.demo.people import Person, draw_people, draw_person
from annotate.demo.portrait import render

__all__ = [
    "Expression",
    "Person",
    "draw_expression",
    "draw_people",
    "draw_person",
    "expression_vector",
    "render",
    "write_faces",
]

VAL_SHARE = 0.2
QUALITY = 92
Row = list[str]


def write_faces(
    directory: Path | str,
    *,
    people: int = 32,
    expressions: int = 40,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    size: int = 224,
    workers: int | None = None,
) -> Path:
    """Draw `people` x `expressions` faces; return the path of labels.csv.

    Writes `images/pNNN_eNN.jpg` and labels.csv (image, identity, expression, split, e0, e1, ...; image is
    relative to `directory`). The last 20 % of the people are val. The same arguments give the same bytes,
    whatever the number of `workers` (processes; default one a core, 1 stays in this process).
    `progress(done, total)` is called in this process as faces are finished.
    """
    directory = Path(directory)
    (directory / "images").mkdir(parents=True, exist_ok=True)
    drawn = draw_people(np.random.default_rng(seed), people)
    draw = partial(_draw_person_faces, directory, seed=seed, count=expressions, size=size)
    rows: dict[int, list[Row]] = {}
    for number, faces in _each(draw, drawn, workers or os.cpu_count() or 1):
        rows[number] = faces
        if progress:
            progress(len(rows) * expressions, people * expressions)
    first_val = people - round(people * VAL_SHARE)
    labels = directory / "labels.csv"
    with labels.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        dimensions = len(expression_vector(Expression()))
        writer.writerow(["image", "identity", "expression", "split", *(f"e{i}" for i in range(dimensions))])
        for number in range(people):
            split = "train" if number < first_val else "val"
            writer.writerows([*row[:3], split, *row[3:]] for row in rows[number])
    return labels


def _each(
    draw: Callable[[tuple[int, Person]], list[Row]], people: list[Person], workers: int
) -> Iterator[tuple[int, list[Row]]]:
    """Each person's number and rows, in the order in which they are finished."""
    if workers == 1:
        for number, person in enumerate(people):
            yield number, draw((number, person))
        return
    # Spawned, not forked: the caller may hold database connections and threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        futures = {pool.submit(draw, numbered): numbered[0] for numbered in enumerate(people)}
        for future in as_completed(futures):
            yield futures[future], future.result()


def _draw_person_faces(
    directory: Path, numbered: tuple[int, Person], *, seed: int, count: int, size: int
) -> list[Row]:
    """One person's faces, written; rows of image, identity, expression, e0, e1, ..."""
    number, person = numbered
    rows = []
    for index in range(count):
        rng = np.random.default_rng([seed, number, index])
        expression, name = draw_expression(rng)
        image = f"images/p{number:03d}_e{index:02d}.jpg"
        render(person, expression, rng=rng, size=size).save(directory / image, quality=QUALITY)
        vector = expression_vector(expression)
        rows.append([image, f"p{number:03d}", name, *(f"{value:.5f}" for value in vector)])
    return rows
