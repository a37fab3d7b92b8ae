"""Reads the environment: every variable that Semblance knows, each checked, each failing loudly.

Standard library and environs only, so that the supervisor can read it before Django is set up.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from environs import Env, validate

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent


def state_dir() -> Path:
    """The folder for everything that this installation keeps (SEMBLANCE_STATE_DIR, default var/)."""
    return Path(env.str("SEMBLANCE_STATE_DIR", str(BASE_DIR / "var"))).resolve()


def database_url() -> str | None:
    """DATABASE_URL, or None when the embedded PostgreSQL is to be used."""
    return env.str(
        "DATABASE_URL",
        None,
        validate=validate.Regexp(r"^postgres(ql)?://", error="DATABASE_URL must start with postgresql://"),
    )


def redis_url() -> str | None:
    """REDIS_URL, or None when the embedded Redis is to be used."""
    return env.str(
        "REDIS_URL",
        None,
        validate=validate.Regexp(
            r"^(rediss?|redis\+socket)://",
            error="REDIS_URL must start with redis://, rediss:// or redis+socket://",
        ),
    )


def secret_key() -> str:
    """SECRET_KEY, or a random one made once and kept in the state folder, readable by its owner only."""
    given = env.str("SECRET_KEY", None, validate=validate.Length(min=32, error="SECRET_KEY is too short"))
    if given:
        return given
    path = state_dir() / "secret_key"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x") as file:
            path.chmod(0o600)
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    return path.read_text()
