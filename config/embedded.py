"""What the embedded services have in common: their error, their sockets' place, and their logs' size."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

LARGEST_LOG = 5_000_000
# A unix socket's path has at most 107 bytes on Linux and 103 elsewhere.
LONGEST_SOCKET = 103
LONGEST_NAME = "/postgresql/.s.PGSQL.5432"
# Not tempfile.gettempdir(): two processes with different TMPDIR must find the same sockets.
SHORT_PLACE = Path("/tmp")  # noqa: S108


class ServiceError(RuntimeError):
    """An embedded service did not start or stop; the message is one line and says where its log is."""


def socket_folder(folder: Path) -> Path:
    """Where the services of this folder put their sockets: into it, or, where its path is long or odd,
    into one with a short name. The same answer in every process; nothing is made here."""
    path = os.fsencode(folder)
    if len(path) + len(LONGEST_NAME) <= LONGEST_SOCKET and re.fullmatch(rb"[\w/.+-]+", path):
        return folder
    return SHORT_PLACE / f"semblance-{hashlib.sha256(path).hexdigest()[:16]}"


def make_socket_folder(sockets: Path, folder: Path) -> None:
    """Make the folder of the sockets. Raises ServiceError where somebody else has put something there.

    `folder` is the services' own folder, made already: whoever owns that one owns the sockets.
    """
    sockets.mkdir(mode=0o711, exist_ok=True)
    found = sockets.lstat()
    if sockets.is_symlink() or found.st_uid != folder.stat().st_uid or found.st_mode & 0o022:
        raise ServiceError(f"{sockets} was made by another user; it must be removed first")


def keep_small(log: Path) -> None:
    """Put a log that has grown large aside, in place of the one put aside before."""
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_name(log.name + ".old"))


def last_line(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it gave no reason"
