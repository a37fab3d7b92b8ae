"""Reads the files of names and vectors that `embed` writes (embedding_files.py), in each of their formats.

What is measured or drawn from them is others': here only what would make every figure wrong is refused.
"""

import csv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from model.errors import EmbeddingsError


class Stored(NamedTuple):
    """Names and vectors (N, D) float32 in the same order."""

    names: tuple[str, ...]
    embeddings: np.ndarray


def read_embeddings(path: Path) -> Stored:
    """The file's names and vectors, by its suffix: .npz, .npy (with .names.txt), .csv or .parquet.

    Raises EmbeddingsError for a file that is missing, torn, of another kind, or whose names or numbers
    cannot be right: none, a name twice, a number that is not finite.
    """
    if path.suffix not in _READERS:
        raise EmbeddingsError(f"{path}: its suffix is none of {', '.join(_READERS)}")
    try:
        names, vectors = _READERS[path.suffix](path)
    except FileNotFoundError as error:
        raise EmbeddingsError(f"{error.filename or path}: no such file") from None
    except (
        OSError,
        ValueError,
        KeyError,
        IndexError,
        EOFError,
        zipfile.BadZipFile,
        pa.ArrowException,
    ) as error:
        raise EmbeddingsError(f"{path}: not a file of embeddings ({error})") from None
    if vectors.ndim != 2 or len(vectors) != len(names):
        raise EmbeddingsError(f"{path}: {len(names)} names, but vectors of shape {vectors.shape}")
    if not len(names):
        raise EmbeddingsError(f"{path}: no embeddings in it")
    if len(set(names)) < len(names):
        raise EmbeddingsError(f"{path}: a name is in it twice")
    vectors = vectors.astype(np.float32, copy=False)
    if not np.isfinite(vectors).all():
        raise EmbeddingsError(f"{path}: the vector of {_not_finite(names, vectors)!r} is not finite")
    return Stored(tuple(names), vectors)


def _not_finite(names: list[str], vectors: np.ndarray) -> str:
    return names[int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])]


def _read_npz(path: Path) -> tuple[list[str], np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return file["names"].tolist(), file["embeddings"]


def _read_npy(path: Path) -> tuple[list[str], np.ndarray]:
    names = path.with_name(f"{path.name}.names.txt").read_text(encoding="utf-8").split("\n")[:-1]
    return names, np.load(path, allow_pickle=False)


def _read_csv(path: Path) -> tuple[list[str], np.ndarray]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file, strict=True)
        try:
            width = len(next(rows, []))
            cells = [(row[0], np.array(row[1:], dtype=np.float32)) for row in rows]
        except csv.Error as error:
            raise ValueError(str(error)) from error
    vectors = [vector for _, vector in cells]
    if any(len(vector) != width - 1 for vector in vectors):
        raise ValueError("a row is not as long as the header")
    return [name for name, _ in cells], np.array(vectors, dtype=np.float32).reshape(
        len(cells), max(width - 1, 0)
    )


def _read_parquet(path: Path) -> tuple[list[str], np.ndarray]:
    table = parquet.read_table(path, columns=["name", "embedding"])
    vectors = table["embedding"].combine_chunks()
    width = getattr(vectors.type, "list_size", 0)
    return table["name"].to_pylist(), vectors.flatten().to_numpy(zero_copy_only=False).reshape(-1, width or 1)


_READERS: dict[str, Callable[[Path], tuple[list[str], np.ndarray]]] = {
    ".npz": _read_npz, ".npy": _read_npy, ".csv": _read_csv, ".parquet": _read_parquet,
}  # fmt: skip
