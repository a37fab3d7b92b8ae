"""`make run` and `make demo`: starts everything, restarts what dies, and stops it all on Ctrl-C.

    python -m config.supervisor [--demo] [--port 8000]

Django is not imported here: each part is a process of its own, given the services' URLs.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from config import environment
from config.services import EmbeddedServices, ServiceError, use_services

STOP_SECONDS = 15
LOOK_SECONDS = 1.0
# A part that dies again at once is restarted ever more slowly, so that its log stays readable.
LONGEST_PAUSE_SECONDS = 30.0


@dataclass
class Part:
    """One process that is kept running."""

    name: str
    command: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    pause: float = 1.0
    start_at: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        with self.log.open("ab") as out:
            # A session of its own: Ctrl-C reaches only the supervisor, which stops its parts in order.
            self.process = subprocess.Popen(
                self.command, stdout=out, stderr=out, start_new_session=True, env=self._environment()
            )
        self.start_at = time.monotonic()

    def _environment(self) -> dict[str, str]:
        # Celery would wait for a running task on SIGTERM; SIGQUIT hands it back to the queue.
        return {**os.environ, "REMAP_SIGTERM": "SIGQUIT"}

    def keep_running(self) -> None:
        now = time.monotonic()
        if self.process is None:
            if now >= self.start_at:
                self.start()
        elif self.process.poll() is not None:
            lived = now - self.start_at
            self.pause = 1.0 if lived > 60 else min(self.pause * 2, LONGEST_PAUSE_SECONDS)
            say(f"{self.name} ended (status {self.process.returncode}; see {self.log}), starting it again")
            self.process, self.start_at = None, now + self.pause

    def stop(self) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def ask_to_stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()


def say(text: str) -> None:
    print(text, flush=True)


def parts(port: int, logs: Path) -> list[Part]:
    """The processes of an installation; docker-compose.yml starts the same ones."""
    python = [sys.executable, "-m"]
    celery = [*python, "celery", "-A", "config.celery"]
    commands = {
        "web": [
            *python, "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}",
            "--workers", "2", "--threads", "8", "--access-logfile", "-",
        ],
        "worker-cpu": [*celery, "worker", "-Q", "cpu", "-n", "cpu@%h", "--concurrency", "1"],
        "worker-gpu": [*celery, "worker", "-Q", "gpu", "-n", "gpu@%h", "--concurrency", "1"],
        "beat": [*celery, "beat", "--pidfile", ""],
    }  # fmt: skip
    return [Part(name, command, logs / f"{name}.log") for name, command in commands.items()]


def free_port(wanted: int) -> int:
    """`wanted`, or the next port above it that nobody listens on.

    Raises OSError when none of the next hundred is free.
    """
    for port in range(wanted, wanted + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"No free port between {wanted} and {wanted + 99}")


def manage(*arguments: str) -> None:
    """Run one manage.py command. Raises subprocess.CalledProcessError when it fails."""
    subprocess.run([sys.executable, str(environment.BASE_DIR / "manage.py"), *arguments], check=True)


@contextmanager
def only_one(state_dir: Path) -> Iterator[None]:
    """Two supervisors of one state folder would run every worker twice."""
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / "supervisor.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"Semblance is running already on {state_dir}; stop it first (Ctrl-C where it runs).")
        yield


class _Stop(Exception):
    """Ctrl-C or SIGTERM."""


def _raise_stop(signum: int, frame: FrameType | None) -> None:
    # Once is enough: a second Ctrl-C must not break off the orderly stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Stop


def wait_for_web(web: Part, port: int) -> None:
    """Return when the web server accepts connections. Raises ServiceError if it does not."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        web.keep_running()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise ServiceError(f"The web server did not start; see {web.log}")


def keep_running(running: list[Part], services: EmbeddedServices | None) -> None:
    """Look after the parts and the embedded services until a signal comes."""
    while True:
        for part in running:
            part.keep_running()
        if services is not None:
            try:
                services.revive()
            except ServiceError as error:
                say(str(error))
        time.sleep(LOOK_SECONDS)


def supervise(*, demo: bool, port: int) -> None:
    """Start everything, say where it is, and keep it running until Ctrl-C or SIGTERM."""
    state_dir = environment.state_dir()
    logs = state_dir / "log"
    logs.mkdir(parents=True, exist_ok=True)
    running: list[Part] = []
    try:
        say("Starting PostgreSQL and Redis ...")
        services = use_services()
        manage("migrate", "--verbosity", "0")
        manage("collectstatic", "--noinput", "--verbosity", "0")
        if demo:
            manage("load_demo")
        port = free_port(port)
        running = parts(port, logs)
        for part in running:
            part.start()
        wait_for_web(running[0], port)
        greet(port, demo=demo)
        keep_running(running, services)
    except _Stop:
        say("\nStopping ...")
    finally:
        for part in running:
            part.ask_to_stop()
        for part in running:
            part.stop()


def greet(port: int, *, demo: bool) -> None:
    """Print the address and how to log in."""
    say(f"\nSemblance is at http://127.0.0.1:{port}/   (Ctrl-C stops it; logs are in var/log)")
    if demo:
        manage("load_demo", "--logins")
    else:
        manage("greet")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m config.supervisor", description=__doc__)
    parser.add_argument("--demo", action="store_true", help="load the demo first, if it is not there yet")
    parser.add_argument("--port", type=int, default=8000, help="the first port to try (default 8000)")
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, _raise_stop)
    signal.signal(signal.SIGTERM, _raise_stop)
    with only_one(environment.state_dir()):
        try:
            supervise(demo=arguments.demo, port=arguments.port)
        except (ServiceError, OSError, subprocess.CalledProcessError) as error:
            sys.exit(f"Semblance could not start: {error}")


if __name__ == "__main__":
    main()
