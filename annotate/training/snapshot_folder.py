"""Writes a snapshot's folder (docs/snapshot.md): from one state of the database, whole or not at all.

No table of this room is written here.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage
from django.db.models import Count, F
from django.db.models.functions import Collate

from annotate.campaigns.export import consistent_read, copy_answers, copy_triplets
from annotate.campaigns.models import Campaign, Candidate
from annotate.faces.models import Dataset, Face, ImportedTriplet, Split
from annotate.training import bucket

FORMAT = 1
# Fewer of whom there are several pictures teach no manipulation.
FEWEST_PEOPLE = 2
FACES_AT_ONCE = 2_000
FACE_COLUMNS = ("face", "image", "crop", "crop_sha256", "split", "identity", "expression")
TABLES = ("answers.csv", "faces.csv", "triplets.csv")
MANIFEST = "manifest.json"


class CannotFreeze(Exception):
    """There is no snapshot; the message says why and what to do."""


@dataclass(frozen=True)
class Counts:
    faces: int
    triplets: int
    answers: int
    triplets_by_source: dict[str, int]
    faces_by_split: dict[str, int]


@dataclass(frozen=True)
class Manifest:
    """What manifest.json says. `sha256` is the snapshot's identity; `files` the hash of each table."""

    format: int
    name: str
    dataset: str
    campaign: str
    counts: Counts
    files: dict[str, str]
    sha256: str

    def as_json(self) -> dict[str, Any]:
        """As it stands in manifest.json."""
        return asdict(self)


def write_snapshot(
    target: Path,
    *,
    name: str,
    dataset: Dataset,
    campaign: Campaign | None = None,
    progress: Callable[[int], object] = lambda faces: None,
) -> Manifest:
    """Make `target`, which must not exist or be empty, and return its manifest.

    It is written beside `target` and gets its name when it is complete. `progress` is told of faces.
    Raises CannotFreeze, and OSError where the folder can not be written; nothing is left behind then.
    """
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise CannotFreeze(
            f"{target} is there already and not empty. Nothing was written; name another folder."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.parent / f".{target.name}.{secrets.token_hex(4)}.partial"
    try:
        partial.mkdir()
        manifest = _fill(partial, name, dataset, campaign, progress)
        partial.rename(target)
        to_disk(target.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a snapshot's folder. Raises CannotFreeze where it is missing or torn."""
    try:
        return parsed_manifest((folder / MANIFEST).read_bytes(), str(folder))
    except OSError as error:
        raise CannotFreeze(f"{folder} is no whole snapshot: {error}") from error


def parsed_manifest(content: bytes, where: str) -> Manifest:
    """What a manifest.json says. Raises CannotFreeze where it is torn."""
    try:
        values = json.loads(content)
        return Manifest(**values | {"counts": Counts(**values["counts"])})
    except (ValueError, TypeError, KeyError) as error:
        raise CannotFreeze(f"{where} is no whole snapshot: {error}") from error


def _fill(
    folder: Path,
    name: str,
    dataset: Dataset,
    campaign: Campaign | None,
    progress: Callable[[int], object],
) -> Manifest:
    with consistent_read():
        _check_splits(dataset, campaign)
        with (folder / "triplets.csv").open("wb") as out:
            triplets = copy_triplets(out, dataset=dataset, campaign=campaign, numbered=True)
        if not triplets and not _has_pairs(dataset, campaign):
            raise CannotFreeze(_no_triplets(dataset, campaign))
        with (folder / "answers.csv").open("wb") as out:
            answers = copy_answers(out, dataset=dataset, campaign=campaign)
        by_split = _write_faces(folder, dataset, progress)
    by_source = _triplets_by_source(folder / "triplets.csv")
    counts = Counts(by_split.total(), triplets, answers, dict(by_source), dict(by_split))
    return seal(
        folder, name=name, dataset=dataset.name, campaign=campaign.name if campaign else "", counts=counts
    )


def seal(folder: Path, *, name: str, dataset: str, campaign: str, counts: Counts) -> Manifest:
    """Write manifest.json beside the tables that are there, and see all of it onto the disk."""
    files = {table: _sha256(folder / table) for table in TABLES}
    manifest = Manifest(
        format=FORMAT,
        name=name,
        dataset=dataset,
        campaign=campaign,
        counts=counts,
        files=files,
        sha256=hashlib.sha256("".join(f"{files[path]}  {path}\n" for path in TABLES).encode()).hexdigest(),
    )
    text = json.dumps(manifest.as_json(), indent=2, sort_keys=True, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    for path in (*TABLES, MANIFEST, "."):
        to_disk(folder / path)
    return manifest


def _has_pairs(dataset: Dataset, campaign: Campaign | None) -> bool:
    """Whether its people are worth a snapshot without triplets: face manipulation learns from several
    pictures of one person."""
    faces = Face.objects.filter(dataset=dataset, split=Split.TRAIN).exclude(identity="").order_by()
    several = faces.values("identity").annotate(pictures=Count("pk")).filter(pictures__gt=1)
    return campaign is None and several[:FEWEST_PEOPLE].count() == FEWEST_PEOPLE


def _no_triplets(dataset: Dataset, campaign: Campaign | None) -> str:
    if campaign is None:
        return (
            f"Data set {dataset} has no triplet on which its raters agree. "
            "Import triplets, or choose a campaign. (For face manipulation no triplet is needed, but two "
            "people or more of whom there are several pictures each.)"
        )
    return (
        f"Neither data set {dataset} nor campaign {campaign} has a triplet yet. "
        "Freeze again when comparisons have been answered."
    )


def _check_splits(dataset: Dataset, campaign: Campaign | None) -> None:
    """A triplet of both splits would let the held-out faces into training."""
    imported = (
        ImportedTriplet.objects.filter(dataset=dataset, odd__isnull=False)
        .exclude(face_1__split=F("face_2__split"), face_2__split=F("face_3__split"))
        .values_list("face_1__key", "face_2__key", "face_3__key")
    )
    drawn = (
        Candidate.objects.filter(group__campaign=campaign)
        .exclude(positive__split=F("group__anchor__split"), negative__split=F("group__anchor__split"))
        .values_list("group__anchor__key", "positive__key", "negative__key")
    )
    for mixed in (imported, drawn if campaign else drawn.none()):
        if faces := mixed.order_by("id").first():
            raise CannotFreeze(
                f"{mixed.count()} triplets mix training and held-out faces, the first of them "
                f"{', '.join(faces)}. Give the faces of a triplet one split, then freeze again."
            )


def _write_faces(folder: Path, dataset: Dataset, progress: Callable[[int], object]) -> Counter[str]:
    """Write faces.csv and the crops of all of the data set's faces; counts them by split."""
    by_split: Counter[str] = Counter()
    faces = Face.objects.filter(dataset=dataset).order_by(Collate("key", "C"))
    rows = faces.values_list("key", "image", "crop", "crop_sha256", "split", "identity", "expression")
    with (folder / "faces.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(FACE_COLUMNS)
        for key, image, stored, sha256, split, identity, expression in rows.iterator(
            chunk_size=FACES_AT_ONCE
        ):
            crop = f"crops/{stored}"
            _place_crop(stored, folder / crop)
            if _sha256(folder / crop) != sha256:
                raise CannotFreeze(
                    f"The stored picture of face {key} ({stored}) is not what was imported. "
                    "Restore it from a backup or import it anew, then freeze again."
                )
            writer.writerow([key, image, crop, sha256, split, identity, expression])
            by_split[split] += 1
            progress(1)
    return by_split


def _place_crop(stored: str, target: Path) -> None:
    """A hard link where storage is a folder of the same file system, a copy elsewhere."""
    target.parent.mkdir(parents=True, exist_ok=True)
    # Storage elsewhere has no paths; other file systems, and some kinds of mounts, have no such links.
    with suppress(NotImplementedError, OSError):
        os.link(default_storage.path(stored), target)
        return
    try:
        if bucket.is_used():
            bucket.fetch(bucket.crop_key(stored), target)
            return
        with default_storage.open(stored) as source, target.open("wb") as out:
            shutil.copyfileobj(source, out)
    except FileNotFoundError as error:
        raise CannotFreeze(
            f"The picture {stored} is missing from storage. Restore it from a backup, then freeze again."
        ) from error


def _triplets_by_source(path: Path) -> Counter[str]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        source = next(rows).index("source")
        return Counter(row[source] for row in rows)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def to_disk(path: Path) -> None:
    """Files and folders alike: what a row in the database points to must survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
