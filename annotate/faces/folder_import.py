"""Imports a folder of pictures, each of one face, with an optional labels.csv."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from django.db import transaction

from annotate.faces import staging
from annotate.faces.image_names import checked_name
from annotate.faces.label_layout import LabelColumns
from annotate.faces.label_staging import stage_labels
from annotate.faces.models import Dataset
from annotate.faces.outcome import Outcome, Progress, no_progress
from annotate.faces.problems import BadRow, ImportFailed
from annotate.faces.publishing import (
    check_dataset_name,
    check_folder,
    crop_new_faces,
    fill_in_labels,
    insert_faces,
    match_faces,
    reject_other_labels,
    stray_crops_removed,
)

LABELS = "labels.csv"
# The second line can not be read, but belongs into the rejects rather than to be passed over.
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"} | {
    ".gif", ".heic", ".heif", ".avif", ".svg", ".jp2", ".jxl", ".psd",
}  # fmt: skip


def import_folder(
    folder: Path,
    *,
    dataset: str,
    split: str,
    labels: Path | None = None,
    prealigned: bool = False,
    rejects: Path,
    workers: int = 1,
    progress: Progress = no_progress,
) -> Outcome:
    """Add the pictures under `folder` as faces `dataset:<relative path>`; what is there already stays.

    `split` is for the pictures of which labels.csv (default: the one in the folder) names none.
    `prealigned`: they are aligned crops already and only resized. One transaction at the end. Raises
    ImportFailed, with nothing written, where the import as a whole can not be done.
    """
    check_dataset_name(dataset)
    check_folder(folder)
    if labels is None and (folder / LABELS).is_file():
        labels = folder / LABELS
    outcome = Outcome(dataset)
    with staging.staging(dataset):
        columns = stage_labels(labels, base_names=False) if labels else None
        _stage_pictures(folder, dataset, split)
        if columns:
            _apply_labels(labels, folder, columns)
        outcome.faces_there = match_faces()
        staging.run(_REFUSE_OTHER_SPLIT)
        way = "prealigned" if prealigned else "detect"
        with stray_crops_removed(dataset):
            crop_new_faces(dataset, folder, way, workers=workers, progress=progress)
            staging.run(_REJECT_PICTURES, f"{folder}/", str(labels))
            if labels:
                reject_other_labels(labels)
            outcome.rejected = staging.write_rejects(rejects)
            _publish(outcome)
        staging.run("ANALYZE faces_face")
    return outcome


@transaction.atomic
def _publish(outcome: Outcome) -> None:
    outcome.labelled = fill_in_labels()
    if staging.scalar("SELECT EXISTS (SELECT FROM import_face WHERE face_id IS NULL AND reason IS NULL)"):
        dataset, _ = Dataset.objects.get_or_create(name=outcome.dataset)
        outcome.faces_added = insert_faces(dataset)


def _stage_pictures(folder: Path, dataset: str, split: str) -> None:
    """Stage every picture under the folder; one whose name is unusable with its reason."""

    def rows() -> Iterator[tuple]:
        for number, name in enumerate(_pictures(folder), 1):
            reason = ""
            try:
                checked_name(name)
            except BadRow as error:
                name, reason = name.encode("unicode_escape").decode(), str(error)
            yield number, f"{dataset}:{name}", name, split, reason

    staging.copy_in("import_face (id, key, image, split, reason)", rows())
    if not staging.scalar("SELECT EXISTS (SELECT FROM import_face)"):
        raise ImportFailed(f"There is no picture (.jpg, .png, .webp, .bmp or .tiff) in {folder}.")
    staging.run("CREATE INDEX ON import_face (image)")
    staging.run("ANALYZE import_face")


def _pictures(folder: Path) -> Iterator[str]:
    """Relative paths in order. Hidden files and folders are passed over: systems keep previews there."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inside = Path(place).relative_to(folder)
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield str(inside / name)


def _apply_labels(labels: Path, folder: Path, columns: LabelColumns) -> None:
    staging.run(_REJECT_LABELS_WITHOUT_PICTURE, str(labels), str(folder))
    # The row is in the rejects already; without it, the picture could end up in the wrong split.
    staging.run(_DROP_PICTURES_OF_BAD_LABELS)
    staging.run(_APPLY_SPLITS)
    if columns.has_split:
        staging.run(_REFUSE_UNNAMED, f"{labels.name} tells splits and does not name this picture")


_REJECT_LABELS_WITHOUT_PICTURE = """
    INSERT INTO import_reject (file, row, reason)
    SELECT %s, l.row, l.image || ' is missing: there is no such picture in ' || %s FROM import_label l
    WHERE l.reason IS NULL AND NOT EXISTS (SELECT FROM import_face f WHERE f.image = l.image)
"""
_DROP_PICTURES_OF_BAD_LABELS = """
    DELETE FROM import_face f USING import_label l WHERE l.image = f.image AND l.reason IS NOT NULL
        AND NOT EXISTS (SELECT FROM import_label g WHERE g.image = f.image AND g.reason IS NULL)
"""
_APPLY_SPLITS = """
    UPDATE import_face f SET split = l.split FROM import_label l
    WHERE l.image = f.image AND l.reason IS NULL AND l.split IS NOT NULL
"""
_REFUSE_UNNAMED = """
    UPDATE import_face f SET reason = %s
    WHERE reason IS NULL AND NOT EXISTS (SELECT FROM import_label l WHERE l.image = f.image)
"""
_REFUSE_OTHER_SPLIT = """
    UPDATE import_face f
    SET reason = 'it is in the data set already, in split ' || d.split || ', and stays there'
    FROM faces_face d WHERE d.id = f.face_id AND d.split <> f.split AND f.reason IS NULL
"""
_REJECT_PICTURES = """
    INSERT INTO import_reject (file, row, reason)
    SELECT CASE WHEN l.row IS NULL THEN %s || f.image ELSE %s END, l.row, f.image || ': ' || f.reason
    FROM import_face f LEFT JOIN import_label l ON l.image = f.image AND l.reason IS NULL
    WHERE f.reason IS NOT NULL
"""
