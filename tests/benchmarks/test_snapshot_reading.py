"""Reading a snapshot: by columns as a ratio to by rows in the same run, and one of full size by itself."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pytest

from config.environment import BASE_DIR
from model.snapshot import ANSWERS, KINDS, SOURCES, STRENGTHS
from tests.model.snapshots import ANSWER_COLUMNS, TRIPLET_COLUMNS

FACES, ANNOTATORS, ANSWERS_EACH, BLOCK = 150_000, 2_000, 6, 250_000
UNQUOTED = pyarrow.csv.WriteOptions(quoting_style="none", quoting_header="none")


def large_snapshot(folder, triplets, answers_each=ANSWERS_EACH):
    """A snapshot of drawn numbers, without crops; every column is filled as an export fills it."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    write_faces(folder / "faces.csv", rng)
    with (
        writer(folder / "triplets.csv", TRIPLET_COLUMNS) as triplet_rows,
        writer(folder / "answers.csv", ANSWER_COLUMNS) as answer_rows,
    ):
        for first in range(0, triplets, BLOCK):
            numbers = np.arange(first + 1, min(first + BLOCK, triplets) + 1)
            raters = rng.integers(ANNOTATORS, size=(len(numbers), ANSWERS_EACH))
            triplet_rows.write(triplet_columns(numbers, raters, rng))
            if answers_each:
                answer_rows.write(answer_columns(numbers, raters, rng))
    names = ("answers.csv", "faces.csv", "triplets.csv")
    files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    lines = "".join(f"{digest}  {name}\n" for name, digest in files.items())
    manifest = {"format": 1, "files": files, "sha256": hashlib.sha256(lines.encode()).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def write_faces(path, rng):
    names = numbered("bench:%06d.jpg", np.arange(FACES))
    columns = {
        "face": names,
        "image": pc.replace_substring(names, "bench:", ""),
        "crop": pc.binary_join_element_wise("crops", names, "/"),
        "crop_sha256": pa.array([hashlib.sha256(str(face).encode()).hexdigest() for face in range(FACES)]),
        "split": pa.array(np.where(np.arange(FACES) < FACES * 0.9, "train", "val")),
        "identity": numbered("p%05d", np.arange(FACES) // 10),
        "expression": numbered("x%d", rng.integers(8, size=FACES)),
    }
    pyarrow.csv.write_csv(pa.table(columns), path, UNQUOTED)


def writer(path, columns):
    schema = pa.schema([(column, pa.string()) for column in columns])
    return pyarrow.csv.CSVWriter(path, schema, write_options=UNQUOTED)


def numbered(pattern, numbers):
    """`pattern` with each of the numbers, as Arrow text."""
    return pa.array(np.char.mod(pattern, numbers))


def drawn(values, count, rng):
    return pa.array(np.array([value for value in values if value])).take(
        rng.integers(sum(map(bool, values)), size=count)
    )


def triplet_columns(numbers, raters, rng):
    count = len(numbers)
    # A tenth is val. Corners a small way apart are different faces.
    start = np.where(np.arange(count) % 10, 0, int(FACES * 0.9))
    room = np.where(np.arange(count) % 10, int(FACES * 0.9), FACES - int(FACES * 0.9))
    anchor = rng.integers(room)
    positive = (anchor + 1 + rng.integers(room // 3)) % room
    negative = (anchor + room // 2 + rng.integers(room // 3)) % room
    corners = {"anchor": anchor + start, "positive": positive + start, "negative": negative + start}
    names = {place: numbered("bench:%06d.jpg", faces) for place, faces in corners.items()}
    images = {f"{place}_image": pc.replace_substring(keys, "bench:", "") for place, keys in names.items()}
    annotators = numbered("bench:%d", raters[:, 0])
    for column in raters.T[1:]:
        annotators = pc.binary_join_element_wise(annotators, numbered("bench:%d", column), ";")
    columns = names | images | {
        "triplet": numbered("%d", numbers),
        "kind": drawn(KINDS, count, rng),
        "source": drawn(SOURCES, count, rng),
        "annotators": annotators,
        "weight": numbered("%.6f", rng.random(count)),
        "strength": drawn(STRENGTHS, count, rng),
        "votes_for": numbered("%d", rng.integers(3, 7, size=count)),
        "votes_against": numbered("%d", rng.integers(3, size=count)),
    }  # fmt: skip
    empty = pa.array([""]).take(np.zeros(count, dtype=int))
    return pa.table({column: columns.get(column, empty) for column in TRIPLET_COLUMNS})


def answer_columns(numbers, raters, rng):
    weight_of = np.char.mod("%.6f", np.random.default_rng(1).random(ANNOTATORS))
    columns = {
        "triplet": numbered("%d", numbers.repeat(ANSWERS_EACH)),
        "annotator": numbered("bench:%d", raters.ravel()),
        "answer": drawn(ANSWERS, raters.size, rng),
        "weight": pa.array(weight_of[raters.ravel()]),
    }
    return pa.table(columns)
