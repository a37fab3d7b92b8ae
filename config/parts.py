"""The processes of an installation, as `make run` starts them. docker-compose.yml starts the same ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from config import environment
from config.embedded import keep_small

STOP_SECONDS = 15
# A part that dies again at once is restarted ever more slowly, so that its log stays readable.
LONGEST_PAUSE_SECONDS = 30.0
HEALTHY_SECONDS = 60
# Marks every process of an installation with its state folder, so that none is left behind unseen.
MARK = "SEMBLANCE_PART_OF"

# Celery would wait for a running task on SIGTERM; SIGQUIT hands it back to the queue.
ENVIRONMENT = {"REMAP_SIGTERM": "SIGQUIT"}
GUNICORN = [
    "gunicorn", "config.wsgi", "--workers", "2", "--threads", "8", "--graceful-timeout", "10",
    # Heartbeats in memory: on a busy disk they would stall, and the worker be taken for dead.
    *(["--worker-tmp-dir", "/dev/shm"] if Path("/dev/shm").is_dir() else []),  # noqa: S108
    # Its place is one per user of the machine, and nobody uses it here.
    "--no-control-socket",
]  # fmt: skip
CELERY = ["celery", "-A", "config.celery"]
COMMANDS = {
    "web": GUNICORN,
    "worker-cpu": [*CELERY, "worker", "-Q", "cpu", "-n", "cpu@%h", "--concurrency", "1"],
    # Nobody who waits for an answer waits for what the cpu queue has in hand. It keeps networks in memory.
    "worker-quick": [*CELERY, "worker", "-Q", "quick", "-n", "quick@%h", "--concurrency", "1"],
    # One at a time: two trainings would fight for the memory of one GPU.
    "worker-gpu": [*CELERY, "worker", "-Q", "gpu", "-n", "gpu@%h", "--concurrency", "1"],
    "beat": [*CELERY, "beat", "--pidfile", ""],
}


@dataclass
class Part:
    """One process that is kept running."""

    name: str
    command: list[str]
    log: Path
    environment: dict[str, str]
    inherited: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    pause: float = 0.5
    start_at: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        """Start it. Raises OSError where that fails."""
        keep_small(self.log)
        with self.log.open("ab") as out:
            # A session of its own: Ctrl-C reaches only the supervisor, which stops its parts in order.
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                cwd=environment.BASE_DIR, env=self.environment, pass_fds=self.inherited,
            )  # fmt: skip
        self.start_at = time.monotonic()

    def keep_running(self) -> str | None:
        """Start it when it is due. Returns what to tell the user, when it has ended."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.start_at:
                self.start()
        elif self.process.poll() is not None:
            lived = now - self.start_at
            self.pause = 1.0 if lived > HEALTHY_SECONDS else min(self.pause * 2, LONGEST_PAUSE_SECONDS)
            status, self.process, self.start_at = self.process.returncode, None, now + self.pause
            return f"{self.name} ended (status {status}; see {self.log}), starting it again"
        return None

    def ask_to_stop(self) -> None:
        """Begin its orderly end."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def stop(self, deadline: float) -> None:
        """Return when it has ended, if need be by force."""
        if self.process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.1, deadline - time.monotonic()))
        # Also the children of one that was killed.
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def parts(listener: int, state_dir: Path, logs: Path) -> list[Part]:
    """All of them; the web server takes over the listening socket with this number."""
    return [
        Part(
            name,
            [sys.executable, "-m", *command, *(["--bind", f"fd://{listener}"] if name == "web" else [])],
            logs / f"{name}.log",
            marked(state_dir),
            inherited=(listener,) if name == "web" else (),
        )
        for name, command in COMMANDS.items()
    ]


def marked(state_dir: Path) -> dict[str, str]:
    """The environment of a process that must not outlive the supervisor of this state folder."""
    return {**os.environ, **ENVIRONMENT, MARK: str(state_dir)}


def stop_all(running: list[Part]) -> None:
    """Stop them side by side: the web server finishes its requests, the workers hand back their tasks."""
    for part in running:
        part.ask_to_stop()
    deadline = time.monotonic() + STOP_SECONDS
    for part in running:
        part.stop(deadline)


def end_left_over(state_dir: Path) -> int:
    """End the processes that a killed supervisor of this state folder left. Returns how many there were."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == str(state_dir):
                process.terminate()
                found.append(process)
    _, alive = psutil.wait_procs(found, timeout=STOP_SECONDS)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    return len(found)
