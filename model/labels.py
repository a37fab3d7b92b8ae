"""What is known of pictures beside their pixels: who, which expression, which split; read from labels.csv.

The same file that the web's importers take. Embeddings are stored_embeddings.py's, measures evaluation/'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from model.errors import LabelsError
from model.snapshot import SPLITS, UNKNOWN, Faces
from model.tables import Table

# The column that names the picture, and the one of its expression: the first that the file has.
_NAMES = ("name", "image")
_SHOWN = ("expression", "class")


@dataclass(frozen=True)
class Labels:
    """Of N pictures: `identity` (N,) indexes `identities`, `expression` (N,) `expressions`, both sorted.

    `split` (N,) per SPLITS. UNKNOWN where nothing is said.
    """

    names: tuple[str, ...]
    identity: np.ndarray
    identities: tuple[str, ...]
    expression: np.ndarray
    expressions: tuple[str, ...]
    split: np.ndarray

    @classmethod
    def of_texts(
        cls, names: Sequence[str], identity: Sequence[str], expression: Sequence[str], split: Sequence[str]
    ) -> Self:
        """Of one text each a picture, empty where nothing is known; splits are train and val."""
        people, who = _coded(identity)
        expressions, shown = _coded(expression)
        splits = np.array([SPLITS.get(text, UNKNOWN) for text in split], dtype=np.int8)
        return cls(tuple(names), who, people, shown, expressions, splits)

    @classmethod
    def of_faces(cls, faces: Faces) -> Self:
        """Of a snapshot's faces, by their keys."""
        who = [faces.identities[code] if code >= 0 else "" for code in faces.identity]
        shown = [faces.expressions[code] if code >= 0 else "" for code in faces.expression]
        names = {code: name for name, code in SPLITS.items()}
        return cls.of_texts(faces.keys, who, shown, [names[code] for code in faces.split.tolist()])

    def without(self, expressions: Sequence[str]) -> Self:
        """The same labels, but that of faces with these expressions none is known. Raises LabelsError."""
        for name in expressions:
            if name not in self.expressions:
                raise LabelsError(f"no face has the expression {name!r}, but {', '.join(self.expressions)}")
        codes = [self.expressions.index(name) for name in expressions]
        return replace(self, expression=np.where(np.isin(self.expression, codes), UNKNOWN, self.expression))

    def of(self, names: Sequence[str]) -> Self:
        """The labels of these pictures, in their order; nothing is known of one that has none."""
        place = {name: number for number, name in enumerate(self.names)}
        rows = np.array([place.get(name, -1) for name in names], dtype=np.int64)

        def taken(codes: np.ndarray) -> np.ndarray:
            return np.where(rows >= 0, np.append(codes, UNKNOWN)[rows], UNKNOWN)

        return type(self)(
            tuple(names),
            taken(self.identity),
            self.identities,
            taken(self.expression),
            self.expressions,
            taken(self.split),
        )


def read_labels(path: Path) -> Labels:
    """A CSV file with the columns `name` (or `image`) and any of identity, expression (or class), split.

    Raises LabelsError naming file, line and reason.
    """
    table = Table(path, (), (*_NAMES, "identity", *_SHOWN, "split"), LabelsError)
    rows: dict[str, tuple[str, str, str]] = {}
    for cells in table:
        row = dict(zip(table.optional, cells, strict=True))
        name, split = row[_first_of(table, _NAMES)], row["split"]
        if not name or name in rows:
            known = f"picture {name!r} appears twice"
            table.fail(known if name else "no picture is named (in a column 'name' or 'image')")
        if split and split not in SPLITS:
            table.fail(f"split is {split!r}, not one of {', '.join(map(repr, SPLITS))}")
        rows[name] = (row["identity"], row[_first_of(table, _SHOWN)], split)
    if not rows:
        raise LabelsError(f"{path}: no rows")
    who, shown, splits = zip(*rows.values(), strict=True)
    return Labels.of_texts(tuple(rows), who, shown, splits)


def _first_of(table: Table, names: Sequence[str]) -> str:
    return next((name for name in names if name in table.header), names[0])


def _coded(texts: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    distinct = tuple(sorted(set(texts) - {""}))
    place: Mapping[str, int] = {text: code for code, text in enumerate(distinct)} | {"": UNKNOWN}
    return distinct, np.array([place[text] for text in texts], dtype=np.int32)
