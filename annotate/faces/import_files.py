"""The files of an import from the browser: what was sent, until it has ended, and its rejects file.

Everything is below the folder of uploads, which is for Semblance's own account alone. Also the folders of the
server that may be imported: those below IMPORT_DIR, and nothing else.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.uploadedfile import TemporaryUploadedFile

from annotate.faces.models import Import
from annotate.faces.problems import ImportFailed

ARCHIVE, LABELS, TRIPLETS, PICTURES, REJECTS = (
    "pictures.zip",
    "labels.csv",
    "triplets.csv",
    "pictures",
    "rejects.csv",
)
ABANDONED_SECONDS = 86_400
MOST_LISTED = 500
DEEPEST = 4


@dataclass(frozen=True)
class Sent:
    """What came in by the form. Each file's `name` is what its sender called it."""

    archive: File
    labels: File | None = None
    triplets: File | None = None


class ImportFiles:
    """Where the files of one import lie. The time keeps apart two databases' imports."""

    def __init__(self, of: Import) -> None:
        self._import = of
        self.folder = Path(settings.UPLOADS_DIR) / f"import-{of.pk}-{of.created_at:%Y%m%d%H%M%S}"
        self.archive = self.folder / ARCHIVE
        self.rejects = self.folder / REJECTS

    def keep(self, sent: Sent) -> None:
        """Put what was sent into place; nothing of it stays where that fails."""
        self.folder.mkdir(mode=0o700)
        try:
            for file, name in ((sent.archive, ARCHIVE), (sent.labels, LABELS), (sent.triplets, TRIPLETS)):
                if file is not None:
                    keep_file(file, self.folder / name)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    @property
    def pictures(self) -> Path:
        """The folder of pictures. Raises ImportFailed where it is no folder that may be imported."""
        return self.folder / PICTURES if self._import.is_upload else _below_imports(self._import.source)

    @property
    def labels(self) -> Path | None:
        return self._table(self._import.labels, LABELS)

    @property
    def triplets(self) -> Path | None:
        return self._table(self._import.triplets, TRIPLETS)

    def _table(self, given: str, kept: str) -> Path | None:
        if not given:
            return None
        return self.folder / kept if self._import.is_upload else _below_imports(given)

    def plain(self, text: str) -> str:
        """A message without the server's own paths: files go by the names that their sender knows."""
        names = {
            f"{self.folder / PICTURES}/": "", str(self.folder / PICTURES): self._import.source,
            str(self.folder / LABELS): self._import.labels,
            str(self.folder / TRIPLETS): self._import.triplets,
            f"{settings.IMPORT_DIR}/" if settings.IMPORT_DIR else "": "",
        }  # fmt: skip
        for path, name in names.items():
            text = text.replace(path, name) if path else text
        return text

    def remove_unpacked(self) -> None:
        """Remove what a worker unpacked and did not come to use."""
        shutil.rmtree(self.folder / PICTURES, ignore_errors=True)

    def remove_sent(self) -> None:
        """Remove everything but the rejects file."""
        if not self.folder.is_dir():
            return
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path != self.rejects:
                path.unlink(missing_ok=True)


def keep_file(file: File, path: Path) -> None:
    """Put what was sent to `path`, where nothing is yet."""
    if isinstance(file, TemporaryUploadedFile):
        # Written into the same folder's file system while it came in (FILE_UPLOAD_TEMP_DIR).
        shutil.move(file.temporary_file_path(), path)
        return
    with path.open("xb") as out:
        for chunk in file.chunks():
            out.write(chunk)


def sweep_uploads(ended: Iterable[Import]) -> None:
    """Remove what ended imports were sent, and what nobody has wanted for a day."""
    for one in ended:
        ImportFiles(one).remove_sent()
    for path in Path(settings.UPLOADS_DIR).glob("*.upload*"):
        if path.is_file() and time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
            path.unlink(missing_ok=True)


def server_folders() -> list[str]:
    """The folders below IMPORT_DIR, by their paths relative to it; the first few hundred, not too deep."""
    return [str(path) for path, _ in _listed() if str(path) != "."]


def server_tables() -> list[str]:
    """The CSV files below IMPORT_DIR, likewise."""
    return [str(path / name) for path, names in _listed() for name in names if name.lower().endswith(".csv")]


def _listed() -> list[tuple[Path, list[str]]]:
    if not settings.IMPORT_DIR:
        return []
    root = Path(settings.IMPORT_DIR)
    found = []
    for place, folders, files in os.walk(root):
        inside = Path(place).relative_to(root)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if len(inside.parts) >= DEEPEST:
            folders.clear()
        found.append((inside, sorted(files)))
        if len(found) > MOST_LISTED:
            break
    return found


def _below_imports(name: str) -> Path:
    """A file or folder below IMPORT_DIR, links followed. Raises ImportFailed where it is none."""
    if not settings.IMPORT_DIR:
        raise ImportFailed("No folder of the server may be imported from: IMPORT_DIR is not set.")
    root = Path(settings.IMPORT_DIR).resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root) or not path.exists():
        raise ImportFailed(f"There is no {name} among the server's folders of imports any more.")
    return path
