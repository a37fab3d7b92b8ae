"""`python -m model ...` as a process group of its own, which never outlives who started it.

No database, no tables: only processes, pipes and files.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from django.conf import settings

from annotate.training.run_files import last_lines

COMMAND = [sys.executable, "-m", "model"]
# As `torchrun`: several processes as one, on this machine alone, by a port of their own.
TOGETHER = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
# Time for the model to write what it has in hand, before it is killed; then for what torchrun started.
STOP_SECONDS = 4.0
GONE_SECONDS = 3.0
REASON_LINES = 12
SAID_LINES = 80

_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    # Whatever ends the worker (kill -9 too) must free the GPU's memory. Runs between fork and exec.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class ModelProcess:
    """One command of the network. Its standard output is read here, its standard error goes to `log`.

    `gpus` are the only ones that it sees (None: as this process does); `processes` of it work as one.
    """

    def __init__(
        self, arguments: Sequence[str], *, log: Path, gpus: Sequence[str] | None = None, processes: int = 1
    ) -> None:
        self._log = log
        self._log_start = log.stat().st_size if log.exists() else 0
        command = COMMAND if processes == 1 else [*TOGETHER, str(processes), *COMMAND[1:]]
        seen = {} if gpus is None else {"CUDA_VISIBLE_DEVICES": ",".join(gpus)}
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [*command, *arguments],
                cwd=settings.BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                preexec_fn=_die_with_parent,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **seen},
            )
        assert self._process.stdout is not None
        self._out = self._process.stdout.fileno()
        os.set_blocking(self._out, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def read_lines(self, seconds: float) -> list[str]:
        """The whole lines that came within `seconds`; returns at the first ones, or when it has ended."""
        if not self._selector.get_map():
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
            return []
        if not self._selector.select(seconds) and self._process.poll() is None:
            return []
        try:
            chunk = os.read(self._out, 1 << 16)
        except BlockingIOError:
            # It has ended, and something that it left behind keeps the pipe open.
            chunk = b""
        if not chunk:
            self._selector.unregister(self._out)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if not chunk and self._rest:
            lines, self._rest = [*lines, self._rest], b""
        return [line.decode(errors="replace") for line in lines]

    @property
    def returncode(self) -> int | None:
        """None while it runs, or while there is still something to read."""
        if self._selector.get_map():
            return None
        return self._process.poll()

    @property
    def was_killed(self) -> bool:
        """Whether it ended by no doing of its own: it may well come through another time."""
        if self._process.returncode == -signal.SIGKILL:
            return True
        # torchrun lives on when one of its processes is killed, ends the others and says so.
        return bool(self._process.returncode) and any(
            re.match(rf"\s*exitcode\s*: -{signal.SIGKILL:d}\b", line) for line in self._said()
        )

    def reason(self) -> str:
        """Why it failed: what it said last."""
        if self.was_killed:
            return "It was killed. Most often the machine had no memory left: the system's log says more."
        said = self._said()
        # The last line of all but torchrun, which has more to say after its processes.
        for line in reversed(said):
            if line.startswith("error: "):
                return line.removeprefix("error: ")
        last = "\n".join(said[-REASON_LINES:])
        return last or f"It ended with status {self._process.returncode} and said nothing."

    def _said(self) -> list[str]:
        return last_lines(self._log, SAID_LINES, since=self._log_start)

    def stop(self) -> None:
        """End the whole group, gently first. Returns when nothing of it runs."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        # Also what the command itself may have left behind.
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._await_the_last()
        self._selector.close()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _await_the_last(self) -> None:
        """Wait for those that torchrun started, which die with it: the last one's death ends the pipe."""
        until = time.monotonic() + GONE_SECONDS
        while self._selector.get_map() and time.monotonic() < until:
            if self._selector.select(0.2) and not os.read(self._out, 1 << 16):
                self._selector.unregister(self._out)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def said_in(line: str) -> dict[str, Any]:
    """What a line of the network says: a JSON object, or nothing, since libraries print lines of their own.
    NaN is nothing that a table takes."""
    with suppress(ValueError):
        value = json.loads(line, parse_constant=lambda name: None)
        if isinstance(value, dict):
            return value
    return {}
