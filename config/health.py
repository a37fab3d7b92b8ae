"""Says whether one part of an installation works: what the containers' health checks run.

    python -m config.health web|worker-cpu|worker-quick|worker-gpu|beat [--port 8000]

Exits with 0 or says what is wrong. Each part is asked for itself: a database that is down for a moment is
no reason to restart the web server.
"""

from __future__ import annotations

import argparse
import http.client
import os
import socket
import sys
import time
from pathlib import Path

from config import parts

SECONDS = 10
# Beat writes its schedule down every three minutes.
BEAT_SECONDS = 600


def web(port: int) -> str | None:
    """What is wrong with the web server, or None."""
    from django.conf import settings

    # As a visitor would call it: any other host is refused, and logged as an attack.
    host = settings.ALLOWED_HOSTS[0].lstrip(".").replace("*", "localhost")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", "/", headers={"Host": host, "X-Forwarded-Proto": "https"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"the web server does not answer: {error}"
    return f"the web server answers with status {status}" if status >= 500 else None


def worker(queue: str) -> str | None:
    """What is wrong with this machine's worker for a queue, or None."""
    from config.celery import app

    name = f"{queue}@{socket.gethostname()}"
    return None if app.control.ping(destination=[name], timeout=SECONDS) else f"{name} does not answer"


def beat() -> str | None:
    """What is wrong with beat, or None."""
    from django.conf import settings

    schedule = Path(settings.CELERY_BEAT_SCHEDULE_FILENAME)
    written = [path.stat().st_mtime for path in schedule.parent.glob(f"{schedule.name}*")]
    if not written or time.time() - max(written) > BEAT_SECONDS:
        return f"beat has not written {schedule} for {BEAT_SECONDS} seconds"
    return None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m config.health", description=__doc__)
    parser.add_argument("part", choices=list(parts.COMMANDS))
    parser.add_argument("--port", type=int, default=8000, help="where the web server listens (default 8000)")
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if arguments.part == "web":
        problem = web(arguments.port)
    elif arguments.part == "beat":
        problem = beat()
    else:
        problem = worker(arguments.part.removeprefix("worker-"))
    sys.exit(problem)


if __name__ == "__main__":
    main()
