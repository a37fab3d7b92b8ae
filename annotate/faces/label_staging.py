"""Reads labels.csv into import_label, and says which of its rows can not be used."""

from __future__ import annotations

from pathlib import Path

from annotate.faces import staging
from annotate.faces.csv_rows import Row, open_csv, read_rows
from annotate.faces.label_layout import LabelColumns, parse_label, read_header
from annotate.faces.problems import BadRow, ImportFailed


def stage_labels(path: Path, *, base_names: bool) -> LabelColumns:
    """Stage every row that names an image; a bad one is rejected, and staged with its reason.

    `base_names`: only the last component of the image's path counts. Returns the header's columns.
    Raises ImportFailed where the file can not be read or has no header.
    """
    with open_csv(path) as file:
        rows = read_rows(file)
        columns = _header(path, next(rows, None))
        staging.copy_in(
            "import_label (row, image, identity, expression, split, known, reason)",
            (_staged(columns, row, base_names) for row in rows),
        )
    staging.run(_NOTE_REPEATED)
    staging.run(_REJECT, str(path))
    staging.run("DELETE FROM import_label WHERE image IS NULL")
    staging.run("CREATE UNIQUE INDEX ON import_label (image) WHERE reason IS NULL")
    staging.run("ANALYZE import_label")
    return columns


def _header(path: Path, row: Row | None) -> LabelColumns:
    try:
        if row is None:
            raise BadRow("it has no rows")
        return read_header(row.cells)
    except BadRow as error:
        raise ImportFailed(f"{path} can not be used: {error}.") from error


def _staged(columns: LabelColumns, row: Row, base_names: bool) -> tuple:
    image = ""
    try:
        image = columns.image_of(row.cells)
        if base_names:
            image = image.rsplit("/", 1)[-1]
        if row.problem:
            raise BadRow(row.problem)
        label = parse_label(columns, row.cells)
    except BadRow as error:
        return row.number, image, None, None, None, None, row.problem or str(error)
    known = staging.array_text(label.known) if label.known else None
    return row.number, image, label.identity, label.expression, label.split, known, None


_NOTE_REPEATED = """
    UPDATE import_label l SET reason = l.image || ' has its label in row ' || f.row || ' already'
    FROM (SELECT image, min(row) AS row FROM import_label GROUP BY image HAVING count(*) > 1) f
    WHERE l.image = f.image AND l.row > f.row AND l.reason IS NULL
"""
_REJECT = """
    INSERT INTO import_reject (file, row, reason)
    SELECT %s, row, reason FROM import_label WHERE reason IS NOT NULL
"""
