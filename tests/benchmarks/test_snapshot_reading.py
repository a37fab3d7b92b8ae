"""Reading a snapshot: by columns as a ratio to by rows in the same run, and one of full size by itself."""

import hashlib
import json
import shutil
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pytest

from config.environment import BASE_DIR
from model.snapshot import (
    ANSWERS,
    KINDS,
    SOURCES,
    STRENGTHS,
    answers_by_columns,
    answers_by_rows,
    read_snapshot,
    triplets_by_columns,
    triplets_by_rows,
)
from tests.model.snapshots import ANSWER_COLUMNS, TRIPLET_COLUMNS

FACES, TRAIN, ANNOTATORS, RATERS, BLOCK = 150_000, 135_000, 2_000, 6, 250_000
UNQUOTED = pyarrow.csv.WriteOptions(quoting_style="none", quoting_header="none")


def text(prefix, numbers, digits=1, suffix=""):
    """Each of the numbers, with leading zeros, between the two, as Arrow text."""
    padded = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), digits, "0")
    return pc.binary_join_element_wise(prefix, padded, suffix, "")


KEYS, IMAGES = (text(prefix, np.arange(FACES), 6, ".jpg") for prefix in ("bench:", ""))
NAMES = text("bench:", np.arange(ANNOTATORS))
WEIGHTS = text("0.", np.random.default_rng(1).integers(10**6, size=ANNOTATORS), 6)


@pytest.fixture
def folder(tmp_path):
    """Gone afterwards: at full size it is two gigabytes."""
    yield tmp_path / "snapshot"
    shutil.rmtree(tmp_path / "snapshot")


def large_snapshot(folder, triplets, answered):
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
            raters = rng.integers(ANNOTATORS, size=(len(numbers), RATERS))
            triplet_rows.write(triplet_columns(numbers, raters, rng))
            if answered:
                answer_rows.write(answer_columns(numbers, raters, rng))
    names = ("answers.csv", "faces.csv", "triplets.csv")
    files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    lines = "".join(f"{digest}  {name}\n" for name, digest in files.items())
    manifest = {"format": 1, "files": files, "sha256": hashlib.sha256(lines.encode()).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def write_faces(path, rng):
    columns = {
        "face": KEYS,
        "image": IMAGES,
        "crop": pc.binary_join_element_wise("crops", IMAGES, "/"),
        "crop_sha256": pa.array([hashlib.sha256(str(face).encode()).hexdigest() for face in range(FACES)]),
        "split": pa.array(np.where(np.arange(FACES) < TRAIN, "train", "val")),
        "identity": text("p", np.arange(FACES) // 10),
        "expression": text("x", rng.integers(8, size=FACES)),
    }
    pyarrow.csv.write_csv(pa.table(columns), path, UNQUOTED)


def writer(path, columns):
    schema = pa.schema([(column, pa.string()) for column in columns])
    return pyarrow.csv.CSVWriter(path, schema, write_options=UNQUOTED)


def drawn(values, count, rng):
    return pa.array(list(values)).take(pa.array(rng.integers(len(values), size=count)))


def triplet_columns(numbers, raters, rng):
    count = len(numbers)
    # A tenth is val. Faces a way apart within their split are different.
    val = np.arange(count) % 10 == 0
    start, room = np.where(val, TRAIN, 0), np.where(val, FACES - TRAIN, TRAIN)
    anchor = rng.integers(room)
    positive = (anchor + 1 + rng.integers(room // 3)) % room
    negative = (anchor + room // 2 + rng.integers(room // 3)) % room
    corners = {"anchor": anchor, "positive": positive, "negative": negative}
    faces = {place: pa.array(corner + start) for place, corner in corners.items()}
    columns = {
        "triplet": text("", numbers),
        **{place: KEYS.take(face) for place, face in faces.items()},
        **{f"{place}_image": IMAGES.take(face) for place, face in faces.items()},
        "kind": drawn(KINDS, count, rng),
        "source": drawn(SOURCES, count, rng),
        "annotators": pc.binary_join_element_wise(*(NAMES.take(pa.array(rater)) for rater in raters.T), ";"),
        "weight": WEIGHTS.take(pa.array(raters.min(axis=1))),
        "strength": drawn(STRENGTHS, count, rng),
        "votes_for": text("", rng.integers(3, 7, size=count)),
        "votes_against": text("", rng.integers(3, size=count)),
    }
    return pa.table({column: columns.get(column, drawn([""], count, rng)) for column in TRIPLET_COLUMNS})


def answer_columns(numbers, raters, rng):
    who = pa.array(raters.ravel())
    columns = {
        "triplet": text("", numbers.repeat(RATERS)),
        "annotator": NAMES.take(who),
        "answer": drawn(ANSWERS, raters.size, rng),
        "weight": WEIGHTS.take(who),
    }
    return pa.table(columns)


@pytest.mark.benchmark
@pytest.mark.parametrize("answered", [True, False], ids=["answered", "bare"])
def test_by_columns_against_by_rows(folder, seconds, report, answered):
    """Without faces.csv and the hashes, which both readers share."""
    large_snapshot(folder, 200_000, answered)
    faces = read_snapshot(folder).faces
    triplets, answers = folder / "triplets.csv", folder / "answers.csv"
    began = time.process_time()
    with seconds() as by_columns:
        count = len(triplets_by_columns(triplets, faces).faces)
        fast = answers_by_columns(answers, count)
    between = time.process_time()
    with seconds() as by_rows:
        assert len(triplets_by_rows(triplets, faces).faces) == count
        slow = answers_by_rows(answers, count)
    fast_cpu, slow_cpu = between - began, time.process_time() - between
    assert np.array_equal(fast.start, slow.start)
    report(
        f"200,000 triplets, {len(fast.odd):,} answers: by columns {by_columns[0]:.2f} s, "
        f"by rows {by_rows[0]:.2f} s, {by_rows[0] / by_columns[0]:.1f} times; of CPU "
        f"{fast_cpu:.2f} s and {slow_cpu:.2f} s, {slow_cpu / fast_cpu:.1f} times"
    )


# In a process of its own: its memory is then what reading takes and what stays. The kernel's VmHWM is this
# process's own peak, where getrusage's would be its parent's.
ALONE = """
import re, sys, time
from pathlib import Path
import numpy as np
from model.snapshot import read_snapshot
def megabytes(name):
    return int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1000
before, start, used = megabytes("VmHWM"), time.perf_counter(), time.process_time()
snapshot = read_snapshot(Path(sys.argv[1]))
took, used = time.perf_counter() - start, time.process_time() - used
peak, left = megabytes("VmHWM") - before, megabytes("VmRSS") - before
arrays = [array for table in (snapshot.triplets, snapshot.answers) for array in vars(table).values()]
held = sum(array.nbytes for array in arrays if isinstance(array, np.ndarray)) / 1e6
print(f"{len(snapshot.triplets.faces):,} triplets, {len(snapshot.answers.odd):,} answers: {took:.1f} s "
      f"({used:.1f} s of CPU); grown by {peak:.0f} MB at most, by {left:.0f} MB in the end; "
      f"the arrays of triplets and answers are {held:.0f} MB")
"""


@pytest.mark.load
@pytest.mark.parametrize("answered", [True, False], ids=["answered", "bare"])
def test_five_million(folder, report, answered):
    large_snapshot(folder, 5_000_000, answered)
    command = [sys.executable, "-c", ALONE, str(folder)]
    report(subprocess.run(command, cwd=BASE_DIR, check=True, capture_output=True, text=True).stdout)
