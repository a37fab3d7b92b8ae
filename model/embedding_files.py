"""Embeddings on disk: the files that users get, whole or not there, and the parts of one not yet finished.

Knows names and vectors only; who embeds what is inference.py's.
"""

import csv
import hashlib
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from model.errors import OutputError

# Whichever is the newest: a part may be read by a later version only if that means the same.
_FORMAT = "1"


def check_output(path: Path) -> None:
    """Raise OutputError if no embeddings can be written to `path`: better before hours of work than after."""
    if path.suffix not in _WRITERS:
        raise OutputError(f"{path}: its suffix is none of {', '.join(_WRITERS)}")
    if not path.parent.is_dir():
        raise OutputError(f"{path.parent}: no such folder")


def write_embeddings(path: Path, names: Sequence[str], embeddings: np.ndarray) -> None:
    """Write names and vectors (N, 16) in the same order, by suffix; the file is whole or not there.

    .npz: arrays `names` (unicode) and `embeddings` float32. .npy: the vectors alone, the names one a line
    in <file>.names.txt. .csv: header name, e0, ... e15. .parquet: columns `name` (string) and `embedding`
    (fixed_size_list<float>[16]). Raises OutputError for another suffix.
    """
    check_output(path)
    if path.suffix == ".npy":
        lines = "".join(f"{name}\n" for name in names)
        _replace(
            path.with_name(f"{path.name}.names.txt"),
            lambda part: part.write_text(lines, encoding="utf-8"),
        )
    _replace(path, lambda part: _WRITERS[path.suffix](part, names, embeddings))


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write_npz(path: Path, names: Sequence[str], embeddings: np.ndarray) -> None:
    with path.open("wb") as file:
        np.savez(file, names=np.array(names, dtype=np.str_), embeddings=embeddings)


def _write_npy(path: Path, names: Sequence[str], embeddings: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, embeddings)


def _write_csv(path: Path, names: Sequence[str], embeddings: np.ndarray) -> None:
    with path.open("w", newline="", encoding="utf-8") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["name", *(f"e{number}" for number in range(embeddings.shape[1]))])
        for name, vector in zip(names, embeddings, strict=True):
            writer.writerow([name, *(f"{value:.6f}" for value in vector)])


def _write_parquet(path: Path, names: Sequence[str], embeddings: np.ndarray) -> None:
    values = pa.array(embeddings.astype(np.float32).ravel())
    vectors = pa.FixedSizeListArray.from_arrays(values, embeddings.shape[1])
    table = pa.table({"name": pa.array(names, pa.string()), "embedding": vectors})
    parquet.write_table(table, path)


_WRITERS = {".npz": _write_npz, ".npy": _write_npy, ".csv": _write_csv, ".parquet": _write_parquet}


class Part(NamedTuple):
    """`rows` (n,): which pictures the `embeddings` (n, 16) are of; `rejects`: why others have none."""

    rows: np.ndarray
    embeddings: np.ndarray
    rejects: tuple[str, ...] = ()


class KeptParts:
    """The parts done of an output, in `.<its name>.parts` beside it, until it is written.

    Each is found by the hash of all that its vectors come from: what does not hold any more is not found.
    """

    def __init__(self, output: Path) -> None:
        self.folder = output.with_name(f".{output.name}.parts")

    def load(self, key: str) -> Part | None:
        """The part of this key (`key_of`), if it is here and whole."""
        try:
            with np.load(self._path(key), allow_pickle=False) as file:
                return Part(file["rows"], file["embeddings"], tuple(file["rejects"].tolist()))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def store(self, key: str, part: Part) -> None:
        """Keep a part; a kill leaves all of it or nothing."""
        self.folder.mkdir(exist_ok=True)
        rejects = np.array(part.rejects, dtype=np.str_)

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.savez(file, rows=part.rows, embeddings=part.embeddings, rejects=rejects)

        _replace(self._path(key), write)

    def drop(self) -> None:
        """Remove all parts."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npz"


def key_of(texts: Iterable[str]) -> str:
    """One hash of these texts, told apart whatever they hold."""
    digest = hashlib.sha256(_FORMAT.encode())
    for text in texts:
        data = text.encode(errors="surrogateescape")
        digest.update(f"{len(data)}:".encode() + data)
    return digest.hexdigest()
