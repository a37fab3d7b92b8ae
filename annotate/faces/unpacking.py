"""Unpacks a zip of pictures that a stranger may have made: looked through first, then written. No Django.

Nothing is written outside the target, no link is made, and nothing grows beyond what was announced.
"""

from __future__ import annotations

import lzma
import posixpath
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from annotate.faces.image_names import relative_name
from annotate.faces.problems import BadRow, ImportFailed, quoted

GIGABYTE = 1 << 30
# Pictures are compressed already: what shrinks so much is none.
MOST_RATIO = 100
RATIO_COUNTS_FROM = 1 << 20
CHUNK = 1 << 20
ENCRYPTED = 0x1


@dataclass(frozen=True)
class Limits:
    """How much an archive may hold."""

    entries: int = 200_000
    entry_bytes: int = GIGABYTE
    total_bytes: int = 50 * GIGABYTE


def unpack(
    archive: Path,
    into: Path,
    *,
    suffixes: frozenset[str],
    flat: bool = False,
    limits: Limits = Limits(),
    name: str = "",
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> int:
    """Write the files with these suffixes into the folder `into`, which is made; returns how many.

    A folder that holds all of them is left out of their names, and with `flat` every folder is. Hidden
    files are passed over. `name` is the archive's in messages. Raises ImportFailed, where the archive is
    torn, encrypted, too large or names anything outside itself; what was written is removed then.
    """
    name = name or archive.name
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _members(opened, name, suffixes, limits)
            targets = _targets(members, name, flat)
            _check_room(members, into.parent, name)
            into.mkdir(parents=True)
            for done, (member, target) in enumerate(targets, 1):
                _write(opened, member, into / target, name)
                progress(done, len(targets))
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, ValueError) as error:
        shutil.rmtree(into, ignore_errors=True)
        raise ImportFailed(
            f"{name} is no whole zip archive ({error}). Make it again and send it again."
        ) from error
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise
    return len(targets)


def _members(
    opened: zipfile.ZipFile, name: str, suffixes: frozenset[str], limits: Limits
) -> list[zipfile.ZipInfo]:
    """Those that are wanted. Every entry is looked at: one bad one says enough of the rest."""
    entries = opened.infolist()
    if len(entries) > limits.entries:
        raise ImportFailed(
            f"{name} has {len(entries):,} entries; {limits.entries:,} are the most. Send it in parts."
        )
    total = 0
    for entry in entries:
        _check(entry, name, limits)
        total += entry.file_size
    if total > limits.total_bytes:
        raise ImportFailed(
            f"{name} would unpack to {_size(total)}; {_size(limits.total_bytes)} are the most. "
            "Send it in parts."
        )
    wanted = [entry for entry in entries if not entry.is_dir() and _is_wanted(entry.filename, suffixes)]
    if not wanted:
        raise ImportFailed(f"{name} holds no picture (.jpg, .png, .webp, .bmp or .tiff).")
    return wanted


def _check(entry: zipfile.ZipInfo, name: str, limits: Limits) -> None:
    shown = quoted(entry.filename)
    if entry.flag_bits & ENCRYPTED:
        raise ImportFailed(f"{name} is encrypted ({shown}). Make it without a password.")
    try:
        if "\\" in entry.filename or entry.filename[1:2] == ":":
            raise BadRow(f"{shown} leads outside the folder; a path relative to it is needed")
        relative_name(entry.filename)
    except BadRow as error:
        raise ImportFailed(f"{name} can not be unpacked: {error}.") from error
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ImportFailed(f"{name} can not be unpacked: {shown} is a link or a device, no file.")
    if entry.file_size > limits.entry_bytes:
        raise ImportFailed(
            f"{name} can not be unpacked: {shown} alone has {_size(entry.file_size)}; "
            f"{_size(limits.entry_bytes)} are the most."
        )
    swollen = entry.file_size > MOST_RATIO * max(entry.compress_size, 1)
    if entry.file_size > RATIO_COUNTS_FROM and swollen:
        raise ImportFailed(
            f"{name} can not be unpacked: {shown} would grow from {_size(entry.compress_size)} to "
            f"{_size(entry.file_size)}, as no picture does."
        )


def _is_wanted(path: str, suffixes: frozenset[str]) -> bool:
    parts = PurePosixPath(path).parts
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return not hidden and PurePosixPath(path).suffix.lower() in suffixes


def _targets(members: list[zipfile.ZipInfo], name: str, flat: bool) -> list[tuple[zipfile.ZipInfo, str]]:
    """Each with its path below the target. Two for one path would hide one another."""
    paths = [posixpath.normpath(member.filename) for member in members]
    folder = posixpath.commonpath([posixpath.dirname(path) for path in paths])
    taken: dict[str, str] = {}
    targets = []
    for member, path in zip(members, paths, strict=True):
        target = posixpath.basename(path) if flat else posixpath.relpath(path, folder or ".")
        if target in taken:
            raise ImportFailed(
                f"{name} names {quoted(target)} twice ({quoted(taken[target])} and "
                f"{quoted(member.filename)}). Give one of them another name."
            )
        taken[target] = member.filename
        targets.append((member, target))
    return targets


def _check_room(members: list[zipfile.ZipInfo], folder: Path, name: str) -> None:
    needed, free = sum(member.file_size for member in members), shutil.disk_usage(folder).free
    if needed > free:
        raise ImportFailed(
            f"{name} would unpack to {_size(needed)}, and the server has {_size(free)} left. Make room, or "
            "send it in parts."
        )


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, name: str) -> None:
    left = member.file_size
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with opened.open(member) as source, path.open("xb") as target:
            while chunk := source.read(CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise zipfile.BadZipFile("it is longer than it says")
                target.write(chunk)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError) as error:
        raise ImportFailed(
            f"{quoted(member.filename)} in {name} is damaged ({error}). Make the archive again and send it "
            "again."
        ) from error
    except OSError as error:
        raise ImportFailed(
            f"{quoted(member.filename)} of {name} can not be written: {error.strerror}. Make room on the "
            "server, or give the file another name."
        ) from error


def _size(count: int) -> str:
    for unit, size in (("GB", GIGABYTE), ("MB", 1 << 20), ("KB", 1 << 10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
