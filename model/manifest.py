"""A snapshot's manifest.json: its format, and whether the folder's files are those that it names."""

import hashlib
import json
from pathlib import Path
from typing import Any

from model.errors import SnapshotError

FORMAT = 1
FILES = ("faces.csv", "triplets.csv", "answers.csv")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a known format. Raises SnapshotError; the files are not looked at."""
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        form, _, _ = manifest["format"], manifest["files"], manifest["sha256"]
    except FileNotFoundError:
        raise SnapshotError(f"{folder} is no snapshot: it has no manifest.json") from None
    except (ValueError, KeyError, TypeError) as error:
        raise SnapshotError(f"{path}: not a snapshot's manifest ({error})") from None
    if form != FORMAT:
        raise SnapshotError(f"{path}: format {form}, but this program reads format {FORMAT}")
    return dict(manifest)


def check_files(folder: Path, manifest: dict[str, Any]) -> None:
    """Raises SnapshotError for a file that is missing or whose SHA-256 is not the manifest's."""
    files = manifest["files"]
    for name in FILES:
        if not (folder / name).is_file():
            raise SnapshotError(f"{folder / name}: no such file")
        if _sha256(folder / name) != files.get(name):
            raise SnapshotError(f"{folder / name}: its SHA-256 is not the manifest's: torn or changed")
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
    if hashlib.sha256(lines.encode()).hexdigest() != manifest["sha256"]:
        raise SnapshotError(f"{folder / 'manifest.json'}: sha256 is not that of its files")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
