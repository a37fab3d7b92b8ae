"""Makes docs/screenshots: every page on a desktop and on a phone, light and dark, of a demo of its own.

    python -m tests.browser.screenshots [page ...]

The demo is made anew, in a folder that is removed afterwards; it is the same each time, but for dates. A font
with Chinese characters must be there (Debian: fonts-wqy-microhei).
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django

from config import environment
from config.services import use_services

FOLDER = environment.BASE_DIR / "docs" / "screenshots"
# Nothing of an installation that is there may be touched.
NOT_HERE = ("DATABASE_URL", "REDIS_URL", "FACES_DIR", "SNAPSHOTS_DIR", "RUNS_DIR", "STATIC_DIR", "HTTPS_ONLY")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def own_services() -> Iterator[Path]:
    """PostgreSQL and Redis in a folder of their own, with Django set up upon them."""
    state_dir = Path(tempfile.mkdtemp(prefix="semblance-screenshots-"))
    for name in NOT_HERE:
        os.environ.pop(name, None)
    os.environ |= {
        "SEMBLANCE_STATE_DIR": str(state_dir),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        # The pages that send mail are there only where mail can be sent.
        "EMAIL_HOST": "mail.invalid",
        # Playwright's event loop runs in this thread; Django would take our own queries for a mistake.
        "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
    }
    services = use_services()
    try:
        django.setup()
        yield state_dir
    finally:
        django.db.connections.close_all()
        if services is not None:
            services.release()
        shutil.rmtree(state_dir, ignore_errors=True)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Broken off."))
    began, wanted = time.monotonic(), set(sys.argv[1:])
    with own_services() as state_dir:
        # These need Django to be set up.
        from tests.browser import photographer
        from tests.web import WebServer

        values = photographer.load(say)
        FOLDER.mkdir(parents=True, exist_ok=True)
        with WebServer(state_dir / "web.log") as server:
            address = "http://{}:{}".format(*server.address)
            made = photographer.photograph(address, values, FOLDER, wanted, say)
    if not wanted:
        for path in sorted({*FOLDER.iterdir()} - made):
            say(f"removed {path.name}: there is no such page any more")
            path.unlink()
    size = sum(path.stat().st_size for path in made) / 1e6
    say(f"{len(made)} pictures, {size:.1f} MB, in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
