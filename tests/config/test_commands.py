"""Commands and the accounts they run under: who stops the services, and who may read what they keep."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from config.environment import BASE_DIR
from config.services import EmbeddedServices
from tests.config.users import bare_environment, leftovers, servers

pytestmark = pytest.mark.timeout(300)
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="shows what root's case needs, and this is not root")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_command_that_is_told_to_end_stops_them(kept_state, signum):
    environment = bare_environment(SEMBLANCE_STATE_DIR=str(kept_state))
    command = [sys.executable, "manage.py", "shell", "-c", "print('in'); import time; time.sleep(60)"]
    with subprocess.Popen(
        command, cwd=BASE_DIR, env={**environment, "PYTHONUNBUFFERED": "1"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        # This session may itself run in a shell's background, where Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:  # fmt: skip
        for line in process.stdout:
            if line == "in\n":
                break
        process.send_signal(signum)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signum
    assert errors == ""
    assert leftovers(kept_state) == []


@pytest.mark.parametrize(
    "command", [["check"], ["makemigrations", "--check", "--dry-run"], ["migrate", "--help"]]
)
def test_commands_that_ask_no_database_start_none(place, command):
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=BASE_DIR, env=bare_environment(SEMBLANCE_STATE_DIR=str(place)), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert done.stderr == ""
    assert not (place / "services").exists()


def mode(path: Path) -> str:
    return oct(path.stat().st_mode & 0o777)


@root_only
def test_as_root_other_users_may_pass_but_not_look(place):
    home = place / "home"
    home.mkdir(mode=0o700)
    state = home / "state"
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", ""],
        cwd=BASE_DIR, env=bare_environment(SEMBLANCE_STATE_DIR=str(state)), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"{home}: other users may now pass through it, but not list it" in done.stderr
    assert mode(home) == "0o701"
    assert mode(state) == mode(state / "services") == "0o711"
    for name in ("faces", "snapshots", "runs", "services/postgresql", "services/redis"):
        assert mode(state / name) == "0o700", name
    assert mode(state / "secret_key") == "0o600"
    for path in (state, state / "faces", state / "services" / "redis"):
        assert "Permission denied" in as_nobody(["ls", str(path)]).stderr


def as_nobody(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, user=65534, group=65534, extra_groups=[], capture_output=True, text=True, cwd=BASE_DIR,
        env=bare_environment(**environment),
    )  # fmt: skip


@pytest.fixture
def nobodys_python():
    """An interpreter that an ordinary user can run, with this one's packages."""
    packages = {"PYTHONPATH": str(Path(psutil.__file__).parents[1]), "PYTHONDONTWRITEBYTECODE": "1"}
    for python in (sys.executable, "/usr/bin/python3.11", "/usr/local/bin/python3.11"):
        with suppress(OSError):
            if as_nobody([python, "-c", "import django, psycopg2"], **packages).returncode == 0:
                return python, packages
    pytest.skip("no Python 3.11 here can be run by an ordinary user")


@root_only
def test_an_ordinary_user_has_them_to_herself(place, nobodys_python):
    python, packages = nobodys_python
    for folder in place.parents:
        folder.chmod(folder.stat().st_mode | 0o001)
    place.chmod(0o777)
    state = place / "state"
    hers = {"SEMBLANCE_STATE_DIR": str(state), **packages}
    touch = "from django.db import connection as c; c.cursor().execute('SELECT 1')"
    command = [python, "manage.py", "shell", "-c", touch]

    done = as_nobody(command, **hers)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert (state / "services" / "postgresql").stat().st_uid == 65534
    assert mode(state / "secret_key") == "0o600"
    assert leftovers(state) == []

    # Root serves her database as her: it stays hers.
    services = EmbeddedServices(state)
    services.acquire()
    assert psutil.Process(servers(state)["postgres"]).uids().real == 65534
    assert services.release()
    done = as_nobody(command, **hers)
    assert done.returncode == 0, done.stderr
