"""Columns of numbers as the map's page reads them: one header of JSON, then each column's bytes. Reads only.

Layout: four bytes, the header's length (little-endian, a multiple of four with its padding); the header,
{"n", "columns": [[name, "u4" or "f4"], ...], "names": {column: [text of code 0, 1, ...]}}; each column, n
numbers of four bytes. Read by js/map/columns.js.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from annotate.insight.disagreement import disagreement
from annotate.insight.models import ExpressionMap, MapPoint

CODED = ("expression", "identity", "dataset", "split")
ROWS_AT_ONCE = 20_000


def packed(columns: Mapping[str, np.ndarray], names: Mapping[str, Sequence[str]]) -> bytes:
    """Columns (n,) of the dtypes uint32 and float32, and the texts that the coded ones stand for."""
    count = len(next(iter(columns.values())))
    kinds = [[name, "f4" if column.dtype.kind == "f" else "u4"] for name, column in columns.items()]
    header = json.dumps({"n": count, "columns": kinds, "names": names}, ensure_ascii=False).encode()
    header += b" " * (-len(header) % 4)
    parts = [len(header).to_bytes(4, "little"), header]
    for (_, kind), column in zip(kinds, columns.values(), strict=True):
        parts.append(column.astype(f"<{kind}").tobytes())
    return b"".join(parts)


def points_of(asked: ExpressionMap) -> bytes:
    """A map's points: face, x, y and what is known of each face, "" where nothing is."""
    rows = MapPoint.objects.filter(map=asked).order_by("face")
    fields = ("face", "x", "y", "face__expression", "face__identity", "face__dataset__name", "face__split")
    found = list(rows.values_list(*fields).iterator(chunk_size=ROWS_AT_ONCE))
    faces, xs, ys, *texts = zip(*found, strict=True) if found else ([] for _ in fields)
    columns = {
        "face": np.array(faces, dtype=np.uint32),
        "x": np.array(xs, dtype=np.float32),
        "y": np.array(ys, dtype=np.float32),
    }
    names = {}
    for name, column in zip(CODED, texts, strict=True):
        columns[name], names[name] = _coded(column)
    return packed(columns, names)


def disagreement_of(asked: ExpressionMap) -> bytes:
    """Face and disagreement of those faces of the map's data sets of which enough is known."""
    found = disagreement(asked.datasets.values_list("pk", flat=True))
    faces, values, questions = zip(*found, strict=True) if found else ([], [], [])
    columns = {
        "face": np.array(faces, dtype=np.uint32),
        "disagreement": np.array(values, dtype=np.float32),
        "questions": np.array(questions, dtype=np.uint32),
    }
    return packed(columns, {})


def _coded(texts: Iterable[str]) -> tuple[np.ndarray, list[str]]:
    """Each text's number (n,), and the texts in order."""
    distinct = sorted(set(texts))
    code = {text: number for number, text in enumerate(distinct)}
    return np.array([code[text] for text in texts], dtype=np.uint32), distinct
