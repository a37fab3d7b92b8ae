"""A running `python -m config.supervisor`, for tests that take its parts away."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from config import parts
from config.environment import BASE_DIR
from tests.config.users import bare_environment, eventually


class Supervised:
    """One supervisor in a process group of its own, as a terminal gives it."""

    def __init__(self, state_dir: Path, *arguments: str, **environment: str) -> None:
        self.state_dir = state_dir
        self.said = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "config.supervisor", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            cwd=BASE_DIR, env=bare_environment(SEMBLANCE_STATE_DIR=str(state_dir), **environment),
            start_new_session=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.said += line

    def says(self, pattern: str, seconds: float = 120) -> re.Match[str]:
        """Wait until its output matches."""
        eventually(lambda: re.search(pattern, self.said) or self.process.poll() is not None, seconds)
        match = re.search(pattern, self.said)
        assert match, self.said
        return match

    @property
    def port(self) -> int:
        return int(self.says(r"http://127\.0\.0\.1:(\d+)/")[1])

    def page(self, path: str) -> int:
        """The status with which it answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=120) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def end(self, signum: signal.Signals) -> int:
        """Send a signal to the whole process group, as Ctrl-C does. Returns the exit status."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signum)
        status = self.process.wait(90)
        self._reader.join(10)
        return status


def processes(state_dir: Path) -> dict[str, list[psutil.Process]]:
    """The processes of each part that live on this state folder, the first one of a part first."""
    found: dict[str, list[psutil.Process]] = {}
    for process in sorted(psutil.process_iter(), key=lambda process: process.pid):
        with suppress(psutil.Error, OSError):
            if process.environ().get(parts.MARK) == str(state_dir):
                line = " ".join(process.cmdline())
                name = next(
                    (name for name, command in parts.COMMANDS.items() if " ".join(command) in line), line
                )
                found.setdefault(name, []).append(process)
    return found


@contextlib.contextmanager
def held_port() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]
