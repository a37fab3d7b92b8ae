"""A snapshot folder as arrays: faces, triplets and each annotator's answers (docs/snapshot.md).

It is the only thing that training reads. Pictures are crops.py's; nothing here draws batches.
"""

import hashlib
import json
from array import array
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from model.errors import SnapshotError
from model.tables import Table

FORMAT = 1
UNKNOWN = -1
SPLITS = {"train": 0, "val": 1}
KINDS = {"": 0, "ONE_CLASS_TRIPLET": 1, "TWO_CLASS_TRIPLET": 2, "THREE_CLASS_TRIPLET": 3}
SOURCES = {"imported": 0, "direct": 1, "inferred": 2}
STRENGTHS = {"": 0, "weak": 1, "strong": 2}
# Which of the triplet's faces an annotator set apart: its column in `Triplets.faces`, or none of them.
ANSWERS = {"anchor": 0, "positive": 1, "negative": 2, "uncertain": 3}

_PATHS = ("faces.csv", "triplets.csv", "answers.csv")


@dataclass(frozen=True)
class Faces:
    """Keys, crops (paths in the folder) and their SHA-256; `split` (F,) per SPLITS.

    `identity` (F,) indexes `identities`; UNKNOWN where none is given.
    """

    keys: tuple[str, ...]
    crops: tuple[str, ...]
    hashes: tuple[str, ...]
    split: np.ndarray
    identity: np.ndarray
    identities: tuple[str, ...]


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


def read_snapshot(folder: Path) -> Snapshot:
    """Read and check a snapshot. Raises SnapshotError naming file, line and reason."""
    manifest = _read_manifest(folder)
    faces = _read_faces(Table(folder / "faces.csv", ("face", "crop", "crop_sha256", "split", "identity")))
    triplets = _read_triplets(folder / "triplets.csv", faces)
    answers = _read_answers(folder / "answers.csv", len(triplets.faces))
    return Snapshot(folder, str(manifest.get("name", "")), manifest["sha256"], faces, triplets, answers)


def _read_manifest(folder: Path) -> dict:
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        form, files, sha256 = manifest["format"], manifest["files"], manifest["sha256"]
    except FileNotFoundError:
        raise SnapshotError(f"{folder} is no snapshot: it has no manifest.json") from None
    except (ValueError, KeyError, TypeError) as error:
        raise SnapshotError(f"{path}: not a snapshot's manifest ({error})") from None
    if form != FORMAT:
        raise SnapshotError(f"{path}: format {form}, but this program reads format {FORMAT}")
    for name in _PATHS:
        if not (folder / name).is_file():
            raise SnapshotError(f"{folder / name}: no such file")
        if _sha256(folder / name) != files.get(name):
            raise SnapshotError(f"{folder / name}: its SHA-256 is not the manifest's: torn or changed")
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
    if hashlib.sha256(lines.encode()).hexdigest() != sha256:
        raise SnapshotError(f"{path}: sha256 is not that of its files")
    return dict(manifest)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_faces(table: Table) -> Faces:
    rows: dict[str, tuple[str, str, int, int]] = {}
    identities: dict[str, int] = {}
    for key, crop, digest, split, identity in table:
        if not key or key in rows:
            table.fail(f"face {key!r} appears twice" if key else "no face key")
        if not crop or Path(crop).is_absolute() or ".." in Path(crop).parts:
            table.fail(f"crop {crop!r} is not a path inside the snapshot")
        code = identities.setdefault(identity, len(identities)) if identity else UNKNOWN
        rows[key] = (crop, digest, table.one_of(split, SPLITS, "split"), code)
    if not rows:
        table.fail("no faces")
    crops, hashes, splits, codes = zip(*rows.values(), strict=True)
    split_of = np.array(splits, dtype=np.int8)
    return Faces(tuple(rows), crops, hashes, split_of, np.array(codes, dtype=np.int32), tuple(identities))


def _read_triplets(path: Path, faces: Faces) -> Triplets:
    places = ("anchor", "positive", "negative")
    table = Table(path, ("triplet", *places, "kind", "source", "strength", "weight"))
    index = {key: number for number, key in enumerate(faces.keys)}
    split = faces.split.tolist()
    members, labels, weights = array("i"), array("b"), array("f")
    for number, (triplet, *keys, kind, source, strength, weight) in enumerate(table, 1):
        if triplet != str(number):
            table.fail(f"triplet is {triplet!r}, expected {number}")
        for place, key in zip(places, keys, strict=True):
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
    corners = np.array(members, dtype=np.int32).reshape(-1, 3)
    labelled = np.array(labels, dtype=np.int8).reshape(-1, 3)
    weight_of = np.array(weights, dtype=np.float32)
    return Triplets(corners, labelled[:, 0], labelled[:, 1], labelled[:, 2], weight_of)


def _read_answers(path: Path, triplets: int) -> Answers:
    table = Table(path, ("triplet", "annotator", "answer", "weight"))
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
    return Answers(
        np.cumsum(counts),
        np.array(who, dtype=np.int32),
        np.array(odd, dtype=np.int8),
        np.array(weights, dtype=np.float32),
        tuple(annotators),
    )
