"""Processes that use the embedded services, for tests that kill them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from config.environment import BASE_DIR
from config.services import EmbeddedServices

# Acquires, says so, then does what each line of its standard input says. It ends when that closes.
PROGRAM = """
import sys, os, signal
from pathlib import Path
from config.services import EmbeddedServices, ServiceError
exec(sys.argv[2])
services = EmbeddedServices(Path(sys.argv[1]))
try:
    services.acquire()
except ServiceError as error:
    sys.exit(str(error))
print("ready", flush=True)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""


def bare_environment(**more: str) -> dict[str, str]:
    """The environment of this test session, without what points at its own services."""
    ours = ("DATABASE_URL", "REDIS_URL", "SEMBLANCE_STATE_DIR", "SECRET_KEY", "DJANGO_SETTINGS_MODULE")
    return {**{name: value for name, value in os.environ.items() if name not in ours}, **more}


class User:
    """One process that uses the services of a state folder."""

    def __init__(self, state_dir: Path, *, first: str = "", **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(state_dir), first],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=BASE_DIR, env=bare_environment(**environment), start_new_session=True,
        )  # fmt: skip

    def ready(self) -> User:
        """Return when it has acquired the services."""
        assert self.process.stdout.readline() == "ready\n", self.process.stderr.read()
        return self

    def do(self, statement: str) -> None:
        """Have it execute one line of Python, with `services` at hand."""
        self.process.stdin.write(statement + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n", self.process.stderr.read()

    def leave(self) -> None:
        """End it in good order."""
        _, errors = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, errors

    def kill(self) -> None:
        """End it as the kernel would."""
        self.process.kill()
        self.process.communicate()


def servers(state_dir: Path) -> dict[str, int]:
    """The pids of the PostgreSQL and Redis servers that live on this state folder, by program name."""
    found = {}
    services = EmbeddedServices(state_dir)
    for process in psutil.process_iter(["name"]):
        with suppress(psutil.Error, OSError):
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            line = process.cmdline()
            if process.info["name"] == "postgres" and str(services.postgresql.data) in line:
                assert "postgres" not in found, "two servers on one data folder"
                found["postgres"] = process.pid
            if process.info["name"] == "redis-server" and process.cwd() == str(services.redis.data):
                assert "redis" not in found, "two servers on one data folder"
                found["redis"] = process.pid
    return found


def leftovers(state_dir: Path) -> list[str]:
    """Live processes and sockets of a state folder: nothing, where everything was stopped."""
    services = EmbeddedServices(state_dir)
    data = str(services.postgresql.data)
    processes = [f"{name} {pid}" for name, pid in servers(state_dir).items()]
    for process in psutil.process_iter(["name"]):
        with suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE and process.cwd() == data:
                processes.append(f"{process.info['name']} {process.pid}")
    folders = {services.folder, services.sockets}
    sockets = [str(path) for folder in folders for path in folder.rglob("*") if path.is_socket()]
    return processes + sockets


def eventually(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
