"""Imports triplets in the layout of Google's FEC files, with their faces.

From a URL to its picture: the file in the folder of images that has the name of the URL's last path
component, percent-decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TextIO

from django.db import transaction

from annotate.faces import fec_sql, staging
from annotate.faces.csv_rows import Row, open_csv, read_rows
from annotate.faces.fec_layout import LEAST_RATERS, BoxedFace, majority, parse_row
from annotate.faces.label_staging import stage_labels
from annotate.faces.models import Dataset
from annotate.faces.outcome import Outcome, Progress, no_progress
from annotate.faces.problems import BadRow, ImportFailed
from annotate.faces.publishing import (
    check_dataset_name,
    check_folder,
    crop_new_faces,
    dataset_id,
    fill_in_labels,
    insert_faces,
    match_faces,
    reject_other_labels,
    remove_unused_crops,
    stray_crops_removed,
)

NAMES_KEPT = 50_000
ROWS_A_BATCH = 10_000


def import_triplets(
    file: Path,
    *,
    dataset: str,
    images: Path,
    split: str,
    labels: Path | None = None,
    rejects: Path,
    least_raters: int = LEAST_RATERS,
    workers: int = 1,
    progress: Progress = no_progress,
) -> Outcome:
    """Add the triplets of an FEC file and the faces that they use; what is there already stays.

    A face is `dataset:<image>#<left>-<right>-<top>-<bottom>`. All of the file is of one `split`. A
    refused row, or one of fewer than `least_raters`, leaves nothing behind. One transaction at the end;
    memory does not grow with the file.
    Raises ImportFailed, with nothing written, where the import as a whole can not be done.
    """
    check_dataset_name(dataset)
    check_folder(images)
    outcome = Outcome(dataset)
    with staging.staging(dataset):
        staging.run(fec_sql.CREATE)
        if labels:
            stage_labels(labels, base_names=True)
        _stage_file(file, dataset, least_raters, progress)
        _check(outcome, str(file), split)
        with stray_crops_removed(dataset):
            crop_new_faces(dataset, images, None, workers=workers, progress=progress)
            staging.run(fec_sql.REJECT_BY_FACE, str(file))
            staging.run(fec_sql.FORGET_UNUSED_FACES)
            if labels:
                reject_other_labels(labels)
            outcome.rejected = staging.write_rejects(rejects)
            _publish(outcome, split)
        # Without fresh statistics, whoever reads half a million new rows next gets a plan for none.
        staging.run("ANALYZE faces_face, faces_importedtriplet")
        remove_unused_crops()
        staging.run(fec_sql.DROP)
    return outcome


def _stage_file(path: Path, dataset: str, least_raters: int, progress: Progress) -> None:
    """Parse the file into fec_row and fec_ref; rows that are not of the layout are rejected."""
    with open_csv(path) as file:
        rows = read_rows(file)
        total = path.stat().st_size
        faces = _FaceNumbers(dataset)
        refused: list[tuple[str, int | None, str]] = []
        read = 0
        while batch := list(islice(rows, ROWS_A_BATCH)):
            read += len(batch)
            staging.copy_in(_ROW_COLUMNS, _parsed(batch, faces, refused, str(path), least_raters))
            staging.copy_in(_REF_COLUMNS, faces.take_new())
            staging.reject(refused)
            refused.clear()
            progress("rows", _position(file), total)
    if not read:
        raise ImportFailed(f"{path} has no rows.")


_ROW_COLUMNS = (
    "fec_row (row, one, two, three, kind, raters, answers, odd, strength, votes_for, votes_against)"
)
_REF_COLUMNS = "fec_ref (n, row, key, image, url, box)"


def _position(file: TextIO) -> int:
    return file.buffer.tell()  # type: ignore[attr-defined]


class _FaceNumbers:
    """Numbers the faces as they are met. Its memory is bounded: a face may be met as new again."""

    def __init__(self, dataset: str) -> None:
        self._dataset = dataset
        self._last = 0
        self._numbers: dict[tuple[str, str], int] = {}
        self._new: list[tuple] = []

    def number(self, face: BoxedFace, row: int) -> int:
        known = self._numbers.get((face.name, face.url))
        return known if known is not None else self._add(face, row)

    def _add(self, face: BoxedFace, row: int) -> int:
        if len(self._numbers) >= NAMES_KEPT:
            self._numbers.clear()
        self._last += 1
        self._numbers[face.name, face.url] = self._last
        key = f"{self._dataset}:{face.name}"
        self._new.append((self._last, row, key, face.image, face.url, staging.array_text(face.box)))
        return self._last

    def take_new(self) -> list[tuple]:
        new, self._new = self._new, []
        return new


def _parsed(
    batch: list[Row],
    faces: _FaceNumbers,
    refused: list[tuple[str, int | None, str]],
    file: str,
    least_raters: int,
) -> Iterator[tuple]:
    number = faces.number
    for row in batch:
        try:
            if row.problem:
                raise BadRow(row.problem)
            parsed = parse_row(row.cells, least_raters)
        except BadRow as error:
            refused.append((file, row.number, str(error)))
            continue
        one, two, three = parsed.faces
        yield (
            row.number, number(one, row.number), number(two, row.number), number(three, row.number),
            parsed.kind, staging.array_text(parsed.raters), *_answer_columns(parsed.answers),
        )  # fmt: skip


@lru_cache(maxsize=1 << 13)
def _answer_columns(answers: tuple[int, ...]) -> tuple:
    return staging.array_text(answers), *majority(answers)


def _check(outcome: Outcome, file: str, split: str) -> None:
    """Reject the rows that do not fit with each other or with what is there; forget those that are there."""
    there = dataset_id(outcome.dataset)
    staging.run("ANALYZE fec_ref (n, key, image, url)")
    staging.run("ANALYZE fec_row (one, two, three)")
    staging.run(fec_sql.REJECT_OTHER_URLS, there, file)
    staging.run(fec_sql.FACES, split)
    staging.run("ANALYZE import_face")
    staging.run(fec_sql.REFS)
    staging.run(fec_sql.TRIPLETS)
    staging.run("ANALYZE fec_triplet (row, one, two, three)")
    staging.run(fec_sql.REJECT_REPEATED, file)
    outcome.faces_there = match_faces()
    if outcome.faces_there:
        staging.run(fec_sql.REFUSE_OTHER_SPLIT)
        staging.run(fec_sql.REJECT_BY_FACE, file)
        outcome.triplets_there = staging.run(fec_sql.FORGET_THOSE_THERE, there)
        staging.run(fec_sql.REJECT_OTHER_ANSWERS, there, file)
    staging.run(fec_sql.FORGET_UNUSED_FACES)


@transaction.atomic
def _publish(outcome: Outcome, split: str) -> None:
    outcome.labelled = fill_in_labels()
    if staging.scalar("SELECT EXISTS (SELECT FROM fec_triplet)"):
        dataset, _ = Dataset.objects.get_or_create(name=outcome.dataset)
        outcome.faces_added = insert_faces(dataset)
        outcome.triplets_added = staging.run(fec_sql.INSERT_TRIPLETS, dataset.pk, split)
