"""A snapshot folder as arrays: faces, triplets and each annotator's answers (docs/snapshot.md).

It is the only thing that training reads. Pictures are crops.py's; nothing here draws batches.
"""

from array import array
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa

from model.columns import Blocks, Doubt, codes_of, decimals, numbered, places, shares
from model.manifest import check_files, read_manifest
from model.tables import Table

UNKNOWN = -1
SPLITS = {"train": 0, "val": 1}
KINDS = {"": 0, "ONE_CLASS_TRIPLET": 1, "TWO_CLASS_TRIPLET": 2, "THREE_CLASS_TRIPLET": 3}
SOURCES = {"imported": 0, "direct": 1, "inferred": 2}
STRENGTHS = {"": 0, "weak": 1, "strong": 2}
# Which of the triplet's faces an annotator set apart: its column in `Triplets.faces`, or none of them.
ANSWERS = {"anchor": 0, "positive": 1, "negative": 2, "uncertain": 3}

Known = TypeVar("Known")
Rows = TypeVar("Rows")

_CORNERS = ("anchor", "positive", "negative")
_LABELS = {"kind": KINDS, "source": SOURCES, "strength": STRENGTHS}
_TRIPLET_COLUMNS = ("triplet", *_CORNERS, *_LABELS, "weight")
_ANSWER_COLUMNS = ("triplet", "annotator", "answer", "weight")


@dataclass(frozen=True)
class Faces:
    """Keys, crops (paths in the folder) and their SHA-256; `split` (F,) per SPLITS.

    `identity` (F,) indexes `identities`, `expression` (F,) `expressions`; UNKNOWN where none is given.
    """

    keys: tuple[str, ...]
    crops: tuple[str, ...]
    hashes: tuple[str, ...]
    split: np.ndarray
    identity: np.ndarray
    identities: tuple[str, ...]
    expression: np.ndarray
    expressions: tuple[str, ...]


@dataclass(frozen=True)
class Triplets:
    """`faces` (T, 3): anchor, positive, negative.

    `kind`, `source`, `strength` (T,) per KINDS, SOURCES, STRENGTHS; `weight` (T,): the smallest W_k.
    """

    faces: np.ndarray
    kind: np.ndarray
    source: np.ndarray
    strength: np.ndarray
    weight: np.ndarray

    @property
    def imported(self) -> np.ndarray:
        """(T,) whether raters of a data set gave it; the rest come from tournaments."""
        return self.source == SOURCES["imported"]


@dataclass(frozen=True)
class Answers:
    """Answers of triplet t are rows start[t] to start[t + 1]; `annotator` indexes `annotators`.

    `odd` (n,) per ANSWERS, `weight` (n,) is W_k.
    """

    start: np.ndarray
    annotator: np.ndarray
    odd: np.ndarray
    weight: np.ndarray
    annotators: tuple[str, ...]


@dataclass(frozen=True)
class Snapshot:
    """A whole, checked snapshot; `sha256` is its identity, to which runs are pinned."""

    folder: Path
    name: str
    sha256: str
    faces: Faces
    triplets: Triplets
    answers: Answers

    def triplets_of(self, split: str) -> np.ndarray:
        """Indices of the triplets whose three faces are all of this split."""
        return np.flatnonzero((self.faces.split[self.triplets.faces] == SPLITS[split]).all(axis=1))

    def held_out(self, identities: Collection[str]) -> "Snapshot":
        """The same snapshot with the faces of these identities as its val split, all others train.

        Triplets that then mix the two are of neither.
        """
        codes = [code for code, name in enumerate(self.faces.identities) if name in identities]
        split = np.isin(self.faces.identity, codes).astype(np.int8) * SPLITS["val"]
        return replace(self, faces=replace(self.faces, split=split))


def read_snapshot(folder: Path, *, answers: bool = True) -> Snapshot:
    """Read and check a snapshot. Raises SnapshotError naming file, line and reason.

    Without `answers`, the longest table, there are none in it; its hash is looked at all the same.
    """
    manifest = read_manifest(folder)
    with ThreadPoolExecutor(1) as beside:
        hashes = beside.submit(check_files, folder, manifest)
        try:
            faces = _read_faces(folder / "faces.csv")
            triplets = _read(folder / "triplets.csv", faces, triplets_by_columns, triplets_by_rows, hashes)
            path, known = folder / "answers.csv", len(triplets.faces)
            given = _none(known)
            if answers:
                given = _read(path, known, answers_by_columns, answers_by_rows, hashes)
        finally:
            # A torn file is named as that, whatever else is wrong in it.
            hashes.result()
    return Snapshot(folder, str(manifest.get("name", "")), manifest["sha256"], faces, triplets, given)


def _read_faces(path: Path) -> Faces:
    table = Table(path, ("face", "crop", "crop_sha256", "split", "identity"), optional=("expression",))
    rows: dict[str, tuple[str, str, int, int, int]] = {}
    identities: dict[str, int] = {}
    expressions: dict[str, int] = {}
    for key, crop, digest, split, identity, expression in table:
        if not key or key in rows:
            table.fail(f"face {key!r} appears twice" if key else "no face key")
        if not crop or Path(crop).is_absolute() or ".." in Path(crop).parts:
            table.fail(f"crop {crop!r} is not a path inside the snapshot")
        which = table.one_of(split, SPLITS, "split")
        rows[key] = (crop, digest, which, _code(identity, identities), _code(expression, expressions))
    if not rows:
        table.fail("no faces")
    crops, hashes, splits, persons, shown = zip(*rows.values(), strict=True)
    return Faces(
        tuple(rows),
        crops,
        hashes,
        np.array(splits, dtype=np.int8),
        np.array(persons, dtype=np.int32),
        tuple(identities),
        np.array(shown, dtype=np.int32),
        tuple(expressions),
    )


def _code(name: str, names: dict[str, int]) -> int:
    """The name's place in `names`, to which a new one is added; UNKNOWN if it is empty."""
    return names.setdefault(name, len(names)) if name else UNKNOWN


def _read(
    path: Path,
    known: Known,
    by_columns: Callable[[Path, Known], Rows],
    by_rows: Callable[[Path, Known], Rows],
    hashes: Future[None],
) -> Rows:
    """What the fast reader gives or, where it doubts, the slow one, which alone names faults."""
    try:
        return by_columns(path, known)
    except Doubt:
        # A torn file is refused at once, not read row by row first.
        hashes.result()
    return by_rows(path, known)


def triplets_by_columns(path: Path, faces: Faces) -> Triplets:
    """The triplets, read fast. Raises Doubt where triplets_by_rows may find a fault."""
    keys = pa.array(faces.keys)
    members, labels, weights = array("i"), [array("b") for _ in _LABELS], array("f")
    for block in Blocks(path, _TRIPLET_COLUMNS, numbers=("weight",), repeated=tuple(_LABELS)):
        numbered(block["triplet"], len(weights) + 1)
        three = np.stack([places(block[corner], keys) for corner in _CORNERS], axis=1)
        anchor, positive, negative = three.T
        split = faces.split[three]
        if ((anchor == positive) | (anchor == negative) | (positive == negative)).any():
            raise Doubt("three faces are not different")
        if (split != split[:, :1]).any():
            raise Doubt("three faces are of both splits")
        members.frombytes(three.tobytes())
        for label, (column, values) in zip(labels, _LABELS.items(), strict=True):
            label.frombytes(_labels(block[column], values))
        weights.frombytes(shares(block["weight"], 1.0).tobytes())
    kind, source, strength = (_array(label) for label in labels)
    return Triplets(_array(members).reshape(-1, 3), kind, source, strength, _array(weights))


def triplets_by_rows(path: Path, faces: Faces) -> Triplets:
    """The triplets, read slowly. Raises SnapshotError naming file, line and reason."""
    table = Table(path, _TRIPLET_COLUMNS)
    index = {key: number for number, key in enumerate(faces.keys)}
    split = faces.split.tolist()
    members, labels, weights = array("i"), array("b"), array("f")
    for number, (triplet, *keys, kind, source, strength, weight) in enumerate(table, 1):
        if triplet != str(number):
            table.fail(f"triplet is {triplet!r}, expected {number}")
        for place, key in zip(_CORNERS, keys, strict=True):
            if key not in index:
                table.fail(f"{place} {key!r} is not in faces.csv")
        three = [index[key] for key in keys]
        if len(set(three)) < 3:
            table.fail("the three faces are not different")
        if len({split[face] for face in three}) > 1:
            table.fail("its faces are of both splits")
        members.extend(three)
        labels.append(table.one_of(kind, KINDS, "kind"))
        labels.append(table.one_of(source, SOURCES, "source"))
        labels.append(table.one_of(strength, STRENGTHS, "strength"))
        weights.append(table.share(weight, "weight", 1.0))
    labelled = _array(labels).reshape(-1, 3)
    corners = _array(members).reshape(-1, 3)
    return Triplets(corners, labelled[:, 0], labelled[:, 1], labelled[:, 2], _array(weights))


def answers_by_columns(path: Path, triplets: int) -> Answers:
    """The answers, read fast. Raises Doubt where answers_by_rows may find a fault."""
    annotators: dict[str, int] = {}
    counts = np.zeros(triplets + 1, dtype=np.int64)
    who, odd, weights = array("i"), array("b"), array("f")
    last = 1
    for block in Blocks(path, _ANSWER_COLUMNS, numbers=("weight",), repeated=("annotator", "answer")):
        numbers = decimals(block["triplet"])
        steps = np.diff(numbers, prepend=last)
        last = int(numbers[-1])
        if (steps < 0).any() or last > triplets:
            raise Doubt("a triplet is out of order, or not in triplets.csv")
        counts[numbers[0] : last + 1] += np.bincount(numbers - numbers[0])
        who.frombytes(codes_of(block["annotator"], lambda name: _code(name, annotators)).tobytes())
        odd.frombytes(_labels(block["answer"], ANSWERS))
        weights.frombytes(shares(block["weight"], 1.0).tobytes())
    return Answers(np.cumsum(counts), _array(who), _array(odd), _array(weights), tuple(annotators))


def answers_by_rows(path: Path, triplets: int) -> Answers:
    """The answers, read slowly. Raises SnapshotError naming file, line and reason."""
    table = Table(path, _ANSWER_COLUMNS)
    annotators: dict[str, int] = {}
    counts = np.zeros(triplets + 1, dtype=np.int64)
    who, odd, weights = array("i"), array("b"), array("f")
    last = 0
    for triplet, annotator, answer, weight in table:
        number = int(triplet) if triplet.isdecimal() else 0
        if not 1 <= number <= triplets:
            table.fail(f"triplet {triplet!r} is not in triplets.csv")
        if number < last:
            table.fail("not in the order of triplets")
        if not annotator:
            table.fail("no annotator")
        last = number
        counts[number] += 1
        who.append(annotators.setdefault(annotator, len(annotators)))
        odd.append(table.one_of(answer, ANSWERS, "answer"))
        weights.append(table.share(weight, "weight", 1.0))
    return Answers(np.cumsum(counts), _array(who), _array(odd), _array(weights), tuple(annotators))


def _none(triplets: int) -> Answers:
    start, nothing = np.zeros(triplets + 1, dtype=np.int64), np.zeros(0, dtype=np.int32)
    return Answers(start, nothing, nothing.astype(np.int8), nothing.astype(np.float32), ())


def _labels(column: pa.ChunkedArray, values: dict[str, int]) -> bytes:
    return codes_of(column, lambda name: values.get(name, UNKNOWN)).astype(np.int8).tobytes()


def _array(cells: array) -> np.ndarray:
    """The same cells and memory, as numpy sees them."""
    return np.frombuffer(cells, dtype=cells.typecode)
