"""The embedded PostgreSQL and Redis that stand in where DATABASE_URL and REDIS_URL are not set.

Every process that uses them holds a shared lock on one file. The kernel drops that lock however the
process ends, so whoever leaves and can then lock the file alone was the last user and stops the
services. Nothing of Django may be imported here.
"""

from __future__ import annotations

import atexit
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from config import environment
from config.embedded import ServiceError, make_socket_folder, socket_folder
from config.embedded_postgresql import EmbeddedPostgresql
from config.embedded_redis import EmbeddedRedis

__all__ = ["EmbeddedServices", "ServiceError", "use_services"]


class EmbeddedServices:
    """PostgreSQL and Redis in one state folder, shared by any number of processes.

    `postgresql` and `redis` say which of the two this process needs. Nothing is made or started until
    `acquire`.
    """

    def __init__(self, state_dir: Path, *, postgresql: bool = True, redis: bool = True) -> None:
        self.folder = state_dir / "services"
        self.sockets = socket_folder(self.folder)
        self.postgresql = EmbeddedPostgresql(self.folder / "postgresql", self.sockets / "postgresql")
        self.redis = EmbeddedRedis(self.folder / "redis", self.sockets / "redis")
        wanted = ((self.postgresql, postgresql), (self.redis, redis))
        self._needed = [service for service, needed in wanted if needed]
        self._user_lock: IO[str] | None = None
        self._user_pid = 0

    def acquire(self) -> None:
        """Become a user of the services and start those that are needed and do not run.

        Raises ServiceError when one does not start.
        """
        self._make_folders()
        with self._mutex():
            if self._user_lock is None:
                self._user_lock = (self.folder / "users.lock").open("w")
                self._user_pid = os.getpid()
                fcntl.flock(self._user_lock, fcntl.LOCK_SH)
                atexit.register(self.release)
            self._start()

    def revive(self) -> None:
        """Start again what has died. Cheap when all is well. Raises ServiceError when one does not start."""
        if all(service.is_running() for service in self._needed):
            return
        with self._mutex():
            self._start()

    def release(self) -> bool:
        """Stop being a user; the last one stops the services. Returns whether it was the last."""
        # A forked child shares the lock with its parent, who still uses the services.
        if self._user_lock is None or self._user_pid != os.getpid():
            return False
        atexit.unregister(self.release)
        with self._mutex():
            fcntl.flock(self._user_lock, fcntl.LOCK_UN)
            self._user_lock.close()
            self._user_lock = None
            return self._stop_if_unused()

    def stop_if_unused(self) -> bool:
        """Stop what killed users have left running. Returns False where there is a user still."""
        if not self.folder.exists():
            return True
        with self._mutex():
            return self._stop_if_unused()

    def _make_folders(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o711)
            make_socket_folder(self.sockets, self.folder)
        except OSError as error:
            raise ServiceError(f"The embedded services did not start: {error}") from error

    @contextmanager
    def _mutex(self) -> Iterator[None]:
        # Starting and stopping exclude each other: without this a newcomer could find the services
        # running a moment before the last user stops them.
        with (self.folder / "mutex.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _start(self) -> None:
        for service in self._needed:
            service.start()

    def _stop_if_unused(self) -> bool:
        with (self.folder / "users.lock").open("w") as users:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            # Both, whoever started them: the last user may itself have needed only one.
            self.redis.stop()
            self.postgresql.stop()
        if self.sockets != self.folder:
            for path in (self.redis.sockets, self.postgresql.sockets, self.sockets):
                with suppress(OSError):
                    path.rmdir()
        return True


def use_services() -> EmbeddedServices | None:
    """Start the embedded services that no URL replaces, and put their URLs into the environment.

    Returns the handle, whose `release` also runs at exit, or None when both URLs were given.
    Raises ServiceError when one does not start, BadVariable for a URL that is none.
    """
    postgresql, redis = environment.database_url() is None, environment.redis_url() is None
    if not (postgresql or redis):
        return None
    services = EmbeddedServices(environment.state_dir(), postgresql=postgresql, redis=redis)
    services.acquire()
    if postgresql:
        os.environ["DATABASE_URL"] = services.postgresql.url
    if redis:
        os.environ["REDIS_URL"] = services.redis.url
    return services
