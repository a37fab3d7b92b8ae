"""Reads the environment: every reader checks what it reads and fails with one line that says what to write.

Standard library only, so that the supervisor and manage.py can read it before Django is set up. Which
variables there are stands where they are read: here and in config/settings.py.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY_LENGTH = 32
TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}
# Entered by everybody, listed by its owner: as root, the embedded PostgreSQL runs as another user and
# must get through to its data. What is personal stands in folders of its own that only the owner enters.
STATE_DIR_MODE = 0o711


class BadVariable(Exception):
    """An environment variable has a value that can not be used; the message is one line for the user."""

    def __init__(self, name: str, problem: str, example: str) -> None:
        super().__init__(f"{name} {problem}. For example: {name}={example}")


def text(name: str, default: str = "") -> str:
    """A variable as it stands. One that is set to nothing counts as not set: compose files do that."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool) -> bool:
    """Yes or no. Raises BadVariable for anything else."""
    value = text(name).lower()
    if value in TRUE | FALSE:
        return value in TRUE
    if value:
        raise BadVariable(name, f"is {value!r}, which is neither true nor false", "false")
    return default


def number(name: str, default: int) -> int:
    """A whole number, 0 or more. Raises BadVariable for anything else."""
    value = text(name)
    if value and not (value.isascii() and value.isdigit()):
        raise BadVariable(name, f"is {value!r}, which is not a whole number, 0 or more", str(default))
    return int(value or default)


def words(name: str, default: list[str]) -> list[str]:
    """Words with commas between them."""
    return [word.strip() for word in text(name).split(",") if word.strip()] or default


def choice(name: str, default: str, choices: list[str]) -> str:
    """One of a few words. Raises BadVariable for anything else."""
    value = text(name, default)
    if value not in choices:
        raise BadVariable(name, f"is {value!r}, which is none of {', '.join(choices)}", default)
    return value


def time_zone(name: str, default: str) -> str:
    """A time zone's name as in the IANA database. Raises BadVariable for anything else."""
    value = text(name, default)
    try:
        ZoneInfo(value)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise BadVariable(name, f"is {value!r}, which is no time zone", "Europe/Berlin") from None
    return value


def state_dir() -> Path:
    """The folder for everything that this installation keeps (SEMBLANCE_STATE_DIR, default var/).

    Raises BadVariable when it can neither be found nor made.
    """
    path = Path(text("SEMBLANCE_STATE_DIR", str(BASE_DIR / "var"))).expanduser()
    try:
        path.mkdir(parents=True, exist_ok=True, mode=STATE_DIR_MODE)
        path = path.resolve(strict=True)
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(13, os.strerror(13))
    except OSError as error:
        problem = f"is {path}, which can not be used as a folder to write to ({error.strerror})"
        raise BadVariable("SEMBLANCE_STATE_DIR", problem, "/srv/semblance") from None
    return path


def private_folder(name: str, default: str) -> Path:
    """The folder that a variable names, or one in the state folder, for its owner's eyes only.

    A folder that was named and exists keeps its permissions: a lab may share it with a group on purpose.
    Raises BadVariable when it can not be made.
    """
    path = Path(text(name, str(state_dir() / default))).expanduser()
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not text(name):
            path.chmod(0o700)
    except OSError as error:
        problem = f"is {path}, which can not be made as a folder ({error.strerror})"
        raise BadVariable(name, problem, f"/srv/semblance/{default}") from None
    return path.resolve()


def folder(name: str) -> Path | None:
    """A folder that is there, or None where none is named. Raises BadVariable where it is not there."""
    value = text(name)
    if not value:
        return None
    path = Path(value).expanduser()
    if not path.is_dir():
        raise BadVariable(name, f"is {path}, which is no folder", "/srv/photographs")
    return path.resolve()


def database_url() -> str | None:
    """DATABASE_URL, or None when the embedded PostgreSQL is to be used. Raises BadVariable."""
    name, example = "DATABASE_URL", "postgresql://user:password@host:5432/semblance"
    url = text(name)
    if not url:
        return None
    parts = _parsed(name, url, example)
    if parts.scheme not in ("postgresql", "postgres"):
        raise BadVariable(name, "must start with postgresql:// (Semblance runs on PostgreSQL only)", example)
    if not parts.path.strip("/"):
        raise BadVariable(name, "names no database after the host", example)
    return url


def redis_url() -> str | None:
    """REDIS_URL, or None when the embedded Redis is to be used. Raises BadVariable."""
    name, example = "REDIS_URL", "redis://host:6379/0"
    url = text(name)
    if not url:
        return None
    if _parsed(name, url, example).scheme not in ("redis", "rediss", "redis+socket"):
        raise BadVariable(name, "must start with redis://, rediss:// or redis+socket://", example)
    return url


def _parsed(name: str, url: str, example: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        # The reason would quote the URL, and with it a password.
        raise BadVariable(name, "is no URL", example) from None
    return parts


def secret_key() -> str:
    """SECRET_KEY, or a random one made once and kept in the state folder, readable by its owner only.

    Raises BadVariable when the one given is too short.
    """
    given = text("SECRET_KEY")
    if given:
        if len(given) < SECRET_KEY_LENGTH:
            problem = f"has {len(given)} characters, fewer than {SECRET_KEY_LENGTH}"
            raise BadVariable("SECRET_KEY", problem, "$(openssl rand -base64 48)")
        return given
    return _kept_secret_key(state_dir() / "secret_key")


def _kept_secret_key(path: Path) -> str:
    # Written beside its place and linked into it: of two processes that start at once the first one's
    # key holds, and nobody reads half of it.
    with suppress(FileExistsError):
        if not path.exists():
            with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".secret_key-") as file:
                file.write(secrets.token_urlsafe(50))
                file.flush()
                os.link(file.name, path)
    try:
        return path.read_text()
    except OSError as error:
        raise BadVariable("SECRET_KEY", f"is not set, and {path} can not be read ({error.strerror})",
                          "$(openssl rand -base64 48)") from None  # fmt: skip
