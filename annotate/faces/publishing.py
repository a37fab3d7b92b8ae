"""The last steps of both importers: crop the new faces, then put faces and labels into the lasting tables.

A crop is named after its face's key, so what a crashed import left is overwritten by the next one, and
no crop of a face that is in the database is ever touched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, InterfaceError

from annotate.faces import staging
from annotate.faces.crop_pool import make_crops
from annotate.faces.crops import Crop, Job, Way
from annotate.faces.measures import NO_MEASURES, Measures
from annotate.faces.models import Dataset
from annotate.faces.outcome import Progress
from annotate.faces.problems import ImportFailed


def check_dataset_name(name: str) -> None:
    """Raises ImportFailed where no data set may have this name."""
    try:
        Dataset(name=name).clean_fields()
    except ValidationError as error:
        raise ImportFailed(" ".join(error.messages)) from error


def check_folder(folder: Path) -> None:
    """Raises ImportFailed where there is no such folder."""
    if not folder.is_dir():
        raise ImportFailed(f"{folder} is no folder. Name the folder that holds the pictures.")


def dataset_id(name: str) -> int | None:
    """The data set's id, or None where it is not there yet."""
    return Dataset.objects.filter(name=name).values_list("pk", flat=True).first()


def match_faces() -> int:
    """Set `face_id` of the faces that are in the database; returns how many are newly found."""
    found = staging.run(
        "UPDATE import_face f SET face_id = d.id FROM faces_face d WHERE d.key = f.key AND f.face_id IS NULL"
    )
    staging.run("ANALYZE import_face")
    return found


def crop_new_faces(dataset: str, folder: Path, way: Way | None, *, workers: int, progress: Progress) -> None:
    """Crop and store every face that is neither there nor refused; set `reason` where that fails.

    `way` None: each by its own box. Raises ImportFailed when a worker process dies.
    """
    total = staging.scalar("SELECT count(*) FROM import_face WHERE face_id IS NULL AND reason IS NULL")
    keys: dict[int, str] = {}  # of the crops under way

    def jobs() -> Iterator[Job]:
        for face, key, image, box in staging.pages(_NEW_FACES):
            keys[face] = key
            yield Job(face, str(folder / image), way or tuple(box))

    def stored() -> Iterator[tuple]:
        for done, crop in enumerate(make_crops(jobs(), count=total, workers=workers), 1):
            yield _store(dataset, keys.pop(crop.face), crop)
            progress("faces", done, total)

    staging.copy_in(f"import_crop (id, crop, sha256, reason, {', '.join(Measures._fields)})", stored())
    staging.run(_NOTE_FAILED_CROPS)


_NOTE_FAILED_CROPS = """
    UPDATE import_face f SET reason = c.reason FROM import_crop c WHERE c.id = f.id AND c.reason IS NOT NULL
"""
_NEW_FACES = """
    SELECT id, key, image, box FROM import_face
    WHERE face_id IS NULL AND reason IS NULL AND id > %s ORDER BY id LIMIT 1000
"""


@contextmanager
def stray_crops_removed(dataset: str) -> Iterator[None]:
    """Where what is done inside fails or is broken off, the crops that were made for it go.

    Only after match_faces: the crop of a face that is in the database is never touched. Of a process that
    is killed, the next import of the same pictures overwrites them.
    """
    try:
        yield
    except BaseException:
        with suppress(DatabaseError, InterfaceError):
            for _, key in staging.pages(_NOT_PUBLISHED):
                default_storage.delete(_crop_path(dataset, key))
        raise


_NOT_PUBLISHED = "SELECT id, key FROM import_face WHERE face_id IS NULL AND id > %s ORDER BY id LIMIT 1000"


def _crop_path(dataset: str, key: str) -> str:
    name = hashlib.sha256(key.encode()).hexdigest()
    return f"{dataset}/{name[:2]}/{name}.jpg"


def _store(dataset: str, key: str, crop: Crop) -> tuple:
    if crop.reason:
        return crop.face, None, None, crop.reason, *NO_MEASURES
    path = _crop_path(dataset, key)
    default_storage.delete(path)
    stored = default_storage.save(path, ContentFile(crop.jpeg))
    return crop.face, stored, hashlib.sha256(crop.jpeg).hexdigest(), None, *crop.measures


def insert_faces(dataset: Dataset) -> int:
    """Add the new faces, with their labels, and return their number. Belongs into a transaction."""
    added = staging.run(_INSERT_FACES, dataset.pk)
    match_faces()
    return added


def remove_unused_crops() -> None:
    """Remove the crops of faces that did not go in after all."""
    for _, crop in staging.pages(_UNUSED_CROPS):
        default_storage.delete(crop)


def fill_in_labels() -> int:
    """Give faces that were there the labels that they lack; returns how many got one."""
    return staging.run(_FILL_IN)


def reject_other_labels(labels: Path) -> None:
    """Reject the rows of labels.csv that contradict the label which a face has already."""
    staging.run(_REJECT_OTHER_LABELS, str(labels))


_INSERT_FACES = """
    INSERT INTO faces_face (dataset_id, key, image, url, box, crop, crop_sha256, split, identity, expression,
        known_expression, created_at, phash, dhash, sharpness, brightness, contrast, detection, source_side)
    SELECT %s, f.key, f.image, f.url, f.box, c.crop, c.sha256, f.split, coalesce(l.identity, ''),
        coalesce(l.expression, ''), l.known, now(), c.phash, c.dhash, c.sharpness, c.brightness, c.contrast,
        c.detection, c.source_side
    FROM import_face f JOIN import_crop c ON c.id = f.id
    LEFT JOIN import_label l ON l.image = f.image AND l.reason IS NULL
    WHERE f.face_id IS NULL AND f.reason IS NULL ORDER BY f.id
"""
_UNUSED_CROPS = """
    SELECT c.id, c.crop FROM import_crop c
    WHERE c.crop IS NOT NULL AND NOT EXISTS (SELECT FROM import_face f WHERE f.id = c.id) AND c.id > %s
    ORDER BY c.id LIMIT 1000
"""
_FILL_IN = """
    UPDATE faces_face d SET
        identity = coalesce(nullif(d.identity, ''), l.identity, ''),
        expression = coalesce(nullif(d.expression, ''), l.expression, ''),
        known_expression = coalesce(d.known_expression, l.known)
    FROM import_face f JOIN import_label l ON l.image = f.image AND l.reason IS NULL
    WHERE f.face_id = d.id AND (
        (d.identity = '' AND l.identity IS NOT NULL) OR (d.expression = '' AND l.expression IS NOT NULL)
        OR (d.known_expression IS NULL AND l.known IS NOT NULL))
"""
_REJECT_OTHER_LABELS = """
    INSERT INTO import_reject (file, row, reason)
    SELECT DISTINCT %s, l.row, l.image || ' has another label already (identity "' || d.identity
        || '", expression "' || d.expression || '"' || CASE WHEN d.known_expression <> l.known
        THEN ', other e0, e1, ...' ELSE '' END || '); it was left as it is'
    FROM import_face f JOIN import_label l ON l.image = f.image AND l.reason IS NULL
    JOIN faces_face d ON d.id = f.face_id
    WHERE (d.identity <> '' AND d.identity <> l.identity)
        OR (d.expression <> '' AND d.expression <> l.expression)
        OR d.known_expression <> l.known
"""
