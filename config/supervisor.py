"""`make run` and `make demo`: starts everything, restarts what dies, and stops it all on Ctrl-C.

    python -m config.supervisor [--demo] [--port 8000]

Django is not imported here: each part is a process of its own, given the services' URLs.
"""

from __future__ import annotations

import argparse
import fcntl
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from config import environment, parts
from config.embedded import ServiceError
from config.environment import BadVariable
from config.parts import Part
from config.services import EmbeddedServices, use_services

LOOK_SECONDS = 1.0
WEB_SECONDS = 60
HOST = "127.0.0.1"

# Set by Ctrl-C, SIGTERM and a closed terminal. Everything that waits here waits for it.
stopping = threading.Event()


class Stopped(Exception):
    """The user wants it to stop."""


class CommandFailed(Exception):
    """A manage.py command failed, and has said why."""


def say(text: str) -> None:
    # Its reader may be gone (a closed terminal, `| head`): that is no reason to leave processes behind.
    with suppress(OSError, ValueError):
        print(text, flush=True)


def pause(seconds: float) -> None:
    """Wait. Raises Stopped as soon as the user wants it to stop."""
    if stopping.wait(seconds):
        raise Stopped


def open_listener(wanted: int) -> socket.socket:
    """Listen on `wanted`, or on the next port above it that is free.

    The socket stays open here and the web server inherits it: nobody can take the port in between, and
    visitors who come while the web server restarts wait instead of being refused.

    Raises OSError when none of a hundred ports is free.
    """
    for port in range(wanted, min(wanted + 100, 65536)):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen(128)
        except OSError:
            listener.close()
        else:
            return listener
    raise OSError(f"no port from {wanted} to {wanted + 99} is free")


def manage(state_dir: Path, *arguments: str) -> None:
    """Run one manage.py command. Raises CommandFailed, ServiceError when it was killed, or Stopped."""
    command = [sys.executable, str(environment.BASE_DIR / "manage.py"), *arguments]
    process = subprocess.Popen(command, start_new_session=True, env=parts.marked(state_dir))
    try:
        while process.poll() is None:
            pause(0.1)
    except Stopped:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(parts.STOP_SECONDS)
        raise
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode < 0:
        raise ServiceError(f"manage.py {arguments[0]} was killed (signal {-process.returncode})")
    if process.returncode > 0:
        raise CommandFailed


def check_redis() -> None:
    """Raises ServiceError when the Redis of REDIS_URL does not answer: Celery alone would wait for ever."""
    import redis

    url = os.environ["REDIS_URL"].replace("redis+socket://", "unix://", 1)
    try:
        redis.Redis.from_url(url, socket_connect_timeout=10, socket_timeout=10).ping()
    except (redis.RedisError, ValueError) as error:
        raise ServiceError(f"The Redis that REDIS_URL names does not answer: {error}") from None


@contextmanager
def only_one(state_dir: Path) -> Iterator[None]:
    """Two supervisors of one state folder would run every worker twice. Raises ServiceError."""
    with (state_dir / "supervisor.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServiceError(
                f"it is running already on {state_dir}; stop it first (Ctrl-C where it runs)"
            ) from None
        yield


def wait_for_web(web: Part, port: int) -> None:
    """Return when the web server answers. Raises ServiceError if it does not."""
    deadline = time.monotonic() + WEB_SECONDS
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(HOST, port, timeout=5)
        with suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/")
            connection.getresponse()
            return
        connection.close()
        if web.keep_running():
            raise ServiceError(f"the web server ended at once; see {web.log}")
        pause(0.2)
    raise ServiceError(f"the web server did not answer; see {web.log}")


def keep_running(running: list[Part], services: EmbeddedServices | None) -> None:
    """Look after the parts and the embedded services until a signal comes. Raises Stopped."""
    complaint = ""
    while True:
        for part in running:
            news = part.keep_running()
            if news:
                say(news)
        if services is not None:
            try:
                services.revive()
                complaint = ""
            except ServiceError as error:
                # It is tried again each second, but said once.
                if str(error) != complaint:
                    complaint = str(error)
                    say(complaint)
        pause(LOOK_SECONDS)


def prepare(state_dir: Path, *, demo: bool) -> EmbeddedServices | None:
    """Everything that must stand before the parts start. Returns the embedded services, if they are used."""
    say("Starting PostgreSQL and Redis ...")
    services = use_services()
    check_redis()
    manage(state_dir, "migrate", "--verbosity", "0")
    manage(state_dir, "collectstatic", "--noinput", "--verbosity", "0")
    if demo:
        manage(state_dir, "load_demo")
    return services


def supervise(state_dir: Path, *, demo: bool, port: int) -> None:
    """Start everything, say where it is, and keep it running. Raises Stopped when it is to end."""
    logs = state_dir / "log"
    logs.mkdir(mode=0o700, exist_ok=True)
    if parts.end_left_over(state_dir):
        say("Ended what an earlier run had left behind.")
    running: list[Part] = []
    try:
        services = prepare(state_dir, demo=demo)
        with open_listener(port) as listener:
            running = parts.parts(listener.fileno(), state_dir, logs)
            for part in running:
                part.start()
            chosen = listener.getsockname()[1]
            wait_for_web(running[0], chosen)
            greet(state_dir, chosen, logs, demo=demo)
            keep_running(running, services)
    finally:
        parts.stop_all(running)
        parts.end_left_over(state_dir)


def greet(state_dir: Path, port: int, logs: Path, *, demo: bool) -> None:
    """Print the address and how to log in."""
    shown = logs.relative_to(Path.cwd()) if logs.is_relative_to(Path.cwd()) else logs
    say(f"\nSemblance is at http://{HOST}:{port}/   (Ctrl-C stops it; logs are in {shown})")
    manage(state_dir, *(["load_demo", "--logins"] if demo else ["greet"]))


def _ask_to_stop(signum: int, frame: FrameType | None) -> None:
    stopping.set()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m config.supervisor", description=__doc__)
    parser.add_argument("--demo", action="store_true", help="load the demo first, if it is not there yet")
    parser.add_argument("--port", type=int, default=8000, help="the first port to try (default 8000)")
    arguments = parser.parse_args()
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _ask_to_stop)
    try:
        state_dir = environment.state_dir()
        with only_one(state_dir):
            supervise(state_dir, demo=arguments.demo, port=arguments.port)
    except Stopped:
        say("\nStopped.")
    except CommandFailed:
        sys.exit(1)
    except (BadVariable, ServiceError, OSError) as error:
        sys.exit(f"Semblance could not start: {error}")


if __name__ == "__main__":
    main()
