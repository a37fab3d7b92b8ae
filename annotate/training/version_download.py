"""A model version as one ZIP file: its checkpoint, as `python -m model` loads it, and its card.

It is written while it is sent, a piece at a time: weights of any size need no memory and no room on the disk.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

from annotate.training.model_card import card_of
from annotate.training.models import ModelVersion
from annotate.training.shared_folders import CHECKPOINT_CONFIG, BadCheckpoint, checkpoint_at_hand

PIECE_BYTES = 1 << 20
CARD = "card.md"


def zipped(version: ModelVersion) -> Generator[bytes]:
    """The pieces of the file, in a folder of the version's name. Raises BadCheckpoint at once, not when they
    are asked for."""
    at_hand = ExitStack()
    try:
        folder = at_hand.enter_context(checkpoint_at_hand(version))
        names = _files(folder, version)
        card = card_of(version)
    except BaseException:
        at_hand.close()
        raise
    pieces = _pieces(at_hand, version, [folder / name for name in names], card)
    # Once begun, it lets go of the checkpoint when it is closed, also where nobody asks for a piece.
    next(pieces)
    return pieces


def _files(folder: Path, version: ModelVersion) -> list[str]:
    """What config.json names, and itself: the state of the training is not for others."""
    try:
        files = json.loads((folder / CHECKPOINT_CONFIG).read_text(encoding="utf-8"))["files"]
        names = [CHECKPOINT_CONFIG, *files.values()]
        missing = [name for name in names if not (folder / Path(name).name).is_file()]
    except (ValueError, KeyError, AttributeError, OSError) as error:
        raise BadCheckpoint(f"{version} has no readable {CHECKPOINT_CONFIG}: {error}") from error
    if missing:
        raise BadCheckpoint(f"{version} lacks {', '.join(missing)}. Restore its folder from a backup.")
    return [Path(name).name for name in names]


def _pieces(at_hand: ExitStack, version: ModelVersion, paths: list[Path], card: str) -> Generator[bytes]:
    out = _Outgoing()
    root = f"semblance-version-{version.pk}"
    made = version.created_at.timetuple()[:6]
    # Weights do not compress.
    with at_hand, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as file:
        yield out.taken()
        for path in paths:
            entry = zipfile.ZipInfo(f"{root}/{path.name}", made)
            entry.external_attr = 0o644 << 16
            with path.open("rb") as source, file.open(entry, "w", force_zip64=True) as target:
                while piece := source.read(PIECE_BYTES):
                    target.write(piece)
                    yield out.taken()
        file.writestr(zipfile.ZipInfo(f"{root}/{CARD}", made), card)
        yield out.taken()
    yield out.taken()


class _Outgoing(io.RawIOBase):
    """What has been written and not yet taken. It can not be gone back in, so the ZIP file needs not be."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._waiting += data
        return len(data)

    def taken(self) -> bytes:
        piece, self._waiting = bytes(self._waiting), bytearray()
        return piece
