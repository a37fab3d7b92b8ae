"""Looks at a run in a running installation all along, and says at the end whether what it saw can be true."""

from __future__ import annotations

import re
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg2
import requests

POSSIBLE = {
    "queued": {"queued", "running", "cancelled"},
    # Back to the queue: its worker was lost, or its training killed.
    "running": {"running", "queued", "cancelling", "succeeded", "failed"},
    "cancelling": {"cancelling", "cancelled"},
    "cancelled": {"cancelled"},
    "failed": {"failed"},
    "succeeded": {"succeeded"},
}
# A minute of silence, half a minute until beat asks again, and slack for a busy machine.
SILENCE_SECONDS = 60 + 30 + 20
ROW = """
    SELECT r.state, r.losses, r.stage, r.progress, r.events, r.error,
        extract(epoch FROM now() - r.heartbeat_at),
        (SELECT count(*) FROM training_modelversion v WHERE v.run_id = r.id)
    FROM training_run r WHERE r.id = %s
"""


def training(run: int) -> list[psutil.Process]:
    """The processes that train a run now."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            line = process.cmdline()
            if "train" in line and any(re.search(rf"/run-{run}-\d+/checkpoint$", word) for word in line):
                found.append(process)
    alive = [p for p in found if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    # What decodes pictures for it is a fork of it, with the same command line.
    pids = {process.pid for process in alive}
    return [process for process in alive if _parent(process) not in pids]


def _parent(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return process.ppid()
    return 0


class Onlooker:
    """`states` are those that it saw, each once in a row; `lies` is what could not have been."""

    def __init__(self, url: str, page: str, session: requests.Session, run: int) -> None:
        self.states: list[str] = []
        self.lies: list[str] = []
        self.pages = self.rows = 0
        self._row: tuple = ("queued", 0, "", 0.0, [], "", 0, 0)
        self._run, self._page, self._session = run, page, session
        self._database = psycopg2.connect(url)
        self._database.autocommit = True
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Onlooker:
        self.look()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()
        self._database.close()

    @property
    def state(self) -> str:
        return self._row[0]

    @property
    def losses(self) -> int:
        return self._row[1]

    @property
    def error(self) -> str:
        return self._row[5]

    @property
    def epochs(self) -> list[int]:
        """Those that its curve has points of."""
        return [event["epoch"] for event in self._row[4] if event["kind"] == "epoch"]

    @property
    def versions(self) -> int:
        return self._row[7]

    def _look(self) -> None:
        while not self._over.wait(0.25):
            self.look()
            if self.rows % 4 == 0:
                self._look_at_the_page()

    def look(self) -> None:
        """Read the row, and hold it against the one before."""
        with self._database.cursor() as cursor:
            cursor.execute(ROW, [self._run])
            row = cursor.fetchone()
        before, self._row, self.rows = self._row, row, self.rows + 1
        if not self.states or self.states[-1] != row[0]:
            self.states.append(row[0])
        self._must(row[0] in POSSIBLE[before[0]], f"{before[0]} became {row[0]}")
        self._must(row[1] >= before[1], f"losses fell from {before[1]} to {row[1]}")
        self._must(0 <= row[3] <= 1, f"progress is {row[3]}")
        self._must(row[7] == (row[0] == "succeeded"), f"{row[0]} with {row[7]} versions")
        self._must(bool(row[5]) == (row[0] == "failed"), f"{row[0]} with error {row[5]!r}")
        self._must(self.epochs == sorted(set(self.epochs)), f"epochs came as {self.epochs}")
        if row[0] == "running":
            self._must(row[6] < SILENCE_SECONDS, f"running without a sign of life for {row[6]} s")
        if self.rows % 8 == 0:
            alive = len(training(self._run))
            self._must(alive <= 1, f"{alive} processes train it")

    def _look_at_the_page(self) -> None:
        """What it says was so when it was asked for, or became so until it answered."""
        before = self.state
        with suppress(requests.ConnectionError):
            answer = self._session.get(self._page, timeout=60)
            self.look()
            shown = re.search(r'<h1>.*?class="badge[^"]*">\s*([a-z]+)\s*<', answer.text, re.DOTALL)
            self._must(answer.status_code == 200 and shown is not None, f"the page said {answer.status_code}")
            if shown:
                self.pages += 1
                self._must(shown[1] in (before, self.state), f"{shown[1]} on the page, {before} in truth")

    def _must(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.lies.append(f"{time.strftime('%H:%M:%S')} {otherwise}")

    def wait_for(self, condition, seconds: float) -> None:
        """Wait until what it sees meets this."""
        until = time.monotonic() + seconds
        while not condition(self):
            assert time.monotonic() < until, f"it did not come: {self.states}, {self._row}"
            time.sleep(0.1)


def weights(folder: Path) -> dict[str, bytes]:
    """All tensors of a run's checkpoint, as they lie on disk."""
    return {path.name: path.read_bytes() for path in (folder / "checkpoint").glob("*.safetensors")}
